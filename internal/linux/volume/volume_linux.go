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

// Maker makes volumes whose files live in one folder.
type Maker struct {
	dir string

	attach sync.Mutex // one of us at a time looks for a free loop device
	stock  *stock     // nil: each is made when it is asked for

	mu    sync.Mutex // guards what follows
	sizes map[int]*size
	mine  map[string]bool // the files of this maker's volumes, as the kernel names them
}

// size is what is known of one size of volume.
type size struct {
	mib      int
	once     sync.Once
	template template
	err      error
}

// Volume is a mounted file system that is nowhere yet.
type Volume struct {
	Mount *os.File // the detached mount, for move_mount

	maker *Maker
	mib   int
	file  string // as the kernel names it
	at    string // where the kernel says which file the loop device holds
}

// Close lets go of the mount. If it has not been moved anywhere, that is its end.
func (v *Volume) Close() error { return v.Mount.Close() }

// WaitGone returns when the kernel has unmounted the volume and cleared its loop
// device, which it does in the background once the last user is gone. There is
// nothing to be told by.
func (v *Volume) WaitGone(ctx context.Context) error {
	return untilNone(ctx, func() (int, error) {
		b, err := os.ReadFile(v.at)
		if err == nil && string(b) == v.file {
			return 1, nil
		}
		v.maker.mu.Lock()
		defer v.maker.mu.Unlock()
		delete(v.maker.mine, v.file)
		return 0, nil
	})
}

// NewMaker uses dir, which it makes, for templates and for the volumes' files.
func NewMaker(dir string) (*Maker, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the volume folder: %w", err)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("find the volume folder: %w", err)
	}
	return &Maker{dir: real, sizes: map[int]*size{}, mine: map[string]bool{}}, nil
}

// Make gives an empty volume of mib MiB that nobody has had.
func (m *Maker) Make(mib int) (*Volume, error) {
	if v := m.stock.take(mib); v != nil {
		return v, nil
	}
	return m.fresh(mib)
}

// Expect says that a volume will be asked for, and of which size if it is like
// most, so that the first who asks need not wait for all.
func (m *Maker) Expect(mib int) { m.stock.expect(mib) }

// TrialMiB is about how large a trial volume is.
const TrialMiB = 8

// Try makes a volume of which nobody needs the exact size, to see whether volumes
// can be made here. On a new folder that takes a third of the time of others, whose
// size is found by formatting again and again.
func (m *Maker) Try() (*Volume, error) {
	t, err := m.trialTemplate()
	if err != nil {
		return nil, err
	}
	return m.stamp(t)
}

// fresh makes a volume.
func (m *Maker) fresh(mib int) (*Volume, error) {
	m.mu.Lock()
	s, ok := m.sizes[mib]
	if !ok {
		s = &size{mib: mib}
		m.sizes[mib] = s
	}
	m.mu.Unlock()
	s.once.Do(func() { s.template, s.err = m.loadTemplate(mib) })
	if s.err != nil {
		return nil, s.err
	}
	v, err := m.stamp(s.template)
	if err != nil {
		return nil, err
	}
	v.mib = mib
	return v, nil
}

// stamp makes a volume of a template.
func (m *Maker) stamp(t template) (*Volume, error) {
	f, err := m.file()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := t.stamp(f); err != nil {
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
	v := &Volume{maker: m}
	loop, err := v.attach(f)
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
	v.Mount = os.NewFile(uintptr(mount), loop.Name())
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

// attach finds a free loop device. Others on the host look for one too, so one
// found may be taken when we come.
func (v *Volume) attach(f *os.File) (*os.File, error) {
	v.maker.attach.Lock()
	defer v.maker.attach.Unlock()
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
			return loop, v.own(n)
		}
		loop.Close()
		if err != unix.EBUSY || try == 100 {
			return nil, fmt.Errorf("configure %s: %w", loop.Name(), err)
		}
	}
}

// own notes that a device is ours, by what the kernel calls its file.
func (v *Volume) own(device int) error {
	v.at = fmt.Sprintf("/sys/block/loop%d/loop/backing_file", device)
	b, err := os.ReadFile(v.at)
	if err != nil {
		return fmt.Errorf("look at a loop device: %w", err)
	}
	v.file = string(b)
	v.maker.mu.Lock()
	defer v.maker.mu.Unlock()
	v.maker.mine[v.file] = true
	return nil
}

// busy counts the loop devices that hold a file of this maker's folder: all, or
// those that somebody else attached, who used the folder before.
func (m *Maker) busy(foreign bool) (int, error) {
	devices, err := loopDevices("/proc/partitions")
	if err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, device := range devices {
		// Some devices have no file, and one may be cleared under our hands.
		b, err := os.ReadFile("/sys/block/" + device + "/loop/backing_file")
		if err == nil && strings.HasPrefix(string(b), m.dir+"/") && !(foreign && m.mine[string(b)]) {
			n++
		}
	}
	return n, nil
}

// loopDevices names the loop devices that hold something. The kernel's list of
// partitions leaves out those that are empty, which on some hosts are hundreds and
// take milliseconds to look at; where it cannot be read all devices are named.
func loopDevices(partitions string) (names []string, err error) {
	list, err := os.ReadFile(partitions)
	if err != nil {
		all, err := filepath.Glob("/sys/block/loop*")
		for _, path := range all {
			names = append(names, filepath.Base(path))
		}
		return names, err
	}
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line) // major, minor, blocks, name
		if len(fields) == 4 && strings.HasPrefix(fields[3], "loop") {
			names = append(names, fields[3])
		}
	}
	return names, nil
}

// Foreign counts the loop devices that a former maker over the same folder left.
func (m *Maker) Foreign() (int, error) { return m.busy(true) }

// WaitForeign returns when there are none. They clear themselves when their last
// user is gone.
func (m *Maker) WaitForeign(ctx context.Context) error {
	return untilNone(ctx, m.Foreign)
}

// Close lets what is ready go, and returns when there is no volume any more.
func (m *Maker) Close(ctx context.Context) error {
	m.stock.close()
	return untilNone(ctx, func() (int, error) { return m.busy(false) })
}

// untilNone looks again and again.
func untilNone(ctx context.Context, busy func() (int, error)) error {
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		n, err := busy()
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
