package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// kernelTrees are trees on this host's own cgroups: as they are, and with v1 alone.
func kernelTrees(t *testing.T) map[string]*Tree {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	h, err := FindHost()
	if err != nil {
		t.Fatal(err)
	}
	trees := map[string]*Tree{}
	for name, host := range map[string]Host{"host": h, "v1": {V1: h.V1}} {
		tree, err := OpenTree(host, "", fmt.Sprintf("lambent-%s-%s-%d", strings.ToLower(t.Name()), name, os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := tree.Close(); err != nil {
				t.Error(err)
			}
			for _, dir := range tree.dirs {
				if exists(dir, "cgroup.procs") {
					t.Errorf("%s is left", dir)
				}
			}
		})
		if tree.CanFreeze() {
			trees[name] = tree
		}
	}
	return trees
}

// TestKernel holds a real process by each kind of freezer.
func TestKernel(t *testing.T) {
	t.Parallel()
	for name, tree := range kernelTrees(t) {
		t.Run(name, func(t *testing.T) {
			g, err := newGroup(tree, "one", Limits{MemoryBytes: 64 << 20, CPUs: 0.5, PIDs: 16})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sleep", "1000")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for _, dir := range g.dirs {
				if err := write(dir, "cgroup.procs", fmt.Sprint(cmd.Process.Pid)); err != nil {
					t.Fatal(err)
				}
			}
			if err := g.Freeze(t.Context()); err != nil {
				t.Error(err)
			}
			if u, err := g.Usage(); err != nil || u.Processes != 1 {
				t.Errorf("usage %+v, %v, want one process", u, err)
			}
			if err := g.End(); err != nil { // frozen as it is
				t.Error(err)
			}
			if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
				t.Errorf("the process ended by %v, want SIGKILL", err)
			}
			for range 2 {
				if err := g.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestKernelSweep ends what an owner that is gone left frozen.
func TestKernelSweep(t *testing.T) {
	t.Parallel()
	for name, tree := range kernelTrees(t) {
		t.Run(name, func(t *testing.T) {
			g, err := newGroup(tree, "left", Limits{})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sleep", "1000")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for _, dir := range g.dirs {
				if err := write(dir, "cgroup.procs", fmt.Sprint(cmd.Process.Pid)); err != nil {
					t.Fatal(err)
				}
			}
			if err := g.Freeze(t.Context()); err != nil {
				t.Error(err)
			}
			waited := make(chan error, 1)
			go func() { waited <- cmd.Wait() }()
			swept, err := tree.Sweep(time.Now().Add(time.Minute))
			if err != nil || len(swept.Groups) != 1 || swept.Processes < 1 || swept.Dirs != len(g.dirs) {
				t.Errorf("swept %+v, %v; want one group with %d folders and its process", swept, err, len(g.dirs))
			}
			if err := <-waited; err == nil {
				t.Error("the process ended by itself")
			}
			if err := g.Remove(); err != nil {
				t.Error(err)
			}
		})
	}
}
