// Package volume makes private file systems of an exact size, quickly.
//
// A volume is an ext4 file system in a sparse file without a name, on a loop
// device, mounted nowhere: its owner holds a descriptor of the detached mount
// and moves it to where it is wanted. Nothing of it can outlive its holders: when
// the last mount namespace and descriptor are gone, the kernel unmounts it, the
// loop device clears itself and the file's blocks are freed, also after kill -9.
//
// Its size is exact in what an ordinary user can fill (statvfs's f_bavail when
// empty), not in what the device holds: the device is larger by ext4's own
// tables and by the blocks that it keeps back for them. There is no journal and
// there are no write barriers, as nothing here has to survive a crash.
package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// spare is how many volumes of a size in use are kept ready.
const spare = 2

// Maker makes volumes whose files live in one folder.
type Maker struct {
	dir string

	mu     sync.Mutex // guards sizes and closed
	sizes  map[int]*size
	closed bool

	attach   sync.Mutex // one of us at a time looks for a free loop device
	refilled sync.WaitGroup
}

// size is what is known of one size of volume.
type size struct {
	mib      int
	once     sync.Once
	template template
	err      error
	ready    chan *Volume
}

// Volume is a mounted file system that is nowhere yet.
type Volume struct {
	Mount *os.File // the detached mount, for move_mount
}

// Close lets the volume go, if it has not been moved anywhere.
func (v *Volume) Close() error { return v.Mount.Close() }

// NewMaker uses dir, which it makes, for templates and for the volumes' files.
func NewMaker(dir string) (*Maker, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the volume folder: %w", err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("find the volume folder: %w", err)
	}
	return &Maker{dir: real, sizes: map[int]*size{}}, nil
}

// Take gives an empty volume of mib MiB: a ready one, or one made now.
func (m *Maker) Take(mib int) (*Volume, error) {
	s, err := m.size(mib)
	if err != nil {
		return nil, err
	}
	defer m.refill(s)
	select {
	case v := <-s.ready:
		return v, nil
	default:
		return m.make(s)
	}
}

func (m *Maker) size(mib int) (*size, error) {
	m.mu.Lock()
	s, ok := m.sizes[mib]
	if !ok {
		s = &size{mib: mib, ready: make(chan *Volume, spare)}
		m.sizes[mib] = s
	}
	m.mu.Unlock()
	s.once.Do(func() { s.template, s.err = m.loadTemplate(mib) })
	return s, s.err
}

// refill makes one ready volume in the background when one is missing.
func (m *Maker) refill(s *size) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(s.ready) == cap(s.ready) {
		return
	}
	m.refilled.Go(func() {
		v, err := m.make(s)
		if err != nil {
			return // the next Take makes one itself, and tells
		}
		select {
		case s.ready <- v:
		default:
			v.Close()
		}
	})
}

// make stamps the template into a new file and mounts it.
func (m *Maker) make(s *size) (*Volume, error) {
	f, err := m.file()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := s.template.stamp(f); err != nil {
		return nil, err
	}
	return m.mount(f)
}

// file makes a file without a name, or takes its name away at once where the
// file system cannot do that.
func (m *Maker) file() (*os.File, error) {
	fd, err := unix.Open(m.dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), m.dir), nil
	}
	f, err := os.CreateTemp(m.dir, "volume-")
	if err != nil {
		return nil, fmt.Errorf("make a volume's file: %w", err)
	}
	return f, os.Remove(f.Name())
}

// mount puts the file on a loop device and mounts what it holds, with the
// permissions of a /tmp.
func (m *Maker) mount(f *os.File) (_ *Volume, err error) {
	loop, err := m.attachLoop(f)
	if err != nil {
		return nil, err
	}
	defer loop.Close() // the mount holds the device from here on
	fs, err := unix.Fsopen("ext4", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open a file system: %w", err)
	}
	defer unix.Close(fs)
	err = unix.FsconfigSetString(fs, "source", loop.Name())
	for _, flag := range []string{"noinit_itable", "nobarrier"} {
		if err == nil {
			err = unix.FsconfigSetFlag(fs, flag)
		}
	}
	if err == nil {
		err = unix.FsconfigCreate(fs)
	}
	if err != nil {
		return nil, fmt.Errorf("mount a volume: %w", err)
	}
	mount, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return nil, fmt.Errorf("mount a volume: %w", err)
	}
	v := &Volume{Mount: os.NewFile(uintptr(mount), loop.Name())}
	if err := prepareRoot(mount); err != nil {
		v.Close()
		return nil, fmt.Errorf("prepare a volume: %w", err)
	}
	return v, nil
}

func prepareRoot(mount int) error {
	if err := unix.Fchmodat(mount, ".", 0o1777, 0); err != nil {
		return err
	}
	if err := unix.Unlinkat(mount, "lost+found", unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		return err
	}
	return nil
}

// attachLoop finds a free loop device. Others on the host look for one too, so
// one found may be taken when we come.
func (m *Maker) attachLoop(f *os.File) (*os.File, error) {
	m.attach.Lock()
	defer m.attach.Unlock()
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	config := unix.LoopConfig{Fd: uint32(f.Fd()), Size: blockSize}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR
	copy(config.Info.File_name[:], "lambent")
	for try := 0; ; try++ {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		loop, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open a loop device: %w", err)
		}
		if err = unix.IoctlLoopConfigure(int(loop.Fd()), &config); err == nil {
			return loop, nil
		}
		loop.Close()
		if err != unix.EBUSY || try == 100 {
			return nil, fmt.Errorf("configure %s: %w", loop.Name(), err)
		}
	}
}

// Busy counts the loop devices that hold a file of this maker's folder,
// whoever mounted them.
func (m *Maker) Busy() (int, error) {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, f := range files {
		// The device may be cleared under our hands.
		if b, err := os.ReadFile(f); err == nil && strings.HasPrefix(string(b), m.dir+"/") {
			n++
		}
	}
	return n, nil
}

// Close frees the ready volumes and waits until the kernel has cleared all
// devices, which it does in the background once the last user is gone.
func (m *Maker) Close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.refilled.Wait()
	m.mu.Lock()
	for _, s := range m.sizes {
		for len(s.ready) > 0 {
			(<-s.ready).Close()
		}
	}
	m.mu.Unlock()
	return m.WaitIdle(ctx)
}

// WaitIdle returns when no loop device holds a file of ours. There is nothing
// to be told by, so it looks again and again.
func (m *Maker) WaitIdle(ctx context.Context) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		n, err := m.Busy()
		if err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%d loop devices are still in use", n), context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// Ready counts the volumes that are made and not yet taken.
func (m *Maker) Ready() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.sizes {
		n += len(s.ready)
	}
	return n
}
