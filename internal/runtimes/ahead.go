package runtimes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// AheadMark is the variable by which a bootstrap knows that it was started
// ahead. Functions cannot set it: their variables do not begin with "_".
const AheadMark = "_LAMBENT_AHEAD"

// seenAtExec are variables, by how they begin, that the C library or the dynamic
// linker reads when a program is executed, and the one that puts another program
// before it.
var seenAtExec = []string{"AWS_LAMBDA_EXEC_WRAPPER", "LD_", "LANG", "LC_", "LOCPATH", "NLSPATH", "GCONV_PATH", "GLIBC_", "MALLOC_"}

// Ahead is the program in the form that can be started ahead; nil where the
// function sets a variable that must be seen when it is executed: one of those that
// every program reads, or one that begins like one of the interpreter's own.
func Ahead(v *lambda.Version, p sandbox.Program, own ...string) *sandbox.Ahead {
	for _, x := range v.Environment {
		begins := func(prefix string) bool { return strings.HasPrefix(x.Name, prefix) }
		if slices.ContainsFunc(seenAtExec, begins) || slices.ContainsFunc(own, begins) {
			return nil
		}
	}
	if slices.ContainsFunc(p.Mounts, func(m sandbox.Mount) bool { return hidden(m.Target) }) {
		return nil
	}
	a := &sandbox.Ahead{
		Mounts: p.Mounts, Path: p.Argv[0], Args: p.Argv[1:], Dir: p.Dir,
		Env: append(slices.Clone(p.Env), AheadMark+"=1"),
	}
	if p.LogFD > 0 {
		a.Pipes = []int{p.LogFD}
	}
	return a
}

// hidden tells whether the function's own mounts would hide one at target.
func hidden(target string) bool {
	return slices.ContainsFunc([]string{TaskRoot, LayerRoot, "/tmp"}, func(own string) bool {
		return target == own || strings.HasPrefix(target, own+"/")
	})
}

// bringsLibraries tells whether the package or a layer has shared libraries where
// the dynamic linker looks for them. It remembers, from the start of a process,
// which of its folders were not there.
func bringsLibraries(folders []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		entries, _ := os.ReadDir(filepath.Join(folder, "lib")) // one that is not there brings nothing
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.Contains(e.Name(), ".so") })
	})
}
