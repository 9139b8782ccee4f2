#!/bin/sh
# Fetches AWS's Java runtime interface client, which the tests compare with, to
# build/runtimes/java. Needs Maven.
set -eu
cd "$(dirname "$0")/../../../.."
into=build/runtimes/java
[ -e "$into/ok" ] && exit 0
mkdir -p "$into"
for artifact in aws-lambda-java-runtime-interface-client:2.9.0 aws-lambda-java-core:1.4.0 aws-lambda-java-serialization:1.2.0 aws-lambda-java-events:3.16.1; do
	mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy "-Dartifact=com.amazonaws:$artifact" "-DoutputDirectory=$into"
done
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy "-Dartifact=joda-time:joda-time:2.10.8" "-DoutputDirectory=$into"
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy "-Dartifact=software.amazon.awssdk:utils-lite:2.34.0" "-DoutputDirectory=$into"
touch "$into/ok"
