#!/usr/bin/env bash
# All tests; with the race detector where goroutines share memory.
set -euo pipefail
cd "$(dirname "$0")/.."

# These packages are where concurrency is; the rest runs without -race, which
# would cost the drivers their privileges' timing and the binaries their size.
raced=$(go list ./internal/... | grep -E '/(environment|fleet|invoke|catalog|code|runtimeapi|telemetry|logs|logline|lifecycle|placement|store.*|awsapi.*|turn|sandbox/simulated)$')
plain=$(comm -23 <(go list ./... | sort) <(echo "$raced" | sort))

echo "tests with the race detector"
go test -race -timeout 20m $raced
go test -race -timeout 20m ./internal/sim -args -seeds 200
echo "tests"
go test -timeout 30m $plain
