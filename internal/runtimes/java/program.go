package java

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
)

// heapPercent is the heap's share of the function's memory, as AWS's virtual
// machines are started (-XX:MaxHeapSize=445645k of 512 MB).
const heapPercent = 85

// setting is an option of the virtual machine that the function may choose
// itself. What is on the command line would win over JAVA_TOOL_OPTIONS, so it
// is left out when the function says something about the same.
type setting struct {
	option string
	theirs *regexp.Regexp
}

var (
	collector   = regexp.MustCompile(`-XX:[+-]Use\w*GC\b`)
	compilation = regexp.MustCompile(`-XX:([+-]TieredCompilation\b|TieredStopAtLevel=)|-X(int|comp)\b`)
	heap        = regexp.MustCompile(`-Xmx|-XX:(MaxHeapSize|MaxRAM|MaxRAMPercentage|MaxRAMFraction)=`)
	perfData    = regexp.MustCompile(`-XX:[+-](UsePerfData\b|PerfDataSaveToFile\b)`)
	placement   = regexp.MustCompile(`-XX:ArchiveRelocationMode=`)
	archive     = regexp.MustCompile(`-Xshare:|-XX:(SharedArchiveFile|AOT\w*)=`)
)

// settings are the options for a version.
func settings(v *lambda.Version, major string, archives []string) []setting {
	list := []setting{
		{"-XX:+UseSerialGC", collector},
		{"-XX:-UsePerfData", perfData}, // or it keeps a file in the function's /tmp, for tools that nobody can run there
		{fmt.Sprintf("-XX:MaxHeapSize=%dk", v.MemoryMB*1024*heapPercent/100), heap},
	}
	if stopsAtC1(major) {
		list = append(list, setting{"-XX:TieredStopAtLevel=1", compilation})
	}
	if len(archives) == 0 {
		return append(list, setting{"-Xshare:auto", archive})
	}
	for _, option := range archives {
		list = append(list, setting{option, archive})
	}
	// Elsewhere than where it was made for, each pointer in it would have to be changed, on pages of the process's own.
	return append(list, setting{"-XX:+UnlockDiagnosticVMOptions", placement}, setting{"-XX:ArchiveRelocationMode=0", placement})
}

// stopsAtC1 tells whether AWS compiles with the first compiler only
// (developer guide, "Java runtime startup behavior": from Java 17 on).
func stopsAtC1(major string) bool { return runtimes.CompareVersions(major, "17") >= 0 }

// bootstrap names what the virtual machine runs. As on AWS, functions may look into
// java.io's classes: the jar's manifest says so, but what is on the command line is
// done sooner and costs less. From Java 24 on, where linked archives want to know
// of nothing but a jar, and on Java 8, which has no modules, the jar says it all.
func bootstrap(major, jar string) []string {
	if runtimes.CompareVersions(major, "9") < 0 || runtimes.CompareVersions(major, "24") >= 0 {
		return []string{"-jar", jar}
	}
	return []string{"--add-opens=java.base/java.io=ALL-UNNAMED", "-cp", jar, "lambent.runtime.Main"}
}

// Program starts the virtual machine with the bootstrap. Its argument is the
// layers' folder, which a driver without a file system of its own puts
// elsewhere.
func (Family) Program(v *lambda.Version, found runtimes.Found, dirs runtimes.Dirs) (sandbox.Program, error) {
	argv := []string{runtimes.LangDir + "/bin/java"}
	theirs := options(v)
	for _, s := range settings(v, majorOf(found.Runtime), archivesFor(v, found, dirs.Bootstrap)) {
		if !s.theirs.MatchString(theirs) {
			argv = append(argv, s.option)
		}
	}
	p := sandbox.Program{
		Mounts:  slices.Concat(dirs.Mounts(found), elsewhere(found.Prefix), localeMounts(dirs.Bootstrap)),
		Argv:    slices.Concat(argv, bootstrap(majorOf(found.Runtime), runtimes.RuntimeDir+"/"+jarName), []string{runtimes.LayerRoot + "/java"}),
		Dir:     runtimes.TaskRoot,
		Wrapper: true,
		OldKeys: runtimes.CompareVersions(majorOf(found.Runtime), "17") < 0,
		LogFD:   runtimes.LogFD,
	}
	if canStartAhead(found, dirs.Bootstrap) {
		// The virtual machine asks the C library for the time zone and for its own
		// options; class loading and addresses look at the others.
		p.Ahead = runtimes.Ahead(v, p, "JAVA_", "JDK_", "CLASSPATH", "TZ", "HOME", "AWS_LAMBDA_JAVA_")
	}
	return p, nil
}

// canStartAhead tells whether Prepare has done its work, on a release whose
// variables can be replaced.
func canStartAhead(found runtimes.Found, folder string) bool {
	_, err := os.Stat(filepath.Join(folder, libraryName))
	return err == nil && runtimes.CompareVersions(majorOf(found.Runtime), "17") >= 0
}

// options is what the function says to the virtual machine by variables.
func options(v *lambda.Version) string {
	var all []string
	for _, name := range []string{"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"} {
		if value, ok := runtimes.Variable(v, name); ok {
			all = append(all, value)
		}
	}
	return strings.Join(all, " ")
}

// archivesFor are the options that name the archive of classes that Prepare made
// for the interpreter, as seen inside; none if there is none. One that does not fit
// costs time; complaints about it would stand in the function's log.
//
// Of linked classes, the virtual machine takes all or, with an agent or another
// collector, none, and has no archive at all then. So they are for functions that
// say nothing to it.
func archivesFor(v *lambda.Version, found runtimes.Found, folder string) []string {
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	}
	_, wrapped := runtimes.Variable(v, "AWS_LAMBDA_EXEC_WRAPPER")
	switch {
	case options(v) == "" && !wrapped && exists(cacheName(found)):
		return []string{"-XX:AOTCache=" + runtimes.RuntimeDir + "/" + cacheName(found), "-Xlog:aot=off", "-Xlog:cds=off"}
	case exists(archiveName(found)):
		return []string{"-XX:SharedArchiveFile=" + runtimes.RuntimeDir + "/" + archiveName(found), "-Xlog:cds=off", "-Xshare:auto"}
	}
	return nil
}

// elsewhere shows the folders outside of its own that an installation's
// settings and certificates are links to: distributions keep them in /etc, and
// without them the virtual machine does not start.
func elsewhere(home string) []sandbox.Mount {
	var folders []string
	for _, file := range []string{
		"conf/net.properties", "conf/security/java.security", "lib/security/cacerts", "lib/security/default.policy",
		"lib/net.properties", "lib/security/java.security", // Java 8
	} {
		folders = append(folders, linked(filepath.Join(home, file), home)...)
	}
	slices.Sort(folders) // a folder comes before those within it
	var mounts []sandbox.Mount
	for _, folder := range folders {
		if n := len(mounts); n == 0 || !within(folder, mounts[n-1].Source) {
			mounts = append(mounts, sandbox.Mount{Source: folder, Target: folder})
		}
	}
	return mounts
}

// linked follows a file's links and lists the folders that they lead to.
func linked(file, home string) []string {
	var folders []string
	for range 8 { // a chain is two or three links long; a circle is not followed for ever
		target, err := os.Readlink(file)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(file), target)
		}
		file = target
		if folder := filepath.Dir(file); !within(folder, home) {
			if _, err := os.Stat(folder); err == nil {
				folders = append(folders, folder)
			}
		}
	}
	return folders
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
