package process

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// entry is a process as the kernel lists it.
type entry struct {
	pid, parent, group, session int
	start                       int64 // in the kernel's own unit; with pid it names a process for ever
	zombie                      bool
}

// identity names a process beyond the reuse of its number.
type identity struct {
	pid   int
	start int64
}

func (e entry) identity() identity { return identity{e.pid, e.start} }

// kin finds the processes of one sandbox. See the package's documentation for
// whom it trusts.
type kin struct {
	name  string // of the folder
	named *namesakes
	born  int64 // nobody who names the folder started before
	roots []int // started and not reaped: the numbers are surely ours
	known map[identity]bool
}

// find lists the sandbox's processes, zombies included.
func (k kin) find() ([]entry, error) {
	all, err := list()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	f := family{pids: map[int]bool{}, groups: map[int]bool{}, sessions: map[int]bool{}}
	roots := map[int]bool{}
	for _, pid := range k.roots {
		roots[pid] = true
	}
	self := os.Getpid()
	for _, e := range all {
		if e.pid == self || e.pid == 1 {
			continue
		}
		if roots[e.pid] || k.known[e.identity()] || !e.zombie && e.start >= k.born && k.named.of(e) == k.name {
			f.add(e)
		}
	}
	f.grow(all, self)
	k.named.forget(all)
	return f.members, nil
}

// family grows from trusted processes.
type family struct {
	members                []entry
	pids, groups, sessions map[int]bool
}

func (f *family) add(e entry) {
	f.members = append(f.members, e)
	f.pids[e.pid] = true
	// The group of a process may be older than the sandbox when the process was
	// not started by us; its own session cannot be ours by accident.
	f.groups[e.group], f.sessions[e.session] = true, true
}

// grow adds children, groups and sessions until nobody is left to add. Our own
// group and session are never anybody's.
func (f *family) grow(all []entry, self int) {
	for _, e := range all {
		if e.pid == self {
			delete(f.groups, e.group)
			delete(f.sessions, e.session)
		}
	}
	for grown := true; grown; {
		grown = false
		for _, e := range all {
			if f.pids[e.pid] || e.pid == self || e.pid == 1 {
				continue
			}
			if f.pids[e.parent] || f.groups[e.group] || f.sessions[e.session] {
				f.add(e)
				grown = true
			}
		}
	}
}

// end kills until nobody is left but zombies, which are their parents' to reap,
// and counts whom it killed.
func (k kin) end(ctx context.Context) (int, error) {
	killed := map[identity]bool{}
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		members, err := k.find()
		if err != nil {
			return len(killed), err
		}
		left := 0
		for _, e := range members {
			if e.zombie {
				continue
			}
			left++
			killed[e.identity()] = true
			if err := signalExactly(e.identity(), syscall.SIGKILL); err != nil {
				return len(killed), fmt.Errorf("kill process %d: %w", e.pid, err)
			}
		}
		if left == 0 {
			return len(killed), nil
		}
		if err := pause(ctx, wait); err != nil {
			return len(killed), fmt.Errorf("%d processes left: %w", left, err)
		}
	}
}

// stop stops until all stand still, and notes in told whom it had to tell.
func (k kin) stop(ctx context.Context, told map[identity]bool) error {
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		members, err := k.find()
		if err != nil {
			return err
		}
		running := 0
		for _, e := range members {
			if e.zombie || standsStill(e.pid, told[e.identity()]) {
				continue
			}
			running++
			told[e.identity()] = true
			if err := signalExactly(e.identity(), syscall.SIGSTOP); err != nil {
				return fmt.Errorf("stop process %d: %w", e.pid, err)
			}
		}
		if running == 0 {
			return nil
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("%d processes run: %w", running, err)
		}
	}
}

// resume lets those go on who were told to stop. There are no others: who stands
// still has no children.
func resume(told map[identity]bool) error {
	for id := range told {
		if err := signalExactly(id, syscall.SIGCONT); err != nil {
			return fmt.Errorf("continue process %d: %w", id.pid, err)
		}
	}
	return nil
}

// pause waits a little, because no kernel tells a stranger when a process that
// is not its child stops or ends.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
