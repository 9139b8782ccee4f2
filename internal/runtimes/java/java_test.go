package java

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// The host's interpreters, found once, and the fixtures, compiled once.
var (
	set     *runtimes.Set
	classes map[string]string
	missing string // why the bootstrap cannot be tested here
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambent-java-")
	if err == nil {
		err = prepareTests(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// prepareTests builds the bootstrap as it is now, which may be newer than what
// this test has embedded.
func prepareTests(dir string) error {
	if out, err := exec.Command("./build.sh").CombinedOutput(); err != nil {
		return fmt.Errorf("build the Java bootstrap: %w: %s", err, out)
	}
	family := Family{bootstrap: os.DirFS("bootstrap")}
	var err error
	set, err = runtimes.Discover(context.Background(), runtimes.Options{
		Dir: filepath.Join(dir, "runtimes"), Families: []runtimes.Family{family}, AnyArchitecture: true,
	})
	if err != nil {
		return err
	}
	javac, err := exec.LookPath("javac")
	switch {
	case !family.built():
		missing = "the Java bootstrap was not built: there is no JDK or no Maven here"
	case err != nil:
		missing = "there is no javac here to compile handlers"
	default:
		classes, err = compile(javac, filepath.Join(dir, "classes"))
		return err
	}
	return nil
}

func compile(javac, into string) (map[string]string, error) {
	sources, err := filepath.Glob("testdata/src/fixtures/*.java")
	if err != nil {
		return nil, err
	}
	args := append([]string{"-nowarn", "-Xlint:-options", "--release", "8", "-cp", "bootstrap/" + jarName, "-d", into}, sources...)
	if out, err := exec.Command(javac, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile fixtures: %w: %s", err, out)
	}
	files := map[string]string{}
	err = filepath.WalkDir(into, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(into, path)
		files[name] = string(data)
		return err
	})
	return files, err
}

// here are the runtimes that this host has, one identifier for each Java.
func here(t testing.TB) []runtimes.Found {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	list := slices.DeleteFunc(set.List(), func(f runtimes.Found) bool {
		return !f.Here() || strings.HasSuffix(string(f.Runtime), ".al2023")
	})
	if len(list) == 0 {
		t.Skip("no Java 8, 11, 17, 21 or 25 on this host")
	}
	return list
}

// each runs a test for every Java.
func each(t *testing.T, test func(t *testing.T, f runtimes.Found)) {
	t.Helper()
	for _, f := range here(t) {
		t.Run(string(f.Runtime), func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

// job runs a fixture.
func job(f runtimes.Found, handler string, events ...string) runtimetest.Job {
	j := runtimetest.Job{Set: set, Runtime: f.Runtime, Handler: "fixtures." + handler, Task: classes}
	for _, payload := range events {
		j.Events = append(j.Events, runtimetest.Event{Payload: payload})
	}
	return j
}

func TestFindReadsReleaseFiles(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	java := func(name, release, answer string) {
		folder := filepath.Join(home, ".sdkman/candidates/java", name)
		if err := os.MkdirAll(filepath.Join(folder, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		script := "#!/bin/sh\necho '" + answer + "'\n"
		if err := os.WriteFile(filepath.Join(folder, "bin/java"), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "release"), []byte(release), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	java("a", "JAVA_VERSION=\"21.0.4\"\n", "openjdk 21.0.4 2024-07-16")
	java("b", "JAVA_VERSION=\"1.8.0_402\"\n", "")
	java("c", "JAVA_VERSION=\"17.0.1\"\n", "openjdk 11.0.2 2019-01-15")
	java("d", "JAVA_VERSION=\"11.0.2\"\nJVM_VARIANT=\"Openj9\"\n", "openjdk 11.0.2 2019-01-15")
	java("e", "JAVA_VERSION=\"22.0.1\"\n", "openjdk 22.0.1 2024-04-16")

	host := runtimes.NewHost(nil)
	host.Home, host.Path, host.Env = home, nil, nil
	jar := filepath.Join(t.TempDir(), jarName)
	if err := os.WriteFile(jar, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range (Family{bootstrap: os.DirFS(filepath.Dir(jar))}).Find(t.Context(), host) {
		if f.Source == "sdkman" {
			got = append(got, string(f.Runtime)+" "+f.Version)
		}
	}
	slices.Sort(got)
	want := []string{"java21 21.0.4", "java8.al2 8.0.402", "java8.al2023 8.0.402"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestWithoutBootstrapNothingIsFoundAndAdviceSaysWhy(t *testing.T) {
	t.Parallel()
	f := Family{bootstrap: os.DirFS(t.TempDir())}
	if found := f.Find(t.Context(), runtimes.NewHost(nil)); found != nil {
		t.Errorf("found %+v without a bootstrap to start", found)
	}
	if advice := f.Advice("java21"); !strings.Contains(advice, "built without its Java bootstrap") {
		t.Errorf("advice %q does not say that the bootstrap is missing", advice)
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	const jar, layers = "/var/runtime/lambent-java.jar", "/opt/java"
	for _, c := range []struct {
		runtime lambda.Runtime
		options string
		want    []string
	}{
		{"java17", "", []string{"-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:MaxHeapSize=445644k", "-XX:TieredStopAtLevel=1", "-Xshare:auto"}},
		{"java8.al2", "", []string{"-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:MaxHeapSize=445644k", "-Xshare:auto"}},
		{"java11", "", []string{"-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:MaxHeapSize=445644k", "-Xshare:auto"}},
		{"java25", "-Xmx300m -XX:+UseZGC", []string{"-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-Xshare:auto"}},
		{"java21", "-XX:+TieredCompilation -XX:TieredStopAtLevel=4", []string{"-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:MaxHeapSize=445644k", "-Xshare:auto"}},
		{"java21", "-Xshare:off -XX:MaxRAMPercentage=50", []string{"-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1"}},
		{"java21", "-XX:+UsePerfData", []string{"-XX:+UseSerialGC", "-XX:MaxHeapSize=445644k", "-XX:TieredStopAtLevel=1", "-Xshare:auto"}},
	} {
		v := &lambda.Version{Runtime: c.runtime, MemoryMB: 512, Environment: []lambda.Variable{{Name: "JAVA_TOOL_OPTIONS", Value: c.options}}}
		p, err := Family{}.Program(v, runtimes.Found{Runtime: c.runtime, Path: "/x/bin/java", Prefix: "/x"}, runtimes.Dirs{Bootstrap: "/b"})
		start := []string{"--add-opens=java.base/java.io=ALL-UNNAMED", "-cp", jar, "lambent.runtime.Main"}
		if c.runtime == "java25" || c.runtime == "java8.al2" {
			start = []string{"-jar", jar}
		}
		want := slices.Concat([]string{"/var/lang/bin/java"}, c.want, start, []string{layers})
		if err != nil || !slices.Equal(p.Argv, want) {
			t.Errorf("%s with %q: %q, %v; want %q", c.runtime, c.options, p.Argv, err, want)
		}
		if !p.Wrapper || p.Shell || p.LogFD != 62 || p.Dir != "/var/task" || len(p.Mounts) != 2 {
			t.Errorf("%s: %+v", c.runtime, p)
		}
	}
}

// Distributions keep Java's settings in /etc, and a virtual machine without
// them does not start.
func TestProgramShowsSettingsThatAreElsewhere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"jvm/conf/security", "jvm/lib/security", "etc/java/security", "etc/certs", "etc/other"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{
		"jvm/conf/net.properties":         "/etc/java/net.properties",
		"jvm/conf/security/java.security": "/etc/java/security/java.security",
		"jvm/lib/security/cacerts":        "/etc/certs/cacerts",
		"etc/certs/cacerts":               "/etc/other/cacerts",
	} {
		if err := os.Symlink(root+target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range elsewhere(filepath.Join(root, "jvm")) {
		if m.Source != m.Target {
			t.Errorf("%+v: links lead to the place on the host", m)
		}
		got = append(got, strings.TrimPrefix(m.Source, root))
	}
	if want := []string{"/etc/certs", "/etc/java", "/etc/other"}; !slices.Equal(got, want) {
		t.Errorf("shown are %q, want %q", got, want)
	}
}

// The archive that Prepare makes must be one that the virtual machine takes:
// it says which classes came from it.
func TestPrepareMakesAnArchiveThatIsUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		if runtimes.CompareVersions(f.Version, "13") < 0 {
			t.Skip("archives of an application's classes can be made ahead from Java 13 on")
		}
		o := runtimetest.Run(t, job(f, "Plain::text", `"x"`))
		i := slices.IndexFunc(o.Program.Argv, func(s string) bool {
			return strings.HasPrefix(s, "-XX:SharedArchiveFile=/var/runtime/") || strings.HasPrefix(s, "-XX:AOTCache=/var/runtime/")
		})
		if i < 0 {
			t.Fatalf("command line %q names no archive", o.Program.Argv)
		}
		folder := o.Program.Mounts[1].Source
		option, archive, _ := strings.Cut(o.Program.Argv[i], "=")
		archive = filepath.Join(folder, filepath.Base(archive))
		if cache := option == "-XX:AOTCache"; cache != (runtimes.CompareVersions(f.Version, "25") >= 0) {
			t.Errorf("the archive is named by %s", option)
		}

		// A folder beside the bootstrap, so that ../runtime leads there as it does from /var/task.
		place := t.TempDir()
		if err := os.Mkdir(filepath.Join(place, "task"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(folder, filepath.Join(place, "runtime")); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(f.Path, slices.Concat([]string{"-XX:+UseSerialGC", option + "=" + archive, "-Xlog:class+load"},
			bootstrap(majorOf(f.Runtime), filepath.Join(place, "runtime", jarName)))...)
		cmd.Dir = filepath.Join(place, "task")
		out, _ := cmd.CombinedOutput() // it ends at once: there is no Runtime API
		if !strings.Contains(string(out), "lambent.runtime.Main source: shared objects file") {
			t.Errorf("the bootstrap was not loaded from %s:\n%.2000s", archive, out)
		}
	})
}

// An archive that does not fit, as after an update of the host's Java, is passed
// over without a word: what would be said stands in the function's log.
func TestArchiveThatDoesNotFitIsPassedOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, job(f, "Plain::text", `"x"`))
		folder, place := o.Program.Mounts[1].Source, t.TempDir()
		names, err := filepath.Glob(filepath.Join(folder, "classes-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if err := os.WriteFile(filepath.Join(place, filepath.Base(name)), []byte("not an archive"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(filepath.Join(folder, jarName), filepath.Join(place, jarName)); err != nil {
			t.Fatal(err)
		}
		var args []string
		for _, arg := range o.Program.Argv[1:] {
			args = append(args, strings.Replace(arg, "/var/runtime", place, 1))
		}
		out, _ := exec.Command(f.Path, args...).CombinedOutput() // it ends at once: there is no Runtime API
		if !strings.HasPrefix(string(out), "AWS_LAMBDA_RUNTIME_API is not set") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%q says:\n%.2000s", args, out)
		}
	})
}

// The archive of linked classes is for functions that say nothing to the virtual machine.
func TestWhichArchive(t *testing.T) {
	t.Parallel()
	f, folder := runtimes.Found{Runtime: "java25", Version: "25.0.1", Path: "/x/bin/java", Prefix: "/x"}, t.TempDir()
	for _, name := range []string{archiveName(f), cacheName(f)} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ name, value, want string }{
		{"MINE", "1", "-XX:AOTCache=/var/runtime/" + cacheName(f)},
		{"JAVA_TOOL_OPTIONS", "-javaagent:/opt/agent.jar", "-XX:SharedArchiveFile=/var/runtime/" + archiveName(f)},
		{"JDK_JAVA_OPTIONS", "-XX:+UseZGC", "-XX:SharedArchiveFile=/var/runtime/" + archiveName(f)},
		{"AWS_LAMBDA_EXEC_WRAPPER", "/opt/wrapper", "-XX:SharedArchiveFile=/var/runtime/" + archiveName(f)},
		{"JAVA_TOOL_OPTIONS", "-Xshare:off", ""},
		{"JAVA_TOOL_OPTIONS", "-XX:AOTCache=/var/task/mine", ""},
	} {
		v := &lambda.Version{Runtime: f.Runtime, MemoryMB: 512, Environment: []lambda.Variable{{Name: c.name, Value: c.value}}}
		p, err := Family{}.Program(v, f, runtimes.Dirs{Bootstrap: folder})
		var got []string
		for _, arg := range p.Argv {
			if strings.HasPrefix(arg, "-XX:SharedArchiveFile=") || strings.HasPrefix(arg, "-XX:AOTCache=") {
				got = append(got, arg)
			}
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s=%s: %q, %v; want %q", c.name, c.value, got, err, c.want)
		}
		if slices.Contains(p.Argv, "-Xshare:auto") == strings.Contains(c.want, "AOT") && c.want != "" {
			t.Errorf("%s=%s: %q: the virtual machine takes the one or the other", c.name, c.value, p.Argv)
		}
	}
}

// What few functions use is not made at every start: build.sh and lazy.sed see
// to it, and a Jackson that they do not fit would start as slowly as ever.
func TestConstantsAreMadeWhenTheyAreUsed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		if runtimes.CompareVersions(f.Version, "9") < 0 {
			t.Skip("Java 8 has no -Xlog")
		}
		const instants = "com/amazonaws/lambda/thirdparty/com/fasterxml/jackson/datatype/jsr310/deser/InstantDeserializer"
		made := func(handler, event string) []string {
			j := job(f, handler, event)
			j.Env = []lambda.Variable{{Name: "JAVA_TOOL_OPTIONS", Value: "-Xlog:class+init=info"}}
			var seen []string
			log := runtimetest.Run(t, j).Stdout
			for _, class := range []string{
				"java/util/GregorianCalendar", "java/text/SimpleDateFormat", "java/math/BigDecimal",
				"java/util/TimeZone", "java/lang/reflect/Proxy", instants,
			} {
				if strings.Contains(log, "'"+class+"'") || strings.Contains(log, " "+class+" ") {
					seen = append(seen, class)
				}
			}
			return seen
		}
		if seen := made("Plain::text", `"x"`); len(seen) != 0 {
			t.Errorf("a function of texts has initialized %q", seen)
		}
		if seen := made("Times::zone", `"UTC"`); !slices.Contains(seen, instants) {
			t.Errorf("a function of times has initialized only %q of them", seen)
		}
		if seen := made("Plain::date", `"Fri, 02 Jan 2026 03:04:05 GMT"`); !slices.Contains(seen, "java/text/SimpleDateFormat") {
			t.Errorf("a function of dates has initialized only %q of them", seen)
		}
	})
}

// lazy.sed names classes that have Jackson's mark of its own, so that Java need not
// make annotations of it: they must have it, and no others may seem to.
func TestMarkedClasses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, job(f, "Marked::differing", `"x"`))
		if got := posts(o); len(got) != 1 || got[0] != `["76"]` {
			t.Errorf("of the marked classes seem to be otherwise: %q", got)
		}
	})
}

