package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
)

// Driver makes sandboxes under one state folder.
type Driver struct {
	folder string
	lock   *os.File
	named  *namesakes

	mu        sync.Mutex
	closed    bool                // mu
	sandboxes map[string]*Sandbox // mu; not destroyed
}

var _ sandbox.Driver = (*Driver)(nil)

// New makes the driver that owns a state folder; there is one at a time.
func New(stateFolder string) (*Driver, error) {
	folder, err := filepath.Abs(stateFolder)
	if err != nil {
		return nil, fmt.Errorf("open state folder %s: %w", stateFolder, err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "sandboxes"), 0o700); err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	// The real path, because it is looked for in what the kernel shows.
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("lock state folder %s, which another daemon may be using: %w", folder, err)
	}
	if err := keepDescriptors(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("keep descriptors from functions: %w", err)
	}
	catchIgnored()
	return &Driver{folder: folder, lock: lock, named: newNamesakes(filepath.Join(folder, "sandboxes")), sandboxes: map[string]*Sandbox{}}, nil
}

// keepDescriptors keeps what the daemon's own parent left open from functions.
// What Go opens is closed on exec anyway.
func keepDescriptors() error {
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// Create makes a sandbox's folders.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, context.Cause(ctx))
	}
	s := &Sandbox{driver: d, spec: spec, folder: d.sandboxFolder(spec.ID), born: now(), processes: map[*process]bool{}}
	if err := d.admit(s); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	if err := s.furnish(); err != nil {
		d.forget(s)
		return nil, errors.Join(fmt.Errorf("create sandbox %s: %w", spec.ID, err), removeTree(s.folder))
	}
	return s, nil
}

// admit takes the sandbox's name.
func (d *Driver) admit(s *Sandbox) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return os.ErrClosed
	}
	if d.sandboxes[s.spec.ID] != nil {
		return syscall.EEXIST
	}
	d.sandboxes[s.spec.ID] = s
	return nil
}

func (d *Driver) forget(s *Sandbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sandboxes[s.spec.ID] == s {
		delete(d.sandboxes, s.spec.ID)
	}
}

func (d *Driver) sandboxFolder(id string) string { return filepath.Join(d.folder, "sandboxes", id) }

// Sweep ends the processes of sandboxes that a killed daemon left, and removes
// their folders.
func (d *Driver) Sweep(ctx context.Context) (sandbox.Swept, error) {
	var swept sandbox.Swept
	entries, err := os.ReadDir(filepath.Join(d.folder, "sandboxes"))
	if err != nil {
		return swept, fmt.Errorf("sweep: %w", err)
	}
	for _, e := range entries {
		if d.lives(e.Name()) {
			continue
		}
		folder := d.sandboxFolder(e.Name())
		// What it recorded is trusted by start time, so a number that another
		// process has by now is left alone.
		k := kin{name: e.Name(), named: d.named, known: readRecord(folder)}
		ended, err := k.end(ctx)
		swept.Processes += ended
		if err != nil {
			return swept, fmt.Errorf("sweep sandbox %s: %w", e.Name(), err)
		}
		if err := removeTree(folder); err != nil {
			return swept, fmt.Errorf("sweep sandbox %s: %w", e.Name(), err)
		}
		swept.Sandboxes++
	}
	return swept, nil
}

func (d *Driver) lives(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sandboxes[id] != nil
}

// Close destroys what is left and gives the state folder free.
func (d *Driver) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	left := make([]*Sandbox, 0, len(d.sandboxes))
	for _, s := range d.sandboxes {
		left = append(left, s)
	}
	d.mu.Unlock()
	var errs []error
	for _, s := range left {
		errs = append(errs, s.Destroy(context.Background()))
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

// Report says that this driver isolates nothing.
func (d *Driver) Report() sandbox.Report {
	const hint = "use the namespace driver on Linux"
	lack := func(name, why string) sandbox.Ability {
		return sandbox.Ability{Name: name, Why: why, Hint: hint}
	}
	r := sandbox.Report{Driver: "process", Usable: true, Abilities: []sandbox.Ability{
		lack(sandbox.CanIsolateFiles, "processes see the host's files and may write what the daemon's user may"),
		lack(sandbox.CanIsolateNetwork, networkWhy),
		lack(sandbox.CanIsolateProcs, "processes see the host's processes and may signal the user's"),
		lack(sandbox.CanLimitMemory, "memory is not limited"),
		lack(sandbox.CanLimitCPU, "CPU time is not limited"),
		lack(sandbox.CanLimitProcs, "the number of processes is limited per user only"),
		lack(sandbox.CanLimitTmp, "/tmp is a folder of the host's file system"),
		{Name: sandbox.CanTmpOffMemory, Have: true},
		lack(sandbox.CanKillAll, "a process that forks twice, leaves its session and clears its environment is not found"),
		lack(sandbox.CanFilterSyscalls, "system calls are not filtered"),
		{Name: sandbox.CanReachOutside, Have: true},
	}}
	r.Abilities = append(r.Abilities, hostAbilities()...)
	return r
}
