#!/usr/bin/env bash
# Fuzzes every parser of outside bytes in turn, each for FUZZTIME (20s). An input
# that fails stays in the package's testdata, and is a test from then on.
set -euo pipefail
cd "$(dirname "$0")/.."
git grep -lE '^func Fuzz' -- '*_test.go' | while read -r file; do
	package=./$(dirname "$file")
	grep -oE '^func Fuzz\w+' "$file" | cut -d' ' -f2 | while read -r target; do
		echo "== $package $target"
		go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}"
	done
done
