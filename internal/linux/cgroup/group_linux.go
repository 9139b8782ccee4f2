package cgroup

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Limits of one group.
type Limits struct {
	MemoryBytes int64   // with no swap beside it
	CPUs        float64 // share of cores
	PIDs        int     // processes and threads
	Weight      int     // beside other groups where processors are short; 0: 100, as every group has
}

// Group is one set of processes. Freeze, Thaw, Kill and Remove have one caller
// at a time; Usage may be called beside them.
type Group struct {
	tree   *Tree
	id     string
	limits Limits
	dirs   []string
	freeze *os.File // cgroup.freeze or freezer.state
	events *os.File // cgroup.events, nil on v1
	mark   mark

	background bool // between Background and Foreground
	least      bool // in the background with no weight at all
}

// New makes an empty group without limits. On error nothing of it is left.
func (t *Tree) New(id string) (_ *Group, err error) {
	g := &Group{tree: t, id: id}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make cgroup %s: %w", id, err), g.Remove())
		}
	}()
	for _, top := range t.dirs {
		dir := filepath.Join(top, id)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, err
		}
		g.dirs = append(g.dirs, dir)
		if t.made != nil {
			t.made(dir)
		}
	}
	if err := g.openFreezer(); err != nil {
		return nil, err
	}
	return g, nil
}

// Limit sets the limits, also of the processes that are there. Usage may not be
// called beside it.
func (g *Group) Limit(l Limits) error {
	g.limits = l
	for _, apply := range []func() error{g.limitMemory, g.LimitCPU, g.limitPIDs, g.limitWeight} {
		if err := apply(); err != nil {
			return fmt.Errorf("limit cgroup %s: %w", g.id, err)
		}
	}
	return nil
}

// usualWeight is what the kernel gives every group.
const usualWeight = 100

// Background gives the group this weight until Foreground; with none it has a
// processor only when no other group wants it. Kernels before 5.15 give it the
// least share there is.
func (g *Group) Background(weight int) error {
	g.background, g.least = true, weight <= 0
	if g.least {
		return g.weigh("1", "1", "2")
	}
	return g.setWeight(weight)
}

// Foreground makes the group one like others, with the weight of its limits.
func (g *Group) Foreground() error {
	if !g.background {
		return nil
	}
	g.background = false
	if !g.least {
		return g.setWeight(cmp.Or(max(g.limits.Weight, 0), usualWeight))
	}
	if err := g.weigh("0", "100", "1024"); err != nil {
		return err
	}
	return g.limitWeight()
}

// limitWeight applies the group's weight. One in the background has none: the
// kernel refuses it, and forgets an earlier one.
func (g *Group) limitWeight() error {
	if g.limits.Weight <= 0 || g.background {
		return nil
	}
	return g.setWeight(g.limits.Weight)
}

func (g *Group) setWeight(weight int) error {
	p := g.tree.places[CPU]
	dir := g.dir(p)
	if dir == "" {
		return nil
	}
	if p.v2 {
		return write(dir, "cpu.weight", strconv.Itoa(weight))
	}
	return write(dir, "cpu.shares", strconv.Itoa(weight*1024/100))
}

func (g *Group) weigh(idle, weight, shares string) error {
	p := g.tree.places[CPU]
	dir := g.dir(p)
	if dir == "" {
		return nil
	}
	err := write(dir, "cpu.idle", idle)
	if missing(err) && p.v2 {
		err = write(dir, "cpu.weight", weight)
	} else if missing(err) {
		err = write(dir, "cpu.shares", shares)
	}
	if err != nil {
		return fmt.Errorf("weigh cgroup %s: %w", g.id, err)
	}
	return nil
}

// dir is the group's folder for a controller, "" when it cannot be had.
func (g *Group) dir(p place) string {
	if p.dir == "" {
		return ""
	}
	return filepath.Join(p.dir, g.id)
}

func (g *Group) limitMemory() error {
	p := g.tree.places[Memory]
	dir, bytes := g.dir(p), strconv.FormatInt(g.limits.MemoryBytes, 10)
	if dir == "" || g.limits.MemoryBytes <= 0 {
		return nil
	}
	if p.v2 {
		if err := write(dir, "memory.max", bytes); err != nil {
			return err
		}
		return optional(write(dir, "memory.swap.max", "0"))
	}
	if err := write(dir, "memory.limit_in_bytes", bytes); err != nil {
		return err
	}
	if err := optional(write(dir, "memory.memsw.limit_in_bytes", bytes)); err != nil {
		return err
	}
	return optional(write(dir, "memory.swappiness", "0"))
}

