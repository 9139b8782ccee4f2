#!/usr/bin/env bash
# All tests, in three groups: with the race detector where goroutines share
# memory; without it where real processes matter; and one package at a time
# where the whole machine is the subject.
set -euo pipefail
cd "$(dirname "$0")/.."

# The whole machine: real sandboxes, servers, interpreters and clients.
whole='/(e2e(/.*)?|conformance(/.*)?|usernet|linux/.*|sandbox/namespace|sandbox/process|runtimes(/.*)?|bench(/.*)?|examples(/.*)?)$'
# Pure logic on top of simulated parts.
raced='/(environment|fleet|invoke|catalog|code(/.*)?|runtimeapi|telemetry|trace|logs|logline|lifecycle|placement|admission|retry|asyncq(/.*)?|destination(/.*)?|functionurl|store(/.*)?|secrets|awsapi(/.*)?|ownapi|turn|sandbox/simulated|bootpool|access|roles|schedule|metrics|stream|alarm|socket)$'

all=$(go list ./...)
first=$(grep -E "$raced" <<<"$all" | grep -vE "$whole")
last=$(grep -E "$whole" <<<"$all")
rest=$(grep -vE "$raced|$whole|/sim$" <<<"$all")

echo "== with the race detector"
go test -race -timeout 20m $first
go test -race -timeout 20m ./internal/sim -args -seeds 200
echo "== 1,000 seeds of the simulation, and the rest"
go test -count=1 -timeout 20m ./internal/sim
go test -count=1 -timeout 20m $rest
echo "== on this machine"
go test -count=1 -p 1 -timeout 40m $last
