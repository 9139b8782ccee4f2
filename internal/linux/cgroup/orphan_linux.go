package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// An orphan is swept in short stretches with pauses between them: nothing waits
// for it, whereas removing groups takes locks in the kernel that whoever makes a
// sandbox wants too; and an owner that begins waits for a stretch at most.
const (
	stretch     = time.Millisecond
	pause       = 10 * time.Millisecond
	orphanLimit = 30 * time.Second // without anything having gone
)

// errOwned: the tree is not known to be orphaned.
var errOwned = errors.New("the cgroup tree may have an owner")

// orphan is a tree whose owner may be dead.
type orphan struct {
	dirs  []string // its folders
	swept Swept
	seen  map[int]bool // processes that were killed
}

// SweepOrphans ends and removes the trees beside this one whose names begin with
// the prefix and whose owners are dead. Those that have an owner, or that this
// process has no right to, it leaves alone. When ctx ends it stops soon.
func (t *Tree) SweepOrphans(ctx context.Context, prefix string) (Swept, error) {
	beside, failed := t.beside(prefix)
	var all Swept
	for _, dirs := range beside {
		o := orphan{dirs: dirs, seen: map[int]bool{}}
		if err := o.sweep(ctx); !errors.Is(err, errOwned) && !errors.Is(err, fs.ErrPermission) {
			failed = errors.Join(failed, err)
		}
		all.Groups = append(all.Groups, o.swept.Groups...)
		all.Processes += len(o.seen)
		all.Dirs += o.swept.Dirs
		if o.swept.Dirs > 0 && !rest(ctx) {
			return all, errors.Join(failed, context.Cause(ctx))
		}
	}
	return all, failed
}

// beside lists the folders of each tree with that prefix. This one is among them,
// and has an owner.
func (t *Tree) beside(prefix string) (map[string][]string, error) {
	trees := map[string][]string{}
	var failed error
	for _, top := range t.dirs {
		entries, err := os.ReadDir(filepath.Dir(top))
		failed = errors.Join(failed, err)
		for _, e := range entries {
			if name := e.Name(); e.IsDir() && strings.HasPrefix(name, prefix) {
				trees[name] = append(trees[name], filepath.Join(filepath.Dir(top), name))
			}
		}
	}
	return trees, failed
}

// sweep works on the orphan until it is gone, or has an owner after all.
func (o *orphan) sweep(ctx context.Context) error {
	last, progress := time.Now(), 0
	for {
		gone, err := o.work(time.Now().Add(stretch))
		if gone || err != nil {
			return err
		}
		if now := o.swept.Dirs + len(o.seen); now != progress {
			last, progress = time.Now(), now
		}
		if time.Since(last) > orphanLimit {
			return fmt.Errorf("sweep orphaned cgroups %v: processes do not end", o.dirs)
		}
		if !rest(ctx) {
			return context.Cause(ctx)
		}
	}
}

// rest pauses, and tells whether there is any use in going on.
func rest(ctx context.Context) bool {
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}

// work is one stretch: it locks the tree, kills who is left, and removes what is
// empty. What does not go at once will have gone by the next one.
func (o *orphan) work(end time.Time) (gone bool, failed error) {
	locks, err := lockOrphan(o.dirs)
	if err != nil {
		return false, err
	}
	defer unlock(locks)
	tops := make([]string, 0, len(locks))
	for _, f := range locks {
		tops = append(tops, f.Name())
	}
	groups, err := groupDirs(tops)
	if err != nil {
		return false, err
	}
	for _, dirs := range [][]string{groups, tops} {
		if empty, err := o.removeAll(dirs, end); !empty {
			return false, err
		}
	}
	return true, nil
}

// removeAll tries each folder, until the time is up.
func (o *orphan) removeAll(dirs []string, end time.Time) (all bool, _ error) {
	all = true
	for i, dir := range dirs {
		removed, err := o.remove(dir)
		if err != nil {
			return false, err
		}
		all = all && removed
		if i+1 < len(dirs) && time.Now().After(end) {
			return false, nil
		}
	}
	return all, nil
}

// remove takes a folder away, unless there are processes, which it kills.
func (o *orphan) remove(dir string) (bool, error) {
	left, err := note(dir, o.seen)
	if err != nil {
		return false, err
	}
	if left > 0 {
		unhold(dir)
	}
	switch err := unix.Rmdir(dir); err {
	case nil:
		o.count(dir)
	case unix.ENOENT:
	case unix.EBUSY:
		return false, nil
	default:
		return false, fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	return true, nil
}

func (o *orphan) count(dir string) {
	o.swept.Dirs++
	if slices.Contains(o.dirs, dir) || filepath.Base(dir) == hostsName {
		return
	}
	if id := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir); !slices.Contains(o.swept.Groups, id) {
		o.swept.Groups = append(o.swept.Groups, id)
	}
}

// lockOrphan takes the locks of all folders that are there, or none.
func lockOrphan(dirs []string) (locks []*os.File, err error) {
	defer func() {
		if err != nil {
			unlock(locks)
		}
	}()
	for _, dir := range dirs {
		lock, err := lockFolder(dir, unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case missing(err):
			continue
		case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, errors.ErrUnsupported):
			return locks, errOwned
		case err != nil:
			return locks, err
		}
		locks = append(locks, lock)
		if st, err := lock.Stat(); err != nil || st.Mode()&fs.ModeSticky == 0 {
			return locks, errors.Join(errOwned, err)
		}
	}
	return locks, nil
}
