#!/usr/bin/env bash
# Installs what the tests run against and a fresh machine does not have, under
# build/: AWS's command line and boto3, Pillow as a layer, other Node.js versions
# and AWS's own runtime clients. What is there already is left alone, so that a
# second run takes no time. Tests that need what could not be installed are skipped
# and say so.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

# say tells of what is missing; it is no failure of the tests that do not need it.
say() { echo "prepare-tests: $*" >&2; }

# One botocore for all, since the version is what the tests were written against.
aws_cli=awscli==1.45.11
boto3=boto3==1.43.11
pillow=pillow==11.3.0

mark=build/venv/.prepared
if [ "$(cat "$mark" 2>/dev/null)" != "$aws_cli $boto3" ]; then
	rm -rf build/venv
	if python3 -m venv build/venv && build/venv/bin/pip install --quiet --disable-pip-version-check "$aws_cli" "$boto3"; then
		echo "$aws_cli $boto3" >"$mark"
	else
		say "no aws command and no boto3"
	fi
fi

# A layer for the interpreter that will use it: the newest python3 that is here.
mark=build/layers/pillow/.prepared
if [ "$(cat "$mark" 2>/dev/null)" != "$pillow" ]; then
	rm -rf build/layers/pillow && mkdir -p build/layers/pillow
	if python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --target build/layers/pillow/python "$pillow"; then
		python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])' >build/layers/pillow/runtime
		echo "$pillow" >"$mark"
	else
		say "no Pillow"
	fi
fi

sh internal/runtimes/testdata/get.sh build/runtimes || say "not all runtimes"

# Programs of the distribution, only where nobody minds: Ruby to serve, and what
# AWS's native runtime clients are built with.
need=()
for program in ruby autoconf automake libtoolize; do
	command -v "$program" >/dev/null || need+=("${program/libtoolize/libtool}")
done
if ((${#need[@]})); then
	if [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${need[@]}") >/dev/null 2>&1 || say "could not install ${need[*]}"
	else
		say "tests of Ruby, or of native runtime clients, are skipped without: ${need[*]}"
	fi
fi
exit 0
