package namespace

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace/initproto"
)

var _ sandbox.Stocker = (*Driver)(nil)

// What processes may have that are started before it is known for whom: as much
// as functions have, so that what a runtime makes of its limits when it starts
// stays true. Finish may lower it; to raise it takes a right that not every
// daemon has (CAP_SYS_RESOURCE).
const (
	filesAhead     = 1024
	processesAhead = 1024
)

// Create makes a sandbox: one is begun and finished in one go.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	b, err := d.begin(ctx, sandbox.Blank{ID: spec.ID, Hostname: spec.Hostname, Hosts: spec.Hosts}, &spec)
	if err != nil {
		return nil, fmt.Errorf("create %w", err)
	}
	return b, nil
}

// Begin makes a sandbox without limits, whose processes give way to others, and
// that has its root but for what Finish brings.
func (d *Driver) Begin(ctx context.Context, blank sandbox.Blank) (sandbox.Unfinished, error) {
	b, err := d.begin(ctx, blank, nil)
	if err != nil {
		return nil, fmt.Errorf("begin %w", err)
	}
	if d.volumes != nil && d.usualTmp > 0 {
		d.volumes.Expect(d.usualTmp) // Finish will want one
	}
	return b, nil
}

func (d *Driver) begin(ctx context.Context, blank sandbox.Blank, spec *sandbox.Spec) (*box, error) {
	if !validID.MatchString(blank.ID) {
		return nil, fmt.Errorf("sandbox: %q is no ID", blank.ID)
	}
	b := &box{d: d, name: blank.ID, blank: blank, ended: make(chan struct{})}
	b.id.Store(&blank.ID)
	if err := d.register(b); err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", blank.ID, err)
	}
	if err := b.build(ctx, spec); err != nil {
		b.beginEnd()
		<-b.ended
		return nil, errors.Join(fmt.Errorf("sandbox %s: %w", blank.ID, err), b.endErr)
	}
	return b, nil
}

// build makes cgroups and /tmp while PID 1 comes up, and then sends it the plan.
// With a spec the sandbox is finished in the same go.
func (b *box) build(ctx context.Context, spec *sandbox.Spec) error {
	prepared := make(chan error, 1)
	go func() { prepared <- b.prepare(spec) }()
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
	defer closeFiles(files)
	if err != nil {
		return err
	}
	fds := make([]int, 0, initproto.MaxFDs)
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	if spec != nil {
		finishing, own, err := b.finishing(spec, spec.Mounts)
		defer closeAll(own)
		if err != nil {
			return err
		}
		plan.Finishing, b.state = finishing, whole
		fds = append(fds, b.withVolume(own)...)
	}
	namespace, err := b.file(ctx, initproto.Setup, plan, fds...)
	if err != nil {
		return err
	}
	defer namespace.Close()
	return b.attach(ctx, namespace)
}

// prepare makes what PID 1 has no part in.
func (b *box) prepare(spec *sandbox.Spec) (err error) {
	if b.group, err = b.d.tree.New(b.name); err != nil {
		return err
	}
	if spec == nil {
		return b.group.Background(b.blank.Weight)
	}
	if err := b.group.Limit(limitsOf(spec)); err != nil {
		return err
	}
	return b.takeVolume(spec)
}

func (b *box) takeVolume(spec *sandbox.Spec) (err error) {
	switch {
	case b.d.tried != nil:
		b.volume, b.d.tried = b.d.tried, nil
	case b.d.volumes != nil:
		b.volume, err = b.d.volumes.Make(spec.TmpMiB)
	}
	return err
}

// Finish makes the sandbox what the spec says. The cgroups' limits are set while
// PID 1 does its part.
func (b *box) Finish(ctx context.Context, spec sandbox.Spec) error {
	if err := b.finish(ctx, &spec); err != nil {
		return fmt.Errorf("finish sandbox %s as %s: %w", b.name, spec.ID, err)
	}
	return nil
}

func (b *box) finish(ctx context.Context, spec *sandbox.Spec) error {
	rest, err := b.blank.Rest(*spec)
	if err != nil {
		return err
	}
	if err := b.turn(begun, broken); err != nil { // until all is well
		return err
	}
	if err := b.d.rename(b, spec.ID); err != nil {
		return err
	}
	limited := make(chan error, 1)
	// First of all it is like others: what it runs may not have come to its end.
	go func() { limited <- errors.Join(b.group.Foreground(), b.group.Limit(limitsOf(spec))) }()
	err = b.complete(ctx, spec, rest)
	if err = errors.Join(err, <-limited); err != nil {
		return err
	}
	return b.turn(broken, whole)
}

