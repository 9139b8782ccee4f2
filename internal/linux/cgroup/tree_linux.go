package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hostsName is the group of the processes that keep sandboxes alive without
// being part of them. No group's id can be it.
const hostsName = "_init"

// Tree is a part of the host's cgroups that is ours: a folder in each hierarchy
// that groups need, all of the same name.
type Tree struct {
	places  map[string]place // by controller; one that is missing cannot be had here
	freeze  place
	why     map[string]error // why a controller is missing
	hosts   *os.File         // the v2 group for Hosts, nil without v2
	dirs    []string         // each folder once
	locks   []*os.File       // of dirs: see folderMode
	killAll bool             // cgroup.kill exists

	made func(dir string) // tests furnish a fake group here
}

// place is a folder of the tree and the dialect spoken there.
type place struct {
	dir string
	v2  bool
}

// OpenTree makes, or finds, the tree called name below parent ("" is the top).
// A controller that the host does not let us have is no error: Missing tells why.
func OpenTree(h Host, parent, name string) (*Tree, error) {
	t := &Tree{places: map[string]place{}, why: map[string]error{}}
	unified, unifiedErr := "", errors.New("no cgroup v2 is mounted")
	if h.Unified != "" {
		unified = filepath.Join(h.Unified, parent, name)
		if unifiedErr = t.makeDir(unified); unifiedErr != nil {
			unified = ""
		}
	}
	for _, c := range []string{Memory, CPU, PIDs} {
		t.findController(h, c, parent, name, unified, unifiedErr)
	}
	t.findCPUAccount(h, parent, name, unified)
	t.findFreezer(h, parent, name, unified, unifiedErr)
	_ = t.weigh(runtime.NumCPU()) // a wish: who delegated the tree may have decided otherwise
	if unified == "" {
		return t, nil
	}
	return t, t.openHosts(filepath.Join(unified, hostsName))
}

// weigh gives the tree the weight of as many processes as there are processors:
// the kernel shares the processors among a folder's children, and would hold all
// groups together for one process beside every other one of the host.
func (t *Tree) weigh(processors int) error {
	p := t.places[CPU]
	switch {
	case p.dir == "":
		return nil
	case p.v2:
		return optional(write(p.dir, "cpu.weight", strconv.Itoa(min(100*processors, 10_000))))
	}
	return optional(write(p.dir, "cpu.shares", strconv.Itoa(min(1024*processors, 1<<18))))
}

func (t *Tree) openHosts(dir string) (err error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make cgroup: %w", err)
	}
	if t.hosts, err = os.Open(dir); err != nil {
		return fmt.Errorf("open cgroup: %w", err)
	}
	return nil
}

func (t *Tree) findController(h Host, c, parent, name, unified string, unifiedErr error) {
	if mount, ok := h.V1[c]; ok {
		dir := filepath.Join(mount, parent, name)
		if err := t.makeDir(dir); err != nil {
			t.why[c] = err
			return
		}
		t.places[c] = place{dir: dir}
		return
	}
	if unified == "" {
		t.why[c] = unifiedErr
		return
	}
	if err := enable(h.Unified, unified, c); err != nil {
		t.why[c] = err
		return
	}
	t.places[c] = place{dir: unified, v2: true}
}

// findCPUAccount prefers v2's cpu.stat, which every v2 group has.
func (t *Tree) findCPUAccount(h Host, parent, name, unified string) {
	if unified != "" && exists(unified, "cpu.stat") {
		t.places[CPUAcct] = place{dir: unified, v2: true}
		return
	}
	mount, ok := h.V1[CPUAcct]
	if !ok {
		t.why[CPUAcct] = errors.New("the kernel has no CPU accounting for cgroups")
		return
	}
	dir := filepath.Join(mount, parent, name)
	if err := t.makeDir(dir); err != nil {
		t.why[CPUAcct] = err
		return
	}
	t.places[CPUAcct] = place{dir: dir}
}

func (t *Tree) findFreezer(h Host, parent, name, unified string, unifiedErr error) {
	if unified != "" {
		t.killAll = exists(unified, "cgroup.kill")
		if exists(unified, "cgroup.freeze") {
			t.freeze = place{dir: unified, v2: true}
			return
		}
		unifiedErr = errors.New("the kernel's cgroup v2 has no freezer (Linux 5.2)")
	}
	mount, ok := h.V1[Freezer]
	if !ok {
		t.why[Freezer] = unifiedErr
		return
	}
	dir := filepath.Join(mount, parent, name)
	if err := t.makeDir(dir); err != nil {
		t.why[Freezer] = err
		return
	}
	t.freeze = place{dir: dir}
}

