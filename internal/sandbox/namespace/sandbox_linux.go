package namespace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/cgroup"
	"lambent/internal/linux/volume"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace/initproto"
)

// oomScore makes the kernel look at functions before anything else of the host
// when memory is short.
const oomScore = 500

// box is one sandbox.
type box struct {
	d        *Driver
	spec     sandbox.Spec
	uid, gid uint32
	conn     *conn
	group    *cgroup.Group
	volume   *volume.Volume // nil: /tmp is memory
	outside  io.Closer      // the way out, nil without

	frozen bool // owned by the caller of Freeze, Thaw, Kill and Destroy

	mu   sync.Mutex // guards peak
	peak int64

	end    sync.Once
	ended  chan struct{} // closed when all is given back
	endErr error         // written before ended is closed
}

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Create makes a sandbox.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec) (_ sandbox.Sandbox, err error) {
	if !validID.MatchString(spec.ID) {
		return nil, fmt.Errorf("create sandbox: %q is no ID", spec.ID)
	}
	if spec.Hostname == "" {
		spec.Hostname = "localhost"
	}
	b := &box{d: d, spec: spec, ended: make(chan struct{})}
	if err := d.register(b); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	if err := b.build(ctx); err != nil {
		b.beginEnd()
		<-b.ended
		return nil, errors.Join(fmt.Errorf("create sandbox %s: %w", spec.ID, err), b.endErr)
	}
	return b, nil
}

// register gives the sandbox its place among the live ones, and its identity.
func (d *Driver) register(b *box) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("the driver is closed")
	}
	if d.live[b.spec.ID] != nil {
		return errors.New("there is one of this ID")
	}
	if b.uid, err = d.ids.take(); err != nil {
		return err
	}
	b.gid = b.uid
	if d.rootless {
		b.gid = rootlessGID
	}
	d.live[b.spec.ID] = b
	return nil
}

// build makes cgroups and /tmp while PID 1 comes up, and then sends it the plan.
func (b *box) build(ctx context.Context) error {
	prepared := make(chan error, 1)
	go func() {
		var err error
		if b.group, err = b.d.tree.New(b.spec.ID, b.limits()); err == nil && b.d.volumes != nil {
			b.volume, err = b.d.volumes.Make(b.spec.TmpMiB)
		}
		prepared <- err
	}()
	var err error
	b.conn, err = b.d.dial()
	if err == nil {
		err = b.record()
	}
	err = errors.Join(err, <-prepared)
	if b.volume != nil {
		defer b.volume.Close() // PID 1 has moved it by then
	}
	if err != nil {
		return err
	}
	if err := b.attachDevice(ctx); err != nil {
		return err
	}
	plan, files, err := b.plan()
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if err != nil {
		return err
	}
	var fds []int
	if b.volume != nil {
		fds = append(fds, int(b.volume.Mount.Fd()))
	}
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	namespace, err := b.file(ctx, initproto.Setup, plan, fds...)
	if err != nil {
		return err
	}
	defer namespace.Close()
	return b.attach(ctx, namespace)
}

func (b *box) limits() cgroup.Limits {
	return cgroup.Limits{MemoryBytes: int64(b.spec.MemoryMiB) << 20, CPUs: b.spec.CPUs, PIDs: b.spec.MaxProcesses}
}

// plan says what PID 1 has to do; the files go along after the volume.
func (b *box) plan() (*initproto.Plan, []*os.File, error) {
	own, err := b.ownRoot()
	if err != nil {
		return nil, nil, err
	}
	p := &initproto.Plan{Hostname: b.spec.Hostname, NewRoot: b.d.root, OOMScore: oomScore}
	p.Ops = append(append(p.Ops, b.d.base...), own...)
	p.Child = initproto.Child{SetIDs: !b.d.rootless, UID: b.uid, GID: b.gid, Rlimits: b.rlimits(), Affinity: b.affinity(), Filter: b.d.filter}
	if b.volume != nil {
		p.OpFDs = 1
	}
	var files []*os.File
	into, err := b.group.BornInto()
	if err != nil {
		return nil, nil, err
	}
	if into != nil {
		p.BornInto, files = true, append(files, into)
	}
	join, err := b.group.JoinBy()
	p.JoinBy, files = len(join), append(files, join...)
	return p, files, err
}

