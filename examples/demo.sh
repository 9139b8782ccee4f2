#!/bin/sh
# Shows Lambent with three real functions; examples/demo says what happens.
# Flags go to the demo: examples/demo.sh -driver process
set -eu
cd "$(dirname "$0")/.."
exec "${GO:-go}" run ./examples/demo "$@"
