// Package java serves the managed runtimes java8.al2 to java25 with the Java
// virtual machines of the host; a JRE suffices.
//
// The bootstrap is a jar of ours (src) with AWS's own serialization library in
// it, see docs/decisions/0011-java-bootstrap.md. It is built by build.sh and
// embedded; a Lambent that was built without a JDK has no Java runtimes and
// says so.
package java

import (
	"bufio"
	"context"
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
)

//go:embed bootstrap
var files embed.FS

// jarName is the bootstrap, in the folder that is shown at /var/runtime.
const jarName = "lambent-java.jar"

// releases are the Java releases that AWS has runtimes for, newest first, and
// the identifiers of each.
var releases = []struct {
	major string
	names []lambda.Runtime
}{
	{"25", []lambda.Runtime{"java25"}},
	{"21", []lambda.Runtime{"java21"}},
	{"17", []lambda.Runtime{"java17", "java17.al2023"}},
	{"11", []lambda.Runtime{"java11", "java11.al2023"}},
	{"8", []lambda.Runtime{"java8.al2", "java8.al2023"}},
}

// Family is the Java runtimes.
type Family struct {
	bootstrap fs.FS // nil: the embedded one
}

var (
	_ runtimes.Family   = Family{}
	_ runtimes.Preparer = Family{}
)

// Name is "java".
func (Family) Name() string { return "java" }

// Runtimes are java25 to java8.al2.
func (Family) Runtimes() []lambda.Runtime {
	var list []lambda.Runtime
	for _, r := range releases {
		list = append(list, r.names...)
	}
	return list
}

// Advice names the ways to a Java of the right release.
func (f Family) Advice(r lambda.Runtime) string {
	if !f.built() {
		return "this Lambent was built without its Java bootstrap: build it on a machine with a JDK and Maven"
	}
	major := majorOf(r)
	return "install a Java " + major + " runtime, for example with `apt-get install openjdk-" + major +
		"-jre-headless` or `sdk install java`, or name its folder with --runtime-dir"
}

func majorOf(r lambda.Runtime) string {
	for _, release := range releases {
		if slices.Contains(release.names, r) {
			return release.major
		}
	}
	return ""
}

// built tells whether the bootstrap was there when Lambent was compiled.
func (f Family) built() bool {
	_, err := fs.Stat(f.Bootstrap(), jarName)
	return err == nil
}

// Bootstrap is the jar.
func (f Family) Bootstrap() fs.FS {
	if f.bootstrap != nil {
		return f.bootstrap
	}
	sub, err := fs.Sub(files, "bootstrap")
	if err != nil {
		panic(err) // the path is a constant that the embedding checked
	}
	return sub
}

// places are where distributions, version managers and people put Java.
func places(host *runtimes.Host) []runtimes.Place {
	list := []runtimes.Place{
		{Pattern: "/usr/lib/jvm/*/bin/java", Source: "system"},
		{Pattern: "/usr/lib/jvm/*/jre/bin/java", Source: "system"},
		{Pattern: "/usr/java/*/bin/java", Source: "system"},
		{Pattern: "/opt/java*/bin/java", Source: "/opt"},
		{Pattern: "/opt/java/*/bin/java", Source: "/opt"},
		{Pattern: "/opt/jdk*/bin/java", Source: "/opt"},
		{Pattern: "~/.sdkman/candidates/java/*/bin/java", Source: "sdkman"},
		{Pattern: "~/.asdf/installs/java/*/bin/java", Source: "asdf"},
		{Pattern: "~/.local/share/mise/installs/java/*/bin/java", Source: "mise"},
		{Pattern: "~/.jabba/jdk/*/bin/java", Source: "jabba"},
		{Pattern: "~/.jdks/*/bin/java", Source: "IntelliJ"},
		{Pattern: "/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java", Source: "system"},
		{Pattern: "~/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java", Source: "IntelliJ"},
		{Pattern: "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home/bin/java", Source: "homebrew"},
		{Pattern: "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home/bin/java", Source: "homebrew"},
	}
	for _, variable := range host.Env {
		if home, ok := strings.CutPrefix(variable, "JAVA_HOME="); ok && home != "" {
			list = append([]runtimes.Place{{Pattern: filepath.Join(home, "bin/java"), Source: "JAVA_HOME"}}, list...)
		}
	}
	return list
}

// Find reads the release file beside every java, and runs those of a release
// that we serve. A shim of a version manager has no such file; the managers'
// own folders are among the places.
func (f Family) Find(ctx context.Context, host *runtimes.Host) []runtimes.Found {
	if !f.built() {
		return nil
	}
	candidates := host.Candidates([]string{"java"}, places(host))
	tried := make([][]runtimes.Found, len(candidates))
	var all sync.WaitGroup
	for i, c := range candidates {
		all.Go(func() { tried[i] = try(ctx, host, c) })
	}
	all.Wait()
	return slices.Concat(tried...)
}

func try(ctx context.Context, host *runtimes.Host, c runtimes.Candidate) []runtimes.Found {
	path, err := filepath.EvalSymlinks(c.Path)
	if err != nil || filepath.Base(filepath.Dir(path)) != "bin" {
		return nil
	}
	home := filepath.Dir(filepath.Dir(path))
	about := release(home)
	if about["JVM_VARIANT"] == "Openj9" { // it has other options than HotSpot
		return nil
	}
	version := strings.Replace(about["JAVA_VERSION"], "1.8.0_", "8.0.", 1)
	major, _, _ := strings.Cut(version, ".")
	for _, r := range releases {
		if r.major == major && works(ctx, host, path, major, about["JAVA_VERSION"]) {
			var found []runtimes.Found
			for _, name := range r.names {
				found = append(found, runtimes.Found{Runtime: name, Version: version, Path: path, Prefix: home, Source: c.Source})
			}
			return found
		}
	}
	return nil
}

// works tells whether the program runs and is what its release file says.
func works(ctx context.Context, host *runtimes.Host, path, major, version string) bool {
	if major == "8" {
		_, err := host.Try(ctx, path, "-version") // it prints to the standard error
		return err == nil
	}
	out, err := host.Try(ctx, path, "--version")
	return err == nil && strings.Contains(out, " "+version)
}

// release reads the file that describes a Java installation, of a JRE within a
// JDK too.
func release(home string) map[string]string {
	file, err := os.Open(filepath.Join(home, "release"))
	if err != nil && filepath.Base(home) == "jre" {
		file, err = os.Open(filepath.Join(filepath.Dir(home), "release"))
	}
	about := map[string]string{}
	if err != nil {
		return about
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), "="); ok {
			about[key] = strings.Trim(value, `"`)
		}
	}
	return about
}
