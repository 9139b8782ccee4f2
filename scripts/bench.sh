#!/usr/bin/env bash
# Measures bin/lambent beside its floor and its peers; `make bench` builds it
# first. Arguments go to the program: see bench/README.md. The program takes the
# place of this shell, so that whoever ends the one ends the other, which then
# stops its servers; `go run` would stand between them.
set -euo pipefail
cd "$(dirname "$0")/.."

go build -o build/bench ./bench
exec build/bench "$@"
