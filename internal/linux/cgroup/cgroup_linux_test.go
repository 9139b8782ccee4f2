package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeUnified is a folder that looks like a v2 hierarchy with the controllers.
func fakeUnified(t *testing.T, controllers string) Host {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "cgroup.controllers", controllers)
	put(t, dir, "cgroup.subtree_control", "")
	return Host{V1: map[string]string{}, Unified: dir}
}

func put(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// newGroup makes a group with limits.
func newGroup(tree *Tree, id string, l Limits) (*Group, error) {
	g, err := tree.New(id)
	if err != nil {
		return nil, err
	}
	return g, g.Limit(l)
}

func get(t *testing.T, dir, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fakeTree is a tree on a fake v2 hierarchy whose groups have the kernel's files.
func fakeTree(t *testing.T, extra map[string]string) (*Tree, string) {
	t.Helper()
	h := fakeUnified(t, "cpu memory pids")
	top := filepath.Join(h.Unified, "lambent-test")
	put(t, top, "cgroup.controllers", "cpu memory pids")
	for _, file := range []string{"cgroup.freeze", "cgroup.kill", "cpu.stat", "cgroup.subtree_control"} {
		put(t, top, file, "")
	}
	tree, err := OpenTree(h, "", "lambent-test")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"memory.max": "max", "memory.swap.max": "max", "cpu.max": "max 100000", "pids.max": "max", "cgroup.freeze": "0", "cgroup.kill": "",
		"cgroup.events": "populated 1\nfrozen 1\n", "cgroup.procs": "12\n34\n",
		"memory.current": "3000000\n", "memory.peak": "9000000\n", "memory.events": "low 0\noom 2\noom_kill 1\n",
		"memory.stat": "anon 1\nactive_file 100000\ninactive_file 900000\n", "cpu.stat": "usage_usec 1234\nuser_usec 1\n",
	}
	for file, text := range extra {
		files[file] = text
	}
	tree.made = func(dir string) {
		for file, text := range files {
			if text != "absent" {
				put(t, dir, file, text)
			}
		}
	}
	return tree, top
}

func TestV2Limits(t *testing.T) {
	t.Parallel()
	tree, top := fakeTree(t, nil)
	g, err := newGroup(tree, "one", Limits{MemoryBytes: 128 << 20, CPUs: 0.072, PIDs: 64})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "one")
	for file, want := range map[string]string{"memory.max": "134217728", "cpu.max": "1440 20000", "pids.max": "64"} {
		if got := get(t, dir, file); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
	if got := get(t, dir, "memory.swap.max"); got[:1] != "0" {
		t.Errorf("memory.swap.max is %q, want 0", got)
	}
	if got := get(t, filepath.Dir(top), "cgroup.subtree_control"); got == "" {
		t.Error("no controller was passed down")
	}
	if err := g.End(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"cgroup.kill": "1", "cpu.max": "max"} {
		if got := get(t, dir, file); !strings.HasPrefix(got, want) {
			t.Errorf("after End, %s is %q, want %q", file, got, want)
		}
	}
}

func TestV2FreezeAndThaw(t *testing.T) {
	t.Parallel()
	tree, top := fakeTree(t, nil)
	g, err := newGroup(tree, "one", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do   func() error
		want string
	}{{func() error { return g.Freeze(t.Context()) }, "1"}, {g.Thaw, "0"}} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := get(t, filepath.Join(top, "one"), "cgroup.freeze"); got != step.want {
			t.Errorf("cgroup.freeze is %q, want %q", got, step.want)
		}
	}
}

