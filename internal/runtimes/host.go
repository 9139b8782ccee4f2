package runtimes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"time"
)

// probeTimeout bounds one run of a program that may be an interpreter: a shim
// of a version manager can hang on a network share or a prompt. It counts from
// the run's turn, and is long enough for a JVM on a very busy host: a runtime
// that was not found in time is missing until the next start.
const probeTimeout = 20 * time.Second

// Host is where families look for interpreters. Its fields are inputs, so that
// a test can make a host of its own.
type Host struct {
	Home    string
	Path    []string // folders of PATH
	Folders []string // runtime folders that the operator named: they come first
	Env     []string // environment of programs that are tried

	probes *probes
	turns  chan struct{} // one for each program that may run at once
}

// NewHost describes this machine for the current user. folders are the
// operator's own runtime folders.
func NewHost(folders []string) *Host {
	home, _ := os.UserHomeDir()
	return &Host{
		Home:    home,
		Path:    filepath.SplitList(os.Getenv("PATH")),
		Folders: folders,
		Env:     os.Environ(),
		probes:  newProbes(""),
		turns:   make(chan struct{}, 2*runtime.NumCPU()),
	}
}

// Candidate is a file that may be an interpreter.
type Candidate struct {
	Path   string
	Source string
}

// Place is a pattern of paths that one kind of installation uses. "~" stands
// for the home folder.
type Place struct {
	Pattern string
	Source  string
}

// Candidates lists the executable files that are called one of names in the
// operator's folders (also below bin), in PATH, and at the places, in that
// order; names with folders in them only in the operator's. Of one file with
// several names only the first is listed.
func (h *Host) Candidates(names []string, places []Place) []Candidate {
	var list []Candidate
	seen := map[string]bool{}
	add := func(path, source string) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || seen[real] || !executable(real) {
			return
		}
		seen[real] = true
		list = append(list, Candidate{Path: path, Source: source})
	}
	for _, dir := range h.Folders {
		for _, name := range names {
			for _, below := range []string{"bin", ".", "*/bin"} {
				for _, path := range h.glob(filepath.Join(dir, below, name)) {
					add(path, "runtime folder")
				}
			}
		}
	}
	for _, dir := range h.Path {
		for _, name := range names {
			if strings.Contains(name, "/") {
				continue // a shell would not find it, and there are thousands of files to look at
			}
			for _, path := range h.glob(filepath.Join(dir, name)) {
				add(path, "PATH")
			}
		}
	}
	for _, place := range places {
		for _, path := range h.glob(place.Pattern) {
			add(path, place.Source)
		}
	}
	return list
}

// glob lists what matches, the highest version first.
func (h *Host) glob(pattern string) []string {
	if rest, ok := strings.CutPrefix(pattern, "~"); ok {
		if h.Home == "" {
			return nil
		}
		pattern = h.Home + rest
	}
	paths, _ := filepath.Glob(pattern)
	sort.SliceStable(paths, func(i, j int) bool { return CompareVersions(paths[i], paths[j]) > 0 })
	return paths
}

// Try runs a program that may be an interpreter and returns what it printed.
// Answers are remembered by the file's path, time and size, refusals included;
// what was cut short is tried again the next time.
func (h *Host) Try(ctx context.Context, path string, args ...string) (string, error) {
	return h.probes.do(path, args, func() (string, error) {
		return h.Run(ctx, path, args...)
	})
}

// Run runs a program with the host's environment, away from any project
// folder, and returns what it printed.
func (h *Host) Run(ctx context.Context, path string, args ...string) (string, error) {
	if h.turns != nil {
		select {
		case h.turns <- struct{}{}:
			defer func() { <-h.turns }()
		case <-ctx.Done():
			return "", fmt.Errorf("run %s: %w", path, ctx.Err())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = "/"
	cmd.Env = h.Env
	cmd.WaitDelay = time.Second // a shim's descendants may hold the pipe
	defer Tether(cmd)()
	out, err := cmd.Output()
	if ctx.Err() != nil {
		err = ctx.Err() // what killed it, rather than that it was killed
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", path, err)
	}
	return string(out), nil
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// CompareVersions orders strings so that the numbers within them count as
// numbers: "3.9.18" before "3.10.13".
func CompareVersions(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