// What does not ask for a serializer of the function's own everywhere must find it where
// functions have it.
func TestOwnSerializer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		const service = "META-INF/services/com.amazonaws.services.lambda.runtime.CustomPojoSerializer"
		for _, c := range []struct{ providers, options, want string }{
			{"fixtures.Own\n", "", `"own java.lang.String!"`},
			{"fixtures.Own\n", "-Dx=y", `"own java.lang.String!"`},
			{"fixtures.Own\nfixtures.Own$Other\n", "", "too many serializers"},
			{"# none\n", "", `"x"`},
		} {
			j := job(f, "Plain::text", `"x"`)
			j.Task = maps.Clone(j.Task)
			j.Task[service] = c.providers
			if c.options != "" {
				j.Env = []lambda.Variable{{Name: "JAVA_TOOL_OPTIONS", Value: c.options}}
			}
			if got := strings.Join(posts(runtimetest.Run(t, j)), " "); !strings.Contains(strings.ToLower(got), strings.ToLower(c.want)) {
				t.Errorf("with %q and options %q: %s, want %s", c.providers, c.options, got, c.want)
			}
		}
	})
}

// A wrapper can add to the class path where Java looks before functions' folders.
func TestOwnSerializerOfAWrapper(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		j := job(f, "Plain::text", `"x"`)
		j.Env = []lambda.Variable{{Name: "AWS_LAMBDA_EXEC_WRAPPER", Value: "/opt/wrapper"}}
		j.Wrapper, j.Layer = "wrapper", map[string]string{
			"wrapper": "#!/bin/sh\njava=$1; shift\nexec \"$java\" -Xbootclasspath/a:\"${0%/*}/more\" \"$@\"\n",
			"more/META-INF/services/com.amazonaws.services.lambda.runtime.CustomPojoSerializer": "fixtures.Own\n",
		}
		if got := posts(runtimetest.Run(t, j)); len(got) != 1 || got[0] != `"own java.lang.String!"` {
			t.Errorf("%q", got)
		}
	})
}

