package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// A tree belongs to whoever opened it and lives. Its owner holds a shared lock
// (flock) on each of the tree's folders from before anything is put into any of
// them. The kernel takes the lock back when the owner ends, however that is, as
// no other process is given the descriptor. So whoever gets the exclusive lock of
// all folders knows that the tree is orphaned, whether there are processes in it
// or not; and while it has them, no owner begins.

// folderMode is that of a tree's folders. The sticky bit means nothing there, so
// it says that whoever made the folder locks it; of one without it, which may be
// anybody's, a free lock proves nothing. It comes with the folder, whatever the
// umask. Others may not read the folder, or any user could hold its lock.
const folderMode = fs.ModeSticky | 0o711

// own makes, or finds, a folder of the tree and locks it for as long as the
// tree is open.
func (t *Tree) own(dir string) error {
	for {
		if err := os.Mkdir(dir, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make cgroup: %w", err)
		}
		lock, err := lockFolder(dir, unix.LOCK_SH)
		switch {
		case missing(err): // it was found, and swept before it was locked
			continue
		case errors.Is(err, errors.ErrUnsupported):
			return nil // nobody else can lock it either, so it is nobody's orphan
		case err != nil:
			return err
		}
		t.locks = append(t.locks, lock)
		return nil
	}
}

// disown lets go of the folders' locks.
func (t *Tree) disown() {
	unlock(t.locks)
	t.locks = nil
}

// lockFolder opens a folder and locks it as flock(2) is told. The file that it
// gives holds the lock until it is closed.
func lockFolder(dir string, how int) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("lock cgroup: %w", err)
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(int(f.Fd()), how)
	}
	if err == nil {
		err = stillThere(f)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock cgroup %s: %w", dir, err)
	}
	return f, nil
}

// stillThere tells whether an open folder is the one that its name finds: it may
// have been removed before it was locked, and made anew by somebody else.
func stillThere(f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Lstat(f.Name())
	if err == nil && !os.SameFile(opened, named) {
		err = fs.ErrNotExist
	}
	return err
}

func unlock(locks []*os.File) {
	for _, f := range locks {
		f.Close()
	}
}
