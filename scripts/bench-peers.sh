#!/usr/bin/env bash
# Installs what `make bench` measures Lambent beside, npm's lambda-local and
# serverless-offline, under build/bench-peers: the versions and digests of
# bench/peers/package-lock.json, none of whose scripts run. What is there already
# is left alone, so that a second run takes no time and no network.
set -euo pipefail
cd "$(dirname "$0")/.."

to=build/bench-peers
mark=$to/.prepared
cmp -s bench/peers/package-lock.json "$mark" && exit 0

command -v npm >/dev/null || {
	echo "npm is not on the PATH" >&2
	exit 1
}
rm -rf "$to"
mkdir -p "$to"
cp bench/peers/package.json bench/peers/package-lock.json "$to"
(cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline \
	--fetch-retries=1 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --loglevel=error) >&2
cp bench/peers/package-lock.json "$mark"
