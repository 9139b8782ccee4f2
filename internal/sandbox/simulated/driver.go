package simulated

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"

	"lambent/internal/sandbox"
)

// Options are what a Driver is made of.
type Options struct {
	// Seed decides every fault.
	Seed uint64
	// Program chooses who plays a command; nil for a command means that its
	// file does not exist.
	Program func(cmd sandbox.Command) Program
	Faults  Faults
}

// Driver is a simulated host.
type Driver struct {
	options Options

	mu        sync.Mutex
	closed    bool
	sandboxes map[string]*Sandbox // mu; those that live, by every ID that they had
	conns     map[*conn]string    // mu; open ends that the daemon holds, and whose they are
	misuse    []string            // mu; how callers broke the contract
}

var _ sandbox.Driver = (*Driver)(nil)

// New makes a host without sandboxes.
func New(o Options) *Driver {
	if o.Program == nil {
		o.Program = func(sandbox.Command) Program { return nil }
	}
	return &Driver{options: o, sandboxes: map[string]*Sandbox{}, conns: map[*conn]string{}}
}

// Create makes an empty sandbox.
func (d *Driver) Create(ctx context.Context, spec sandbox.Spec) (sandbox.Sandbox, error) {
	s, err := d.create(ctx, spec)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (d *Driver) create(ctx context.Context, spec sandbox.Spec) (*Sandbox, error) {
	fate := newFate(d.options.Seed, spec.ID)
	if err := linger(ctx, fate, d.options.Faults.CreateSlow); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	if err := fate.fails("create sandbox "+spec.ID, d.options.Faults.CreateFails); err != nil {
		return nil, err
	}
	s := newSandbox(d, spec, fate)
	if err := d.name(s, spec.ID); err != nil {
		return nil, fmt.Errorf("create sandbox %s: %w", spec.ID, err)
	}
	return s, nil
}

// name enters a sandbox under an ID, which must be new.
func (d *Driver) name(s *Sandbox, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return os.ErrClosed
	}
	if d.sandboxes[id] != nil && d.sandboxes[id] != s {
		d.misuse = append(d.misuse, "sandbox "+id+" made twice")
		return syscall.EEXIST
	}
	d.sandboxes[id] = s
	return nil
}

// Sweep finds nothing: what is simulated dies with its daemon.
func (d *Driver) Sweep(context.Context) (sandbox.Swept, error) { return sandbox.Swept{}, nil }

// Report has every ability that a simulation can have.
func (d *Driver) Report() sandbox.Report {
	r := sandbox.Report{Driver: "simulated", Usable: true}
	for _, name := range []string{
		sandbox.CanIsolateFiles, sandbox.CanIsolateNetwork, sandbox.CanIsolateProcs, sandbox.CanLimitMemory,
		sandbox.CanLimitTmp, sandbox.CanTmpOffMemory, sandbox.CanFreeze, sandbox.CanKillAll, sandbox.CanMeasureMemory,
	} {
		r.Abilities = append(r.Abilities, sandbox.Ability{Name: name, Have: true})
	}
	for _, name := range []string{
		sandbox.CanLimitCPU, sandbox.CanLimitProcs, sandbox.CanFilterSyscalls, sandbox.CanReachOutside,
	} {
		r.Abilities = append(r.Abilities, sandbox.Ability{Name: name, Why: "processes are simulated",
			Hint: "use another driver outside of tests"})
	}
	return r
}

// Close destroys what is left, without faults.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	left := d.left()
	d.mu.Unlock()
	for _, s := range left {
		if err := s.remove(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

// Leaks words what has not been given back and how callers broke the contract,
// a line each; it is empty when all is well. Ask when the dust has settled
// (synctest.Wait).
func (d *Driver) Leaks() string {
	d.mu.Lock()
	lines := append([]string(nil), d.misuse...)
	for _, owner := range d.conns {
		lines = append(lines, "open connection of sandbox "+owner)
	}
	left := d.left()
	d.mu.Unlock()
	for _, s := range left {
		lines = append(lines, s.inventory()...)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// left lists each sandbox that lives once. It is called with mu held.
func (d *Driver) left() []*Sandbox {
	var left []*Sandbox
	for _, s := range d.sandboxes {
		if !slices.Contains(left, s) {
			left = append(left, s)
		}
	}
	return left
}

func (d *Driver) misused(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.misuse = append(d.misuse, fmt.Sprintf(format, args...))
}

func (d *Driver) forget(s *Sandbox) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, have := range d.sandboxes {
		if have == s {
			delete(d.sandboxes, id)
		}
	}
}

func (d *Driver) opened(c *conn, owner string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c] = owner
}

func (d *Driver) released(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}
