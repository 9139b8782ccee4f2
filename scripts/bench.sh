#!/usr/bin/env bash
# Measures bin/lambent beside its floor and its peers; `make bench` builds it
# first. Arguments go to the program: see bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

exec go run ./bench "$@"