func TestV2Usage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  Usage
	}{
		"all":                     {nil, Usage{Memory: 2_000_000, Peak: 128 << 20, CPU: 1234 * time.Microsecond, OOMKills: 1, Processes: 2}},
		"no kill":                 {map[string]string{"memory.events": "oom_kill 0\n"}, Usage{Memory: 2_000_000, Peak: 8_000_000, CPU: 1234 * time.Microsecond, Processes: 2}},
		"no mark, as before 5.19": {map[string]string{"memory.events": "oom_kill 0\n", "memory.peak": "absent"}, Usage{Memory: 2_000_000, Peak: 2_000_000, CPU: 1234 * time.Microsecond, Processes: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, _ := fakeTree(t, tt.files)
			g, err := newGroup(tree, "one", Limits{MemoryBytes: 128 << 20})
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.Usage()
			if err != nil || got != tt.want {
				t.Errorf("usage %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

// TestPeakMemory: a mark that stands still is not looked behind, one that moves is.
func TestPeakMemory(t *testing.T) {
	t.Parallel()
	tree, top := fakeTree(t, map[string]string{"memory.events": "oom_kill 0\n"})
	g, err := newGroup(tree, "one", Limits{MemoryBytes: 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "one")
	peak := func(want int64) {
		t.Helper()
		if got, err := g.PeakMemory(); err != nil || got != want {
			t.Errorf("peak %d, %v; want %d", got, err, want)
		}
	}
	peak(8_000_000)
	g.mark.at = time.Now().Add(time.Hour) // as if no time passed, however slow the test
	put(t, dir, "memory.stat", "absent")
	peak(8_000_000)
	put(t, dir, "memory.stat", "active_file 0\ninactive_file 0\n")
	put(t, dir, "memory.peak", "20000000\n")
	peak(20_000_000)
	put(t, dir, "memory.peak", "10000000\n") // never falls, whatever the kernel says
	peak(20_000_000)
	_ = g.Remove() // the fake folder, which is not empty as the kernel's is, stays
	if g.mark.fd != 0 {
		t.Error("the mark is still open")
	}
}

// TestFreezeGivesUp: who breaks off a freeze need not wait until all stand.
func TestFreezeGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	err := await(ctx, func() (bool, error) {
		if looks++; looks == 3 {
			cancel()
		}
		return false, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("gave up with %v after %d looks, want %v", err, looks, context.Canceled)
	}
}

// TestWeight: all groups together weigh as much as the processors they may use.
func TestWeight(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		v2         bool
		file       string
		processors int
		want       string
	}{
		"v1": {false, "cpu.shares", 4, "4096"}, "v1, the most": {false, "cpu.shares", 1000, "262144"},
		"v2": {true, "cpu.weight", 4, "400"}, "v2, the most": {true, "cpu.weight", 1000, "10000"},
	} {
		dir := t.TempDir()
		put(t, dir, tt.file, "")
		tree := &Tree{places: map[string]place{CPU: {dir: dir, v2: tt.v2}}}
		if err := tree.weigh(tt.processors); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := get(t, dir, tt.file); got != tt.want {
			t.Errorf("%s: %s is %q, want %q", name, tt.file, got, tt.want)
		}
	}
}

// TestControllerNotDelegated: what is not passed down to us is missing, with a reason, and the rest works.
func TestControllerNotDelegated(t *testing.T) {
	t.Parallel()
	h := fakeUnified(t, "pids")
	top := filepath.Join(h.Unified, "lambent-test")
	put(t, top, "cgroup.controllers", "pids")
	put(t, top, "cgroup.subtree_control", "")
	tree, err := OpenTree(h, "", "lambent-test")
	if err != nil {
		t.Fatal(err)
	}
	for controller, there := range map[string]bool{Memory: false, CPU: false, PIDs: true} {
		if err := tree.Missing(controller); (err == nil) != there {
			t.Errorf("missing %s: %v, want there: %v", controller, err, there)
		}
	}
	if tree.CanFreeze() {
		t.Error("can freeze without any freezer")
	}
	tree.made = func(dir string) { put(t, dir, "pids.max", "max") }
	if _, err := newGroup(tree, "one", Limits{MemoryBytes: 1 << 20, CPUs: 1, PIDs: 7}); err != nil {
		t.Errorf("make a group: %v", err)
	}
	if got := get(t, filepath.Join(top, "one"), "pids.max"); !strings.HasPrefix(got, "7") {
		t.Errorf("pids.max is %q, want 7", got)
	}
}

func TestNewLeavesNothingOnError(t *testing.T) {
	t.Parallel()
	tree, top := fakeTree(t, nil)
	tree.made = nil // so that no file can be written
	if _, err := newGroup(tree, "one", Limits{MemoryBytes: 1}); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("New: %v, want a missing file", err)
	}
	if _, err := os.Stat(filepath.Join(top, "one")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestParseMounts(t *testing.T) {
	t.Parallel()
	const table = `27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw shared:9 master:1 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/a\040b rw - cgroup2 cgroup2 rw
42 31 0:38 / /mnt/again rw - cgroup2 cgroup2 rw
broken line
`
	h, err := parseMounts(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%v %s", h.V1, h.Unified)
	if want := "map[cpu:/sys/fs/cgroup/cpu,cpuacct cpuacct:/sys/fs/cgroup/cpu,cpuacct memory:/sys/fs/cgroup/memory] /sys/fs/cgroup/a b"; got != want {
		t.Errorf("mounts %s, want %s", got, want)
	}
}

func TestBandwidth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cpus          float64
		quota, period time.Duration
	}{
		{0.072, 1440 * time.Microsecond, 20 * time.Millisecond},
		{1, 20 * time.Millisecond, 20 * time.Millisecond},
		{5.79, 115800 * time.Microsecond, 20 * time.Millisecond},
		{0.01, time.Millisecond, 100 * time.Millisecond},
		{0.0001, time.Millisecond, time.Second},
	} {
		if q, p := Bandwidth(tt.cpus); q != tt.quota || p != tt.period {
			t.Errorf("Bandwidth(%v) = %v per %v, want %v per %v", tt.cpus, q, p, tt.quota, tt.period)
		}
	}
}

func FuzzParseMounts(f *testing.F) {
	f.Add("32 31 0:29 / /a rw - cgroup cgroup rw,cpu\n")
	f.Fuzz(func(t *testing.T, table string) {
		_, _ = parseMounts(strings.NewReader(table))
	})
}

// TestGroupWeight: a weight is given when there is one to give, in the words of
// either version, and not to a group in the background, whose it would not stay.
func TestGroupWeight(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		v2     bool
		file   string
		usual  string
		weight int
		want   string
	}{
		"v1": {false, "cpu.shares", "1024", 1000, "10240"}, "v1, none": {false, "cpu.shares", "1024", 0, "1024"},
		"v2": {true, "cpu.weight", "100", 1000, "1000"}, "v2, none": {true, "cpu.weight", "100", 0, "100"},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "g"), 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "g"), tt.file, tt.usual)
		put(t, filepath.Join(dir, "g"), "cpu.idle", "0")
		g := &Group{id: "g", tree: &Tree{places: map[string]place{CPU: {dir: dir, v2: tt.v2}}}}
		if err := g.Background(0); err != nil {
			t.Fatal(err)
		}
		if err := g.Limit(Limits{Weight: tt.weight}); err != nil {
			t.Fatal(err)
		}
		if got := get(t, filepath.Join(dir, "g"), tt.file); got != tt.usual {
			t.Errorf("%s: %s is %q in the background", name, tt.file, got)
		}
		if err := g.Foreground(); err != nil {
			t.Fatal(err)
		}
		if got := get(t, filepath.Join(dir, "g"), tt.file); got != tt.want {
			t.Errorf("%s: %s is %q, want %q", name, tt.file, got, tt.want)
		}
	}
}

// TestBackground: a group gives way, by what the kernel has for it, and comes back.
func TestBackground(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		files      map[string]string
		weight     int
		file       string
		back, fore string
	}{
		{"idle", map[string]string{"cpu.idle": "0", "cpu.weight": "100"}, 0, "cpu.idle", "1", "0"},
		{"before Linux 5.15", map[string]string{"cpu.weight": "100"}, 0, "cpu.weight", "1", "100"},
		{"a little", map[string]string{"cpu.idle": "0", "cpu.weight": "100"}, 30, "cpu.weight", "30", "100"},
	} {
		tree, top := fakeTree(t, tt.files)
		g, err := newGroup(tree, "one", Limits{CPUs: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			do   func() error
			want string
		}{{func() error { return g.Background(tt.weight) }, tt.back}, {g.Foreground, tt.fore}} {
			put(t, filepath.Join(top, "one"), tt.file, "") // the kernel's files are replaced, not overwritten
			if err := step.do(); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if got := get(t, filepath.Join(top, "one"), tt.file); got != step.want {
				t.Errorf("%s: %s is %q, want %q", tt.name, tt.file, got, step.want)
			}
		}
	}
	tree, _ := fakeTree(t, nil)
	g, err := tree.New("none")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Background(0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file for it: %v", err)
	}
}