// optional forgives a file that this kernel does not have.
func optional(err error) error {
	if missing(err) {
		return nil
	}
	return err
}

// The kernel refuses a quota below a millisecond and a period above a second.
const (
	usualPeriod = 20 * time.Millisecond
	leastQuota  = time.Millisecond
	mostPeriod  = time.Second
)

// Bandwidth gives the quota per period for a share of cores. The period is 20 ms,
// which is AWS's own as measured from inside, and short enough that a function
// that has used up its share is not away for long; a share too small for the
// kernel's least quota gets as long a period as it needs.
func Bandwidth(cpus float64) (quota, period time.Duration) {
	period = usualPeriod
	quota = time.Duration(cpus * float64(period)).Round(time.Microsecond)
	if quota < leastQuota {
		quota = leastQuota
		period = min(mostPeriod, time.Duration(float64(leastQuota)/cpus).Round(time.Microsecond))
	}
	return quota, period
}

// LimitCPU applies the group's share of cores.
func (g *Group) LimitCPU() error {
	p := g.tree.places[CPU]
	dir := g.dir(p)
	if dir == "" || g.limits.CPUs <= 0 {
		return nil
	}
	quota, period := Bandwidth(g.limits.CPUs)
	q, per := strconv.FormatInt(quota.Microseconds(), 10), strconv.FormatInt(period.Microseconds(), 10)
	if p.v2 {
		return write(dir, "cpu.max", q+" "+per)
	}
	if err := write(dir, "cpu.cfs_period_us", per); err != nil {
		return err
	}
	return write(dir, "cpu.cfs_quota_us", q)
}

// ReleaseCPU lifts the quota, so that processes can end without waiting for it.
func (g *Group) ReleaseCPU() error {
	p := g.tree.places[CPU]
	dir := g.dir(p)
	if dir == "" {
		return nil
	}
	if p.v2 {
		return write(dir, "cpu.max", "max")
	}
	return write(dir, "cpu.cfs_quota_us", "-1")
}

func (g *Group) limitPIDs() error {
	dir := g.dir(g.tree.places[PIDs])
	if dir == "" || g.limits.PIDs <= 0 {
		return nil
	}
	return write(dir, "pids.max", strconv.Itoa(g.limits.PIDs))
}

func (g *Group) openFreezer() (err error) {
	p := g.tree.freeze
	dir := g.dir(p)
	if dir == "" {
		return nil
	}
	if !p.v2 {
		g.freeze, err = os.OpenFile(filepath.Join(dir, "freezer.state"), os.O_RDWR, 0)
		return err
	}
	if g.freeze, err = os.OpenFile(filepath.Join(dir, "cgroup.freeze"), os.O_RDWR, 0); err != nil {
		return err
	}
	g.events, err = os.Open(filepath.Join(dir, "cgroup.events"))
	return err
}

// BornInto opens the v2 folder for CLONE_INTO_CGROUP, nil without v2.
func (g *Group) BornInto() (*os.File, error) {
	for i, top := range g.tree.dirs {
		if g.tree.hosts != nil && filepath.Dir(g.tree.hosts.Name()) == top {
			return os.Open(g.dirs[i])
		}
	}
	return nil, nil
}