// The time for which Java keeps that a name has no address is AWS's, unless the
// function chooses: by a variable or, before that, by a file of security properties.
func TestNegativeAnswersOfNames(t *testing.T) {
	t.Parallel()
	const ttl = "networkaddress.cache.negative.ttl"
	f := here(t)[0]
	for _, c := range []struct{ file, variable, want string }{
		{"", "5", "5"},
		{"other=1\n", "", "1"},
		{"other=1\n", "5", "5"},
		{ttl + "=7\n", "", "7"},
		{ttl + "=7\n", "5", "7"},
	} {
		j := job(f, "Plain::security", `"`+ttl+`"`)
		j.Task = maps.Clone(j.Task)
		if c.file != "" {
			j.Task["own.security"] = c.file
			j.Env = append(j.Env, lambda.Variable{Name: "JAVA_TOOL_OPTIONS", Value: "-Djava.security.properties=own.security"})
		}
		if c.variable != "" {
			j.Env = append(j.Env, lambda.Variable{Name: "AWS_LAMBDA_JAVA_NETWORKADDRESS_CACHE_NEGATIVE_TTL", Value: c.variable})
		}
		if got := posts(runtimetest.Run(t, j)); len(got) != 1 || got[0] != `"`+c.want+`"` {
			t.Errorf("with the file %q and the variable %q: %q, want %s", c.file, c.variable, got, c.want)
		}
	}
}

// BenchmarkStart measures from the start of the process to its first /next.
func BenchmarkStart(b *testing.B) {
	for _, f := range here(b) {
		b.Run(string(f.Runtime), func(b *testing.B) {
			var total float64
			for b.Loop() {
				j := job(f, "Plain::point")
				j.Events = []runtimetest.Event{}
				total += float64(runtimetest.Run(b, j).First.Microseconds())
			}
			b.ReportMetric(total/float64(b.N)/1000, "ms/start")
		})
	}
}
