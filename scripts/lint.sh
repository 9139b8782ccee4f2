#!/usr/bin/env bash
# Format, vet and staticcheck on every platform that Lambent is built for, and
# the project's own rules.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	echo "gofmt would change:" "$unformatted"
	exit 1
fi
for platform in "$@"; do
	echo "vet and build for $platform"
	GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go vet ./...
	GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go build -o /dev/null ./...
done
echo "staticcheck"
go tool staticcheck ./...
echo "import law and tidiness"
go test -count=1 .