// JoinBy opens the files by which a process with one thread enters the v1
// groups: it writes "0" to each. They are "tasks" rather than "cgroup.procs",
// as for its own one thread the kernel need not stop the world.
func (g *Group) JoinBy() ([]*os.File, error) {
	var files []*os.File
	for i, top := range g.tree.dirs {
		if g.tree.hosts != nil && filepath.Dir(g.tree.hosts.Name()) == top {
			continue
		}
		f, err := os.OpenFile(filepath.Join(g.dirs[i], "tasks"), os.O_WRONLY, 0)
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// CanFreeze tells whether Freeze and Thaw work.
func (t *Tree) CanFreeze() bool { return t.freeze.dir != "" }

// Freeze stops every process of the group and returns when all stand.
func (g *Group) Freeze(ctx context.Context) error {
	var err error
	if g.events == nil {
		err = g.freezeV1(ctx)
	} else {
		err = g.freezeV2(ctx)
	}
	if err != nil {
		return fmt.Errorf("freeze cgroup %s: %w", g.id, err)
	}
	return nil
}

func (g *Group) freezeV2(ctx context.Context) error {
	if _, err := g.freeze.WriteAt([]byte("1"), 0); err != nil {
		return err
	}
	var buf [128]byte
	// The file can be polled, but the kernel tells of at most one change in
	// 10 ms (CGROUP_FILE_NOTIFY_MIN_INTV), and standing takes microseconds.
	return await(ctx, func() (bool, error) {
		n, err := g.events.ReadAt(buf[:], 0)
		if n == 0 {
			return false, err
		}
		frozen, _ := field(buf[:n], "frozen")
		return frozen == 1, nil
	})
}

// freezeV1 has nothing to wait on, and reading the state is what makes the
// kernel look whether all have stopped.
func (g *Group) freezeV1(ctx context.Context) error {
	if _, err := g.freeze.WriteAt([]byte("FROZEN"), 0); err != nil {
		return err
	}
	var buf [32]byte
	return await(ctx, func() (bool, error) {
		n, err := g.freeze.ReadAt(buf[:], 0)
		if n == 0 {
			return false, err
		}
		return string(bytes.TrimSpace(buf[:n])) == "FROZEN", nil
	})
}

// await looks again after growing pauses, and gives up as soon as ctx ends: a
// freeze is broken off when work comes.
func await(ctx context.Context, stands func() (bool, error)) error {
	var timer *time.Timer
	for pause := 10 * time.Microsecond; ; pause = min(2*pause, time.Millisecond) {
		if done, err := stands(); done || err != nil {
			return err
		}
		if timer == nil {
			timer = time.NewTimer(pause)
			defer timer.Stop()
		} else {
			timer.Reset(pause)
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Thaw lets the processes go on.
func (g *Group) Thaw() error {
	value := "THAWED"
	if g.events != nil {
		value = "0"
	}
	if _, err := g.freeze.WriteAt([]byte(value), 0); err != nil {
		return fmt.Errorf("thaw cgroup %s: %w", g.id, err)
	}
	return nil
}

// Unhold makes sure that no process is held back from dying: by its quota, or
// frozen.
func (g *Group) Unhold() error {
	failed := g.ReleaseCPU()
	if g.freeze != nil {
		failed = errors.Join(failed, g.Thaw())
	}
	return failed
}

// Kill sends SIGKILL to each process that is in the group now, one after the
// other. It does not wait.
func (g *Group) Kill() error {
	if len(g.dirs) == 0 {
		return nil
	}
	pids, err := processes(g.dirs[0])
	if err != nil {
		return fmt.Errorf("kill cgroup %s: %w", g.id, err)
	}
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return nil
}

// End kills every process of the group for good, at once where the kernel can.
// It does not wait. No process may be born into the group afterwards: Linux
// (6.18 has it still) compares the count of kills of the group that a process
// is born into with its parent's, and kills it when they differ.
func (g *Group) End() error {
	failed := g.Unhold()
	if !g.tree.killAll {
		return errors.Join(failed, g.Kill())
	}
	for _, dir := range g.dirs {
		failed = errors.Join(failed, optional(write(dir, "cgroup.kill", "1")))
	}
	return failed
}

// Remove takes the group away; its processes must be gone. It may be called again.
func (g *Group) Remove() error {
	for _, f := range []*os.File{g.freeze, g.events} {
		if f != nil {
			f.Close()
		}
	}
	g.freeze, g.events = nil, nil
	g.mark.close()
	var failed error
	g.dirs = slices.DeleteFunc(g.dirs, func(dir string) bool {
		err := removeDir(dir)
		failed = errors.Join(failed, err)
		return err == nil
	})
	return failed
}

// removeDir tries again for a moment while the last processes are being forgotten.
func removeDir(dir string) error {
	for try := 0; ; try++ {
		err := unix.Rmdir(dir)
		switch {
		case err == nil || err == unix.ENOENT:
			return nil
		case err != unix.EBUSY || try == 200:
			return fmt.Errorf("remove cgroup %s: %w", dir, err)
		}
		time.Sleep(time.Duration(min(try, 10)) * time.Millisecond)
	}
}

// processes lists the group's processes.
func processes(dir string) ([]int, error) {
	b, err := readFile(dir, "cgroup.procs")
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range strings.Lines(string(b)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
