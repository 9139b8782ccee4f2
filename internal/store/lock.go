package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// lockName is the file inside a data folder whose lock means "a daemon is here".
const lockName = "lambent.lock"

// InUse says that another process holds the data folder.
type InUse struct {
	Dir string
	PID int // 0 when the other one has not written it yet
}

func (e *InUse) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("data folder %s is in use by another lambent process", e.Dir)
	}
	return fmt.Sprintf("data folder %s is in use by lambent process %d", e.Dir, e.PID)
}

// lockPatience is how long Lock waits for a lock to go. A daemon that was killed
// may have left a child that had not yet executed its program: for a moment it
// holds the descriptor, and with it the lock, of its dead parent.
const lockPatience = time.Second

// Lock takes the data folder for this process, or answers *InUse after a moment.
// The kernel gives the lock back when the process ends, however it ends, so a
// killed daemon never leaves a folder locked; the file itself stays.
func Lock(dir string) (release func() error, err error) {
	path := filepath.Join(dir, lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of data folder: %w", err)
	}
	if err := takeLock(file); err != nil {
		defer file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &InUse{Dir: dir, PID: holder(file)}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := signLock(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close, nil
}

// takeLock tries until the lock is free or patience ends; the kernel tells nobody
// when a lock becomes free but those who wait for ever.
func takeLock(file *os.File) error {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Since(began) > lockPatience {
			return err
		}
	}
}

// signLock leaves our process number for the one who is refused.
func signLock(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return 0
	}
	return pid
}
