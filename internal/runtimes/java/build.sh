#!/bin/sh
# Builds bootstrap/lambent-java.jar, which the Go package embeds: our classes
# together with AWS's interfaces and its serialization library. Needs a JDK (9
# or newer) and, for the libraries, Maven; without them it says so and leaves
# Lambent to be built without the Java runtimes. It does nothing when the jar is
# newer than its sources.
set -eu
cd "$(dirname "$0")"

jar=bootstrap/lambent-java.jar
if [ -s "$jar" ] && [ -z "$(find src build.sh lazy.sed -newer "$jar" -print | head -n 1)" ]; then
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

# fetch ARTIFACT FILE SHA256: what Maven knows as the artifact, to $cache/FILE
fetch() {
	if ! is "$cache/$2" "$3"; then
		mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
			"-Dartifact=$1" "-DoutputDirectory=$work" >&2 || {
			echo "java bootstrap: not built, Maven could not get $1" >&2
			exit "${LAMBENT_JAVA_REQUIRED:-0}"
		}
		is "$work/$2" "$3" || {
			echo "java bootstrap: $1 is not the file that was reviewed" >&2
			exit 1
		}
		mv "$work/$2" "$cache/$2"
	fi
}

# library ARTIFACT VERSION SHA256: the classes of a library of com.amazonaws
library() {
	fetch "com.amazonaws:$1:$2" "$1-$2.jar" "$3"
	(cd "$work/classes" && jar xf "$cache/$1-$2.jar")
}

mkdir "$work/classes" "$work/stubs" "$work/jackson" "$work/lazy"
library aws-lambda-java-core 1.4.0 575c24393cc1ad645e83e618956eabd89ffe8cc09efae2cb62bc6589154d68ed
library aws-lambda-java-serialization 1.2.0 1513c1f945a3213f916a4b2de1760c97b51d84d110f82bbbcf9cfac53d5651e7
# One flat jar: the archive of classes (-XX:SharedArchiveFile) is valid for one
# path, and looking for variants by Java release costs time at every start.
rm -rf "$work/classes/META-INF/versions" "$work/classes/META-INF/maven" "$work/classes/META-INF/MANIFEST.MF"
rm -f "$work/classes/module-info.class"

# Some classes of the Jackson that the library has make constants at every start
# that few functions use, and that take a third of it: formats for dates, time zones,
# BigDecimal itself, which fills tables from Java 23 on. Here they are made when they
# are used; lazy.sed and src/jackson say how.
jackson=2.15.4

# lazily GROUP MODULE SHA256 CLASS...: the sources of Jackson's classes, changed
lazily() {
	sources=$2-$jackson-sources.jar
	fetch "com.fasterxml.jackson.$1:$2:$jackson:jar:sources" "$sources" "$3"
	shift 3
	for class; do
		(cd "$work/jackson" && jar xf "$cache/$sources" "com/fasterxml/jackson/$class.java")
		sed -f lazy.sed "$work/jackson/com/fasterxml/jackson/$class.java" >"$work/lazy/$(basename "$class").java"
	done
}

lazily core jackson-core 39eb0047767b181d52575e611b1a0597fd15300cbd1badbe567bf0d94ed18223 core/base/ParserMinimalBase core/base/ParserBase
lazily core jackson-databind b17b352bac8f0d4fb01d32d5c1f31a11b296d78887fd76ec46cf84bc04a36094 \
	databind/util/TokenBuffer databind/util/StdDateFormat databind/util/ClassUtil databind/cfg/BaseSettings databind/ser/impl/ReadOnlyClassToSerializerMap
lazily datatype jackson-datatype-jsr310 4eff9a3ea0b543da8049af2c72046dea70bc23efef6c3d565ed2664741f9e703 datatype/jsr310/JavaTimeModule
javac -nowarn -Xlint:none --release 8 -cp "$work/classes" -d "$work/classes" "$work"/lazy/*.java src/jackson/*.java

javac -nowarn -Xlint:-options --release 8 -d "$work/stubs" src/sun/misc/*.java
javac -nowarn -Xlint:-options --release 8 -cp "$work/classes:$work/stubs" -d "$work/classes" src/core/*.java src/lambent/runtime/*.java
rm "$work/classes/com/amazonaws/services/lambda/runtime/LambdaRuntime\$1.class" # the logger that prints
javac -nowarn -Xlint:-options --release 8 -d "$work/classes/rehearsal" src/rehearsal/*.java
cat >"$work/manifest" <<EOF
Main-Class: lambent.runtime.Main
Add-Opens: java.base/java.io
Enable-Native-Access: ALL-UNNAMED
EOF
jar cfm "$work/lambent-java.jar" "$work/manifest" -C "$work/classes" .
mkdir -p bootstrap
mv "$work/lambent-java.jar" "$jar"
