package sandboxtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// traces lists what the host has of a state folder, or with a token in its name:
// mounts, loop devices, cgroups, network namespaces, processes and files.
func traces(state, token string) []string {
	var found []string
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err == nil {
		for line := range strings.Lines(string(mounts)) {
			if strings.Contains(line, state) || strings.Contains(line, token) {
				found = append(found, "mount "+strings.TrimSpace(line))
			}
		}
	}
	for _, name := range glob("/sys/block/loop*/loop/backing_file") {
		if b, err := os.ReadFile(name); err == nil && bytes.Contains(b, []byte(state)) {
			found = append(found, "loop device "+name+" of "+string(b))
		}
	}
	found = append(found, named("cgroup", "/sys/fs/cgroup", token)...)
	found = append(found, named("network", "/run/netns", token)...)
	found = append(found, named("file", state, token)...)
	return append(found, processTraces(token)...)
}

// named lists what has the token in its name below a folder.
func named(kind, folder, token string) []string {
	var found []string
	filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if strings.Contains(e.Name(), token) {
			found = append(found, kind+" "+name)
			if e.IsDir() {
				return fs.SkipDir
			}
		}
		return nil
	})
	return found
}

// processTraces lists processes that were given the token. Zombies are their
// parents' matter.
func processTraces(token string) []string {
	var found []string
	for _, folder := range glob("/proc/[0-9]*") {
		for _, file := range []string{"/environ", "/cmdline"} {
			b, err := os.ReadFile(folder + file)
			if err != nil || !bytes.Contains(b, []byte("PROBE_TOKEN="+token)) {
				continue
			}
			cmdline, err := os.ReadFile(folder + "/cmdline")
			if err != nil {
				continue
			}
			found = append(found, "process "+filepath.Base(folder)+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
			break
		}
	}
	return found
}

func glob(pattern string) []string {
	names, err := filepath.Glob(pattern)
	if err != nil {
		panic(err) // the patterns are ours
	}
	return names
}