// rlimits are those of docs/environment.md §6.2, but that no core is dumped.
// What an ordinary user may not raise stays at what the daemon has.
func (b *box) rlimits() []initproto.Rlimit {
	inf := ^uint64(0)
	files, procs := uint64(b.spec.MaxOpenFiles), uint64(b.spec.MaxProcesses)
	want := []initproto.Rlimit{
		{Resource: unix.RLIMIT_CORE}, {Resource: unix.RLIMIT_STACK, Soft: 8 << 20, Max: inf},
		{Resource: unix.RLIMIT_MEMLOCK, Soft: 64 << 10, Max: 64 << 10},
		{Resource: unix.RLIMIT_AS, Soft: inf, Max: inf}, {Resource: unix.RLIMIT_CPU, Soft: inf, Max: inf},
		{Resource: unix.RLIMIT_DATA, Soft: inf, Max: inf}, {Resource: unix.RLIMIT_FSIZE, Soft: inf, Max: inf},
	}
	if files > 0 {
		want = append(want, initproto.Rlimit{Resource: unix.RLIMIT_NOFILE, Soft: files, Max: files})
	}
	if procs > 0 {
		// Counted for each user: this sandbox alone has this one, or alone is
		// in its user namespace.
		want = append(want, initproto.Rlimit{Resource: unix.RLIMIT_NPROC, Soft: procs, Max: procs})
	}
	if !b.d.rootless {
		return want
	}
	for i := range want {
		var have unix.Rlimit
		if unix.Getrlimit(int(want[i].Resource), &have) == nil {
			want[i].Max = min(want[i].Max, have.Max)
			want[i].Soft = min(want[i].Soft, want[i].Max)
		}
	}
	return want
}

// affinity picks the processors that the sandbox sees, each sandbox others in
// turn; nil when it may see all.
func (b *box) affinity() []byte {
	n := b.spec.VisibleCPUs
	if n <= 0 || n >= len(b.d.cpus) {
		return nil
	}
	b.d.mu.Lock()
	first := b.d.next
	b.d.next = (first + n) % len(b.d.cpus)
	b.d.mu.Unlock()
	mask := make([]byte, 128)
	for i := range n {
		cpu := b.d.cpus[(first+i)%len(b.d.cpus)]
		mask[cpu/8] |= 1 << (cpu % 8)
	}
	return mask
}

// ID is the Spec's.
func (b *box) ID() string { return b.spec.ID }

// Path is the identity: the sandbox has a root of its own.
func (b *box) Path(inside string) string { return inside }

// Freeze stops every process.
func (b *box) Freeze(ctx context.Context) (err error) {
	if b.frozen {
		return nil
	}
	if b.d.tree.CanFreeze() {
		err = b.group.Freeze(ctx)
	} else {
		_, err = b.conn.do(ctx, initproto.Stop, nil, nil)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("freeze sandbox %s: %w", b.spec.ID, err), b.thaw(context.WithoutCancel(ctx)))
	}
	b.frozen = true
	return nil
}

// Thaw lets the processes go on.
func (b *box) Thaw(ctx context.Context) error {
	if !b.frozen {
		return nil
	}
	if err := b.thaw(ctx); err != nil {
		return err
	}
	b.frozen = false
	return nil
}

func (b *box) thaw(ctx context.Context) error {
	if b.d.tree.CanFreeze() {
		return b.group.Thaw()
	}
	if _, err := b.conn.do(ctx, initproto.Resume, nil, nil); err != nil {
		return fmt.Errorf("thaw sandbox %s: %w", b.spec.ID, err)
	}
	return nil
}

