package namespace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/cgroup"
	"lambent/internal/linux/seccomp"
	"lambent/internal/linux/volume"
	"lambent/internal/readable"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace/initproto"
)

// closeLimit bounds what Close and Sweep wait for the kernel to finish.
const closeLimit = 30 * time.Second

// Driver makes sandboxes out of namespaces.
type Driver struct {
	log      *slog.Logger
	network  Network // nil: loopback only
	noWayOut error   // why
	rootless bool
	root     string // an empty folder, where each sandbox builds its root in its own view
	records  string // a folder with a record of each sandbox
	image    *os.File
	null     *os.File
	tree     *cgroup.Tree
	volumes  *volume.Maker  // nil: /tmp is memory
	noVolume error          // why
	tried    *volume.Volume // by which it was seen that volumes work, for the trial sandbox
	usualTmp int            // MiB, 0 when it is not known
	filter   []byte

	// mountsByFD: this process may detach mounts and hand them over, so PID 1
	// needs the host's tree only while it builds the root.
	mountsByFD bool

	base    []initproto.Op
	rlimits []initproto.Rlimit // of every process, besides the two that a spec decides
	caps    []uintptr
	cpus    []int // that this host lets us use
	buffers sync.Pool

	readable *readable.Watcher // outputs, and what PIDs 1 say

	mu     sync.Mutex // guards what follows
	ids    identities
	live   map[string]*box
	next   int // where the next sandbox's processors begin
	closed bool

	ending sync.WaitGroup // sandboxes that are going
}

// New prepares a driver and tries it: a driver that is returned has made a
// sandbox. The host's folder StateDir is its own.
func New(cfg Config) (_ *Driver, err error) {
	d := &Driver{log: cfg.Log, rootless: cfg.Rootless || os.Geteuid() != 0, usualTmp: cfg.UsualTmpMiB, live: map[string]*box{}}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.buffers.New = func() any { return new([64 << 10]byte) }
	d.ids = newIdentities(cfg.FirstUID, cfg.StateDir, d.rootless)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("prepare the namespace driver: %w", err), d.Close())
		}
	}()
	if d.readable, err = readable.New(); err != nil {
		return nil, err
	}
	state, err := filepath.Abs(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	d.root, d.records = filepath.Join(state, "root"), filepath.Join(state, "live")
	if err := errors.Join(os.MkdirAll(d.root, 0o755), os.MkdirAll(d.records, 0o700)); err != nil {
		return nil, err
	}
	for _, prepare := range []func(Config, string) error{d.openImage, d.openCgroups, d.openVolumes, d.readHost, d.findNetwork} {
		if err := prepare(cfg, state); err != nil {
			return nil, err
		}
	}
	if err := d.try(); err != nil {
		return nil, err
	}
	if d.volumes != nil {
		d.volumes.Keep(cfg.ReadyVolumes)
	}
	return d, nil
}

func (d *Driver) openImage(cfg Config, _ string) (err error) {
	if d.null, err = os.OpenFile("/dev/null", os.O_RDWR, 0); err != nil {
		return err
	}
	d.image, err = loadImage(cfg.initPath)
	return err
}

// openVolumes tries one, as what may be missing is not seen from outside.
func (d *Driver) openVolumes(_ Config, state string) error {
	if d.rootless {
		d.noVolume = errors.New("an ordinary user cannot mount a file system from a loop device")
		return nil
	}
	m, err := volume.NewMaker(filepath.Join(state, "volumes"))
	if err != nil {
		return err
	}
	if d.tried, err = m.Try(); err != nil {
		d.noVolume = err
		return nil
	}
	d.volumes = m
	return nil
}

