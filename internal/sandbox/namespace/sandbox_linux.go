package namespace

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

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
	name     string // what it began as: its cgroups and its record are called so
	id       atomic.Pointer[string]
	blank    sandbox.Blank
	uid, gid uint32
	conn     *conn
	group    *cgroup.Group
	volume   *volume.Volume // nil: /tmp is memory
	outside  io.Closer      // the way out, nil without

	frozen bool // owned by the caller of Freeze, Thaw, Kill and Destroy

	mu    sync.Mutex // guards what follows
	state state
	peak  int64

	end    sync.Once
	ended  chan struct{} // closed when all is given back
	endErr error         // written before ended is closed
}

// state is how far a sandbox is.
type state byte

const (
	begun  state = iota // it can start what is nobody's
	broken              // Finish is at work, or failed
	whole
)

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// register gives the sandbox its place among the live ones, and its identity.
func (d *Driver) register(b *box) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("the driver is closed")
	}
	if d.live[b.name] != nil {
		return errOneOfThisID
	}
	if b.uid, err = d.ids.take(); err != nil {
		return err
	}
	b.gid = b.uid
	if d.rootless {
		b.gid = rootlessGID
	}
	d.live[b.name] = b
	return nil
}

var errOneOfThisID = errors.New("there is one of this ID")

// rename gives a sandbox the ID by which it is known from here on. The one that
// it had stays taken, as the host's names come of it.
func (d *Driver) rename(b *box, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errors.New("the driver is closed")
	}
	if d.live[id] != nil && d.live[id] != b {
		return errOneOfThisID
	}
	d.live[id] = b
	b.id.Store(&id)
	return nil
}

// turn moves the sandbox on from a state that it must be in.
func (b *box) turn(from, to state) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != from {
		return errors.New("it is not one that was begun")
	}
	b.state = to
	return nil
}

// usable refuses to start anything where the host's tree may still be seen.
func (b *box) usable() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == broken {
		return errors.New("it was not finished")
	}
	return nil
}

func limitsOf(spec *sandbox.Spec) cgroup.Limits {
	return cgroup.Limits{MemoryBytes: int64(spec.MemoryMiB) << 20, CPUs: spec.CPUs, PIDs: spec.MaxProcesses, Weight: spec.Weight}
}

// affinity picks the processors that the sandbox sees, each sandbox others in
// turn; nil when it may see all.
func (b *box) affinity(n int) []byte {
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

// ID is the Spec's, and before Finish the Blank's.
func (b *box) ID() string { return *b.id.Load() }

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
		return errors.Join(fmt.Errorf("freeze sandbox %s: %w", b.ID(), err), b.thaw(context.WithoutCancel(ctx)))
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
		return fmt.Errorf("thaw sandbox %s: %w", b.ID(), err)
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
		return fmt.Errorf("measure sandbox %s: %w", b.ID(), err)
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
		return fmt.Errorf("kill sandbox %s: %w", b.ID(), err)
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
		return fmt.Errorf("destroy sandbox %s: %w", b.ID(), context.Cause(ctx))
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
	delete(b.d.live, b.name)
	delete(b.d.live, b.ID())
	b.d.ids.give(b.uid)
	b.d.mu.Unlock()
	if failed != nil {
		b.endErr = fmt.Errorf("destroy sandbox %s: %w", b.ID(), failed)
	}
}