// Usage reads the kernel's accounting; for what no cgroup accounts for, PID 1
// looks at its processes.
func (b *box) Usage() (sandbox.Usage, error) {
	u, err := b.group.Usage()
	if err == nil && (b.d.tree.Missing(cgroup.Memory) != nil || b.d.tree.Missing(cgroup.CPUAcct) != nil) {
		err = b.measure(&u)
	}
	if err != nil {
		return sandbox.Usage{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peak = max(b.peak, u.Peak)
	return sandbox.Usage{MemoryPeakBytes: b.peak, MemoryBytes: u.Memory, CPU: u.CPU, OOMKills: u.OOMKills, Processes: u.Processes}, nil
}

// PeakMemory is the peak of Usage, read for a report.
func (b *box) PeakMemory() (int64, error) {
	if b.d.tree.Missing(cgroup.Memory) != nil {
		u, err := b.Usage()
		return u.MemoryPeakBytes, err
	}
	peak, err := b.group.PeakMemory()
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peak = max(b.peak, peak)
	return b.peak, nil
}

func (b *box) measure(u *cgroup.Usage) error {
	r, err := b.conn.ask(context.Background(), initproto.Measure, nil, nil)
	var m initproto.Measurement
	if err == nil {
		err = initproto.DecodeInto(r.packet, &m)
	}
	if err != nil {
		return fmt.Errorf("measure sandbox %s: %w", b.spec.ID, err)
	}
	u.Processes = m.Processes
	if b.d.tree.Missing(cgroup.Memory) != nil {
		u.Memory, u.Peak = m.MemoryBytes, m.PeakBytes
	}
	if b.d.tree.Missing(cgroup.CPUAcct) != nil {
		u.CPU = time.Duration(m.CPUNanos)
	}
	return nil
}

// Kill ends every process inside. PID 1 kills all that there are in its
// namespace in one step that forks cannot race, and answers when it has reaped
// the last. When PID 1 is waiting for a program to execute, those that hold it
// up are killed by name of their cgroup.
func (b *box) Kill(ctx context.Context) error {
	err := b.group.Unhold()
	if !b.conn.request.TryLock() {
		err = errors.Join(err, b.group.Kill())
		b.conn.request.Lock()
	}
	b.frozen = false
	if err == nil {
		_, err = b.conn.doLocked(ctx, initproto.Kill, nil, nil)
	}
	b.conn.request.Unlock()
	if err = errors.Join(err, b.group.LimitCPU()); err != nil {
		return fmt.Errorf("kill sandbox %s: %w", b.spec.ID, err)
	}
	return nil
}

// Destroy ends everything and gives all back. The end goes on when ctx ends the wait.
func (b *box) Destroy(ctx context.Context) error {
	b.beginEnd()
	select {
	case <-b.ended:
		return b.endErr
	case <-ctx.Done():
		return fmt.Errorf("destroy sandbox %s: %w", b.spec.ID, context.Cause(ctx))
	}
}

func (b *box) beginEnd() {
	b.end.Do(func() { b.d.ending.Go(b.giveBack) })
}

// giveBack undoes what build did, as far as it came, in reverse.
func (b *box) giveBack() {
	defer close(b.ended)
	var failed error
	if b.group != nil {
		failed = b.group.End()
	}
	if b.conn != nil {
		b.conn.end()
		failed = errors.Join(failed, b.forget())
	}
	if b.outside != nil {
		failed = errors.Join(failed, b.outside.Close())
	}
	if b.group != nil {
		failed = errors.Join(failed, b.group.Remove())
	}
	if b.volume != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		failed = errors.Join(failed, b.volume.WaitGone(ctx))
	}
	b.d.mu.Lock()
	delete(b.d.live, b.spec.ID)
	b.d.ids.give(b.uid)
	b.d.mu.Unlock()
	if failed != nil {
		b.endErr = fmt.Errorf("destroy sandbox %s: %w", b.spec.ID, failed)
	}
}
