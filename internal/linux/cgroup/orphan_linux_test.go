package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fakeV1 is two folders that look like v1 hierarchies.
func fakeV1(t *testing.T) Host {
	t.Helper()
	return Host{V1: map[string]string{CPU: t.TempDir(), Memory: t.TempDir()}}
}

func openTree(t *testing.T, h Host, name string) *Tree {
	t.Helper()
	tree, err := OpenTree(h, "", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tree.disown)
	return tree
}

// die leaves a tree behind as an owner does that was killed.
func die(t *testing.T, tree *Tree, groups ...string) {
	t.Helper()
	for _, id := range groups {
		if _, err := tree.New(id); err != nil {
			t.Fatal(err)
		}
	}
	tree.disown()
}

// TestOrphansAreTold: only what is certainly orphaned is removed.
func TestOrphansAreTold(t *testing.T) {
	t.Parallel()
	folder := func(t *testing.T, h Host, controller, name string, mode os.FileMode) string {
		dir := filepath.Join(h.V1[controller], name)
		if err := os.Mkdir(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, tt := range map[string]struct {
		name  string
		left  func(t *testing.T, h Host, name string)
		swept Swept
	}{
		"dead": {"lambent-1", func(t *testing.T, h Host, name string) { die(t, openTree(t, h, name)) }, Swept{Dirs: 2}},
		"dead, with groups": {"lambent-1", func(t *testing.T, h Host, name string) { die(t, openTree(t, h, name), "a", hostsName) },
			Swept{Dirs: 6, Groups: []string{"lambent-1/a"}}},
		"dead while it began": {"lambent-1", func(t *testing.T, h Host, name string) { folder(t, h, CPU, name, folderMode) }, Swept{Dirs: 1}},
		"idle":                {"lambent-1", func(t *testing.T, h Host, name string) { openTree(t, h, name) }, Swept{}},
		"beginning": {"lambent-1", func(t *testing.T, h Host, name string) {
			lock, err := lockFolder(folder(t, h, CPU, name, folderMode), unix.LOCK_SH)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { lock.Close() })
			folder(t, h, Memory, name, folderMode)
		}, Swept{}},
		"of one who locks nothing": {"lambent-1", func(t *testing.T, h Host, name string) {
			folder(t, h, CPU, name, 0o755)
			folder(t, h, Memory, name, folderMode)
		}, Swept{}},
		"another's": {"lambert-1", func(t *testing.T, h Host, name string) { die(t, openTree(t, h, name)) }, Swept{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := fakeV1(t)
			tree := openTree(t, h, "lambent-0")
			tt.left(t, h, tt.name)
			before := folders(h)
			swept, err := tree.SweepOrphans(t.Context(), "lambent-")
			if err != nil || fmt.Sprint(swept) != fmt.Sprint(tt.swept) {
				t.Errorf("swept %+v, %v; want %+v", swept, err, tt.swept)
			}
			if removed := len(before) - len(folders(h)); removed != tt.swept.Dirs {
				t.Errorf("%d folders went, want %d; before there were %q", removed, tt.swept.Dirs, before)
			}
		})
	}
}

// folders lists everything in all hierarchies.
func folders(h Host) []string {
	var all []string
	for _, mount := range h.V1 {
		top, _ := filepath.Glob(filepath.Join(mount, "*"))
		below, _ := filepath.Glob(filepath.Join(mount, "*", "*"))
		all = slices.Concat(all, top, below)
	}
	return all
}

// TestLockFolderIsTheOneThere: a folder that was removed meanwhile is not locked,
// whether there is a new one of that name or not.
func TestLockFolderIsTheOneThere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "one")
	for _, makeAnew := range []bool{false, true} {
		if err := os.MkdirAll(dir, folderMode); err != nil {
			t.Fatal(err)
		}
		opened, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		if err := stillThere(opened); err != nil {
			t.Error(err)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if makeAnew {
			if err := os.Mkdir(dir, folderMode); err != nil {
				t.Fatal(err)
			}
		}
		if err := stillThere(opened); !missing(err) {
			t.Errorf("made anew: %v; got %v, want that it is not there", makeAnew, err)
		}
	}
}

// TestOrphansAreMany: a hundred trees go, and one that cannot does not stop the rest.
func TestOrphansAreMany(t *testing.T) {
	t.Parallel()
	h := fakeV1(t)
	tree := openTree(t, h, "lambent-0")
	for i := range 100 {
		die(t, openTree(t, h, fmt.Sprint("lambent-1", i)), "a", "b")
	}
	stuck := openTree(t, h, "lambent-100")
	put(t, stuck.dirs[0], "file", "")
	die(t, stuck)
	swept, err := tree.SweepOrphans(t.Context(), "lambent-")
	if !errors.Is(err, unix.ENOTEMPTY) || swept.Dirs != 600 || len(swept.Groups) != 200 {
		t.Errorf("swept %d folders, %d groups, %v", swept.Dirs, len(swept.Groups), err)
	}
}

