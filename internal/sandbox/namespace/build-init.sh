#!/bin/sh
# Builds PID 1 of the sandboxes for each architecture into initbin/, from where
# the driver embeds it. Does nothing when the sources are older than the result.
# Usage: build-init.sh [GOARCH...]   (default: amd64 arm64)
set -eu
cd "$(dirname "$0")"
root=../../..
for arch in ${*:-amd64 arm64}; do
	out=initbin/lambent-init-linux-$arch
	if [ -s "$out" ] && [ -z "$(find "$root/cmd/lambent-init" "$root/internal/linux/tun" initproto "$root/go.mod" build-init.sh -newer "$out" 2>/dev/null)" ]; then
		continue
	fi
	tmp=$(mktemp initbin/lambent-init-build.XXXXXX)
	trap 'rm -f "$tmp"' EXIT
	CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false -ldflags '-s -w -buildid=' -o "$tmp" "$root/cmd/lambent-init"
	chmod 755 "$tmp"
	mv "$tmp" "$out"
	trap - EXIT
done