// complete has PID 1 do its part of Finish.
func (b *box) complete(ctx context.Context, spec *sandbox.Spec, rest []sandbox.Mount) error {
	if err := b.takeVolume(spec); err != nil {
		return err
	}
	if b.volume != nil {
		defer b.volume.Close() // PID 1 has moved it by then
	}
	finishing, fds, err := b.finishing(spec, rest)
	defer closeAll(fds)
	if err != nil {
		return err
	}
	_, err = b.conn.do(ctx, initproto.Finish, finishing, b.withVolume(fds))
	return err
}

// finishing is PID 1's part, and the descriptors that go along after the volume.
func (b *box) finishing(spec *sandbox.Spec, mounts []sandbox.Mount) (_ *initproto.Finishing, fds []int, err error) {
	var ops []initproto.Op
	if b.d.mountsByFD {
		ops, fds, err = mountFDs(mounts, len(b.withVolume(nil)))
	} else {
		ops, err = mountOps(mounts)
	}
	if err != nil {
		return nil, nil, err
	}
	return &initproto.Finishing{
		Ops:      append([]initproto.Op{b.tmpOp(spec)}, ops...),
		Rlimits:  b.rlimits(spec.MaxOpenFiles, spec.MaxProcesses),
		Affinity: b.affinity(spec.VisibleCPUs),
	}, fds, nil
}

// withVolume puts the volume's descriptor, if there is one, before others.
func (b *box) withVolume(fds []int) []int {
	if b.volume == nil {
		return fds
	}
	return append([]int{int(b.volume.Mount.Fd())}, fds...)
}

// plan says what PID 1 has to do first, and gives the files of the cgroups that
// go along.
func (b *box) plan() (*initproto.Plan, []*os.File, error) {
	mounts, err := mountOps(b.blank.Mounts)
	if err != nil {
		return nil, nil, err
	}
	p := &initproto.Plan{Hostname: hostname(b.blank), NewRoot: b.d.root, OOMScore: oomScore, Leave: b.d.mountsByFD, Rlimits: b.d.rlimits}
	p.Ops = append(append(append(p.Ops, b.d.base...), b.ownRoot()...), mounts...)
	p.Child = initproto.Child{SetIDs: !b.d.rootless, UID: b.uid, GID: b.gid, Rlimits: b.rlimits(filesAhead, processesAhead), Filter: b.d.filter}
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

// rlimits are the two that a spec decides. One that it leaves open is the daemon's.
func (b *box) rlimits(files, processes int) []initproto.Rlimit {
	limit := func(resource uint32, n int) initproto.Rlimit {
		if n <= 0 {
			return allowed(initproto.Rlimit{Resource: resource, Soft: ^uint64(0), Max: ^uint64(0)})
		}
		l := initproto.Rlimit{Resource: resource, Soft: uint64(n), Max: uint64(n)}
		if b.d.rootless {
			l = allowed(l)
		}
		return l
	}
	// Processes are counted for each user: this sandbox alone has this one, or
	// alone is in its user namespace.
	return []initproto.Rlimit{limit(unix.RLIMIT_NOFILE, files), limit(unix.RLIMIT_NPROC, processes)}
}

// commonRlimits are the rest of those of docs/environment.md §6.2, but that no
// core is dumped. What an ordinary user may not raise stays at what the daemon has.
func commonRlimits(rootless bool) []initproto.Rlimit {
	inf := ^uint64(0)
	want := []initproto.Rlimit{
		{Resource: unix.RLIMIT_CORE}, {Resource: unix.RLIMIT_STACK, Soft: 8 << 20, Max: inf},
		{Resource: unix.RLIMIT_MEMLOCK, Soft: 64 << 10, Max: 64 << 10},
		{Resource: unix.RLIMIT_AS, Soft: inf, Max: inf}, {Resource: unix.RLIMIT_CPU, Soft: inf, Max: inf},
		{Resource: unix.RLIMIT_DATA, Soft: inf, Max: inf}, {Resource: unix.RLIMIT_FSIZE, Soft: inf, Max: inf},
	}
	if rootless {
		for i := range want {
			want[i] = allowed(want[i])
		}
	}
	return want
}

// allowed lowers a limit to what this process has.
func allowed(l initproto.Rlimit) initproto.Rlimit {
	var have unix.Rlimit
	if unix.Getrlimit(int(l.Resource), &have) == nil {
		l.Max = min(l.Max, have.Max)
		l.Soft = min(l.Soft, l.Max)
	}
	return l
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

func hostname(b sandbox.Blank) string {
	if b.Hostname == "" {
		return "localhost"
	}
	return b.Hostname
}
