#!/bin/sh
# Builds bootstrap/lambent-java.jar, which the Go package embeds: our classes
# together with AWS's interfaces and its serialization library. Needs a JDK (9
# or newer) and, for the two libraries, Maven; without them it says so and leaves
# Lambent to be built without the Java runtimes. It does nothing when the jar is
# newer than its sources.
set -eu
cd "$(dirname "$0")"

jar=bootstrap/lambent-java.jar
if [ -s "$jar" ] && [ -z "$(find src build.sh -newer "$jar" -print | head -n 1)" ]; then
	exit 0
fi
for tool in javac jar mvn; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "java bootstrap: not built, there is no $tool here" >&2
		exit "${LAMBENT_JAVA_REQUIRED:-0}"
	fi
done

# What is fetched once stays in the user's cache, so that "make clean" needs no network.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lambent/java
mkdir -p "$cache"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# is FILE SHA256: whether the file is there and is that one
is() {
	if command -v sha256sum >/dev/null 2>&1; then
		echo "$2  $1" | sha256sum -c >/dev/null 2>&1
	else
		echo "$2  $1" | shasum -a 256 -c >/dev/null 2>&1
	fi
}

# fetch ARTIFACT VERSION SHA256: a library of com.amazonaws
fetch() {
	file=$cache/$1-$2.jar
	if ! is "$file" "$3"; then
		mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
			"-Dartifact=com.amazonaws:$1:$2" "-DoutputDirectory=$work" >&2 || {
			echo "java bootstrap: not built, Maven could not get $1 $2" >&2
			exit "${LAMBENT_JAVA_REQUIRED:-0}"
		}
		is "$work/$1-$2.jar" "$3" || {
			echo "java bootstrap: $1 $2 is not the file that was reviewed" >&2
			exit 1
		}
		mv "$work/$1-$2.jar" "$file"
	fi
	(cd "$work/classes" && jar xf "$file")
}

mkdir "$work/classes"
fetch aws-lambda-java-core 1.4.0 575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed
fetch aws-lambda-java-serialization 1.2.0 1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7
# One flat jar: the archive of classes (-XX:SharedArchiveFile) is valid for one
# path, and looking for variants by Java release costs time at every start.
rm -rf "$work/classes/META-INF/versions" "$work/classes/META-INF/maven" "$work/classes/META-INF/MANIFEST.MF"
rm -f "$work/classes/module-info.class"

javac -nowarn -Xlint:-options --release 8 -cp "$work/classes" -d "$work/classes" src/lambent/runtime/*.java
cat >"$work/manifest" <<EOF
Main-Class: lambent.runtime.Main
Add-Opens: java.base/java.io
Enable-Native-Access: ALL-UNNAMED
EOF
jar cfm "$work/lambent-java.jar" "$work/manifest" -C "$work/classes" .
mkdir -p bootstrap
mv "$work/lambent-java.jar" "$jar"