// TestOrphansAreLeftInPeace: who ends is not kept waiting by a sweep.
func TestOrphansAreLeftInPeace(t *testing.T) {
	t.Parallel()
	h := fakeV1(t)
	tree := openTree(t, h, "lambent-0")
	die(t, openTree(t, h, "lambent-1"))
	die(t, openTree(t, h, "lambent-2"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if swept, err := tree.SweepOrphans(ctx, "lambent-"); !errors.Is(err, context.Canceled) || swept.Dirs < 1 || swept.Dirs > 2 {
		t.Errorf("swept %+v, %v; want at most one tree", swept, err)
	}
}

// sweepBeside has owners come and go while others sweep, and fails when a tree is
// taken from under its owner.
func sweepBeside(t *testing.T, h Host, prefix string, rounds int) {
	t.Helper()
	var sweepers, owners sync.WaitGroup
	ended, want := make(chan struct{}), 0
	for i := range 2 {
		sweeper := openTree(t, h, fmt.Sprintf("%ssweeper%d", prefix, i))
		want = len(sweeper.dirs)
		sweepers.Go(func() {
			for {
				select {
				case <-ended:
					if err := sweeper.Close(); err != nil {
						t.Error(err)
					}
					return
				default:
				}
				beside, err := sweeper.beside(prefix)
				for _, dirs := range beside { // without the pauses
					o := orphan{dirs: dirs, seen: map[int]bool{}}
					if _, failed := o.work(time.Now().Add(stretch)); !errors.Is(failed, errOwned) {
						err = errors.Join(err, failed)
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 2 {
		name := fmt.Sprintf("%sowner%d", prefix, i)
		owners.Go(func() {
			for round := range rounds {
				tree, err := OpenTree(h, "", name)
				if err != nil {
					t.Error(err)
					return
				}
				g, err := tree.New(fmt.Sprint(round))
				if err != nil {
					t.Errorf("the tree of a living owner: %v", err)
					return
				}
				if len(g.dirs) != want {
					t.Errorf("the tree has %d folders, want %d", len(g.dirs), want)
				}
				tree.hosts.Close() // nil or not
				tree.disown()      // it is killed, and has a successor
			}
		})
	}
	owners.Wait()
	close(ended)
	sweepers.Wait()
	last := openTree(t, h, prefix+"last")
	if _, err := last.SweepOrphans(t.Context(), prefix); err != nil {
		t.Error(err)
	}
	if err := last.Close(); err != nil {
		t.Error(err)
	}
	for _, mount := range []string{h.Unified, h.V1[CPU], h.V1[Memory]} {
		if left, _ := filepath.Glob(filepath.Join(mount, prefix+"*")); mount != "" && len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	}
}

func TestOrphansBesideOwners(t *testing.T) {
	t.Parallel()
	sweepBeside(t, fakeV1(t), "lambent-", 300)
}

// orphansPrefix is one that no daemon on this host sweeps.
func orphansPrefix(t *testing.T) string {
	return fmt.Sprintf("test-of-lambent-%s-%d-", strings.ToLower(t.Name()), os.Getpid())
}

func TestKernelOrphansBesideOwners(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	h, err := FindHost()
	if err != nil {
		t.Fatal(err)
	}
	sweepBeside(t, h, orphansPrefix(t), 30)
}

// TestKernelOrphans: what a dead owner left frozen is ended and removed, in each
// dialect; an owner who lives and does nothing keeps its tree.
func TestKernelOrphans(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	host, err := FindHost()
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]Host{"host": host, "v1": {V1: host.V1}} {
		t.Run(name, func(t *testing.T) {
			prefix := orphansPrefix(t)
			prefix = strings.ReplaceAll(prefix, "/", "-")
			sweeper, idle, dead := openTree(t, h, prefix+"sweeper"), openTree(t, h, prefix+"idle"), openTree(t, h, prefix+"dead")
			t.Cleanup(func() {
				for _, tree := range []*Tree{sweeper, idle, dead} {
					if err := tree.Close(); err != nil {
						t.Error(err)
					}
				}
			})
			if !dead.CanFreeze() {
				t.Skip("no freezer here")
			}
			g, err := newGroup(dead, "left", Limits{CPUs: 0.1})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sleep", "1000") // it must not inherit the locks
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
			t.Cleanup(func() { _ = g.End() }) // should nobody have ended it
			waited := make(chan error, 1)
			go func() { waited <- cmd.Wait() }()
			if swept, err := sweeper.SweepOrphans(t.Context(), prefix); err != nil || swept.Dirs > 0 {
				t.Errorf("swept %+v, %v while the owner lives", swept, err)
			}
			die(t, dead)
			swept, err := sweeper.SweepOrphans(t.Context(), prefix)
			if err != nil || len(swept.Groups) != 1 || swept.Processes != 1 {
				t.Fatalf("swept %+v, %v; want one group and its process", swept, err)
			}
			if err := <-waited; err == nil || !strings.Contains(err.Error(), "killed") {
				t.Errorf("the process ended by %v, want SIGKILL", err)
			}
			for _, dir := range dead.dirs {
				if _, err := os.Lstat(dir); !missing(err) {
					t.Errorf("%s is left: %v", dir, err)
				}
			}
			for _, dir := range idle.dirs {
				if _, err := os.Lstat(dir); err != nil {
					t.Errorf("an idle owner's: %v", err)
				}
			}
		})
	}
}
