#!/bin/sh
# get.sh NAME: installs an extension under build/extensions/NAME, pinned to the
# version below, unless it is there already. Fails when its registry cannot be
# reached or its tools are missing; the test then says so and is skipped.
set -eu
cd "$(dirname "$0")/../.."
dir="$PWD/build/extensions/$1"

# cargo_install CRATE VERSION BINARY: without optimisation, which only costs time.
cargo_install() {
	CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=true CARGO_TARGET_DIR="$PWD/build/extensions/.cargo" \
		cargo install --quiet --debug --locked --root "$tmp" --version "$2" "$1"
	mkdir "$tmp/extensions"
	mv "$tmp/bin/$3" "$tmp/extensions/$3"
	rmdir "$tmp/bin"
}

version=
case "$1" in
opentelemetry-lambda-extension) version=0.2.0 ;;
lambda-adapter) version=0.9.1 ;;
sentry-extension) version=10.75.2 ;;
lambda-sigterm) version=0.1.2 ;;
*) echo "get.sh: no extension $1" >&2; exit 2 ;;
esac
[ "$(cat "$dir/.version" 2>/dev/null)" != "$version" ] || exit 0

tmp="$dir.new"
rm -rf "$tmp" "$dir"
mkdir -p "$tmp"
trap 'rm -rf "$tmp"' EXIT
case "$1" in
opentelemetry-lambda-extension) cargo_install opentelemetry-lambda-extension "$version" opentelemetry-lambda-extension ;;
lambda-adapter) cargo_install lambda_web_adapter "$version" lambda-adapter ;;
sentry-extension)
	(cd "$tmp" && npm pack --silent "@sentry/aws-serverless@$version" >/dev/null && tar xzf ./*.tgz)
	# As its makers lay it out in their layer.
	mkdir "$tmp/extensions" "$tmp/sentry-extension"
	mv "$tmp/package/build/lambda-extension/sentry-extension" "$tmp/extensions/"
	mv "$tmp/package/build/lambda-extension/index.mjs" "$tmp/sentry-extension/"
	chmod 755 "$tmp/extensions/sentry-extension" "$tmp/sentry-extension/index.mjs"
	rm -rf "$tmp/package" "$tmp"/*.tgz
	;;
lambda-sigterm)
	python3 -m pip install --quiet --disable-pip-version-check --target "$tmp/python" "lambda_sigterm==$version" urllib3==2.5.0
	;;
esac
echo "$version" >"$tmp/.version"
mv "$tmp" "$dir"