func (t *Tree) makeDir(dir string) error {
	if slices.Contains(t.dirs, dir) {
		return nil
	}
	if err := t.own(dir); err != nil {
		return err
	}
	t.dirs = append(t.dirs, dir)
	return nil
}

// enable passes a controller down from the mount point to the groups in dir.
func enable(mount, dir, controller string) error {
	rel, err := filepath.Rel(mount, dir)
	if err != nil {
		return fmt.Errorf("enable cgroup controller %s: %w", controller, err)
	}
	at := mount
	for _, step := range append(strings.Split(rel, "/"), "") {
		if !slices.Contains(unifiedControllers(at), controller) {
			return fmt.Errorf("cgroup controller %s is not available in %s", controller, at)
		}
		if !enabled(at, controller) {
			if err := write(at, "cgroup.subtree_control", "+"+controller); err != nil {
				return fmt.Errorf("enable cgroup controller %s: %w", controller, err)
			}
		}
		at = filepath.Join(at, step)
	}
	return nil
}

func enabled(dir, controller string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	return err == nil && slices.Contains(strings.Fields(string(b)), controller)
}

// Missing tells why a controller cannot be had, nil when it can.
func (t *Tree) Missing(controller string) error { return t.why[controller] }

// Hosts is the v2 group for the processes that keep sandboxes, to be born into;
// nil without v2.
func (t *Tree) Hosts() *os.File { return t.hosts }

// Close lets go of the tree and removes its folders, which must be empty.
func (t *Tree) Close() (failed error) {
	defer t.disown()
	if t.hosts != nil {
		name := t.hosts.Name()
		_ = t.hosts.Close()
		t.hosts = nil
		failed = removeDir(name)
	}
	for _, dir := range t.dirs {
		failed = errors.Join(failed, removeDir(dir))
	}
	return failed
}

// Swept is what Sweep ended.
type Swept struct {
	Groups    []string // their ids
	Processes int
	Dirs      int
}

// Sweep ends every process in the tree and removes every group: what a killed
// owner left. It returns when all is gone, and must come before the first group.
func (t *Tree) Sweep(limit time.Time) (Swept, error) {
	var s Swept
	dirs, failed := groupDirs(t.dirs)
	seen := map[int]bool{}
	// All hierarchies are told first: what one kills, another may hold frozen.
	for _, dir := range dirs {
		_, err := note(dir, seen)
		failed = errors.Join(failed, err)
		unhold(dir)
	}
	for _, dir := range dirs {
		failed = errors.Join(failed, sweepGroup(dir, seen, limit))
		if id := filepath.Base(dir); id != hostsName {
			s.Dirs++
			if !slices.Contains(s.Groups, id) {
				s.Groups = append(s.Groups, id)
			}
		}
	}
	s.Processes = len(seen)
	if t.hosts == nil {
		return s, failed
	}
	// It was killed, so nothing may be born there any more: see Group.End.
	dir := t.hosts.Name()
	_ = t.hosts.Close()
	return s, errors.Join(failed, t.openHosts(dir))
}

// groupDirs lists the folders of all groups in all hierarchies.
func groupDirs(tops []string) (dirs []string, failed error) {
	for _, top := range tops {
		entries, err := os.ReadDir(top)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		for _, e := range entries {
			if e.IsDir() {
				dirs = append(dirs, filepath.Join(top, e.Name()))
			}
		}
	}
	return dirs, failed
}

// note kills the processes of a folder, adds them to seen, and counts them.
func note(dir string, seen map[int]bool) (int, error) {
	pids, err := processes(dir)
	for _, pid := range pids {
		seen[pid] = true
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return len(pids), optional(err)
}

// unhold lets processes die, whatever the folder's hierarchy has to say about it.
func unhold(dir string) {
	for file, value := range map[string]string{"cgroup.kill": "1", "cgroup.freeze": "0", "freezer.state": "THAWED", "cpu.cfs_quota_us": "-1", "cpu.max": "max"} {
		_ = write(dir, file, value)
	}
}

// sweepGroup kills until the group is empty. The kernel offers nothing to wait
// on that all versions share, so it looks again after a pause.
func sweepGroup(dir string, seen map[int]bool, limit time.Time) error {
	for {
		if _, err := note(dir, seen); err != nil {
			return err
		}
		err := unix.Rmdir(dir)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.EBUSY || time.Now().After(limit) {
			return fmt.Errorf("sweep cgroup %s: %w", dir, err)
		}
		time.Sleep(time.Millisecond)
	}
}