func (d *Driver) readHost(Config, string) (err error) {
	if d.filter, err = seccomp.Program(); err != nil {
		return err
	}
	if !d.rootless {
		fd, err := unix.OpenTree(unix.AT_FDCWD, d.root, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if d.mountsByFD = err == nil; d.mountsByFD {
			unix.Close(fd)
		}
	}
	if d.rootless {
		if d.caps, err = allCapabilities(); err != nil {
			return err
		}
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("ask for processors: %w", err)
	}
	for cpu := 0; cpu < 1024 && len(d.cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			d.cpus = append(d.cpus, cpu)
		}
	}
	d.rlimits = commonRlimits(d.rootless)
	d.base, err = baseRoot(d.rootless)
	return err
}

// findNetwork sees whether the network that was given can be used.
func (d *Driver) findNetwork(cfg Config, _ string) error {
	device, ok := cfg.Network.(DeviceNetwork)
	switch {
	case cfg.Network == nil:
		d.noWayOut = errors.New("no network was configured")
		return nil
	case d.rootless && !ok:
		d.noWayOut = errors.New("this network needs root")
		return nil
	case d.rootless:
		tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
		if err != nil {
			d.noWayOut = err
			return nil
		}
		d.network = device
		return tun.Close()
	}
	d.network = cfg.Network
	return nil
}

// try makes a sandbox and runs a program that is not there: all steps up to the
// last one have to succeed.
func (d *Driver) try() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	box, err := d.Create(ctx, sandbox.Spec{ID: fmt.Sprintf("trial-%d", os.Getpid()), MemoryMiB: 64, CPUs: 1, TmpMiB: volume.TrialMiB, MaxProcesses: 16, MaxOpenFiles: 64})
	if err != nil {
		return err
	}
	_, err = box.Start(ctx, sandbox.Command{Path: "/dev/null/nothing", Dir: "/"})
	var refused *sandbox.StartError
	if errors.As(err, &refused) {
		err = nil
	}
	return errors.Join(err, box.Destroy(ctx))
}

// Close destroys every sandbox and waits until the host is as it was.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	boxes := make([]*box, 0, len(d.live))
	for _, b := range d.live {
		boxes = append(boxes, b)
	}
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
	defer cancel()
	var failed error
	for _, b := range boxes {
		b.beginEnd()
	}
	for _, b := range boxes {
		failed = errors.Join(failed, b.Destroy(ctx))
	}
	d.ending.Wait()
	if d.tried != nil { // something was missing before there was a trial
		failed = errors.Join(failed, d.tried.Close())
		d.tried = nil
	}
	if d.volumes != nil {
		failed = errors.Join(failed, d.volumes.Close(ctx))
		d.volumes = nil
	}
	if d.tree != nil {
		failed = errors.Join(failed, d.tree.Close())
		d.tree = nil
	}
	for _, f := range []**os.File{&d.image, &d.null} {
		if *f != nil {
			(*f).Close()
			*f = nil
		}
	}
	if d.readable != nil {
		d.readable.Close()
		d.readable = nil
	}
	return failed
}

// Sweep ends what a killed driver left. Its PID 1s have ended by themselves when
// their sockets closed, and with them namespaces, mounts and volumes, unless a
// process frozen by cgroup v1 holds them back, which is thawed here.
func (d *Driver) Sweep(ctx context.Context) (sandbox.Swept, error) {
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	limit, _ := ctx.Deadline()
	loops := 0
	if d.volumes != nil {
		var err error
		if loops, err = d.volumes.Foreign(); err != nil {
			return sandbox.Swept{}, fmt.Errorf("sweep: %w", err)
		}
	}
	swept, err := d.tree.Sweep(limit)
	s := sandbox.Swept{Processes: swept.Processes, Cgroups: swept.Dirs, LoopDevices: loops, Mounts: loops}
	recorded, recordErr := d.sweepRecords(ctx)
	ids := slices.Concat(swept.Groups, recorded)
	slices.Sort(ids)
	s.Sandboxes = len(slices.Compact(ids))
	err = errors.Join(err, recordErr)
	if err == nil && loops > 0 {
		err = d.volumes.WaitForeign(ctx)
	}
	if err != nil {
		err = fmt.Errorf("sweep: %w", err)
	}
	return s, err
}
