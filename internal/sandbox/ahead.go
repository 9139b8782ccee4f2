package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Stocker is a Driver that can begin a sandbox before it is known what it will
// be for, so that a cold start need only finish it.
type Stocker interface {
	// Begin makes what sandboxes have in common: namespaces, loopback, root,
	// control group, and the mounts of the blank. On error nothing is left behind.
	Begin(ctx context.Context, b Blank) (Unfinished, error)
}

// Blank is what is known of a sandbox when it is begun.
type Blank struct {
	ID       string // as Spec.ID; the host's names for the sandbox are made from it
	Hostname string
	Hosts    []Host
	Mounts   []Mount // of targets that no later mount shares or lies above

	// Weight is what its processes get beside others where processors are short,
	// until Finish, as Spec.Weight; 0: they run when no other wants to.
	Weight int
}

// Rest gives the mounts of a spec that a sandbox begun as the blank has not, or
// says why it cannot become what the spec wants.
func (b Blank) Rest(spec Spec) ([]Mount, error) {
	if b.Hostname != spec.Hostname || !slices.Equal(b.Hosts, spec.Hosts) {
		return nil, fmt.Errorf("sandbox %s was begun with other host names", b.ID)
	}
	rest := slices.DeleteFunc(slices.Clone(spec.Mounts), func(m Mount) bool { return slices.Contains(b.Mounts, m) })
	if len(rest) != len(spec.Mounts)-len(b.Mounts) {
		return nil, fmt.Errorf("sandbox %s was begun with mounts that are not wanted", b.ID)
	}
	for _, m := range rest {
		for _, have := range b.Mounts {
			if have.Target == m.Target || strings.HasPrefix(have.Target, strings.TrimSuffix(m.Target, "/")+"/") {
				return nil, fmt.Errorf("sandbox %s has a mount at %s, which one at %s would change", b.ID, have.Target, m.Target)
			}
		}
	}
	return rest, nil
}

// Unfinished is a sandbox that nobody has yet. Its owner may Listen, Start,
// Freeze, Thaw, Kill and Destroy; but no program of a customer may be started
// before Finish.
type Unfinished interface {
	Sandbox

	// Finish makes the sandbox what Create would have made of the spec: the
	// mounts that the blank has not, /tmp, the limits, also for processes that
	// run in it already. Hostname, Hosts and the blank's Mounts must be as they
	// were in Begin. From here on ID is the spec's. It is called once; after an
	// error the sandbox is only good for Destroy.
	Finish(ctx context.Context, spec Spec) error
}

// Ahead is a program that can be started before it is known for whom: it does
// what all its uses have in common, writes a zero byte to standard output,
// reads standard input to its end, and goes on as if it had just been executed
// with what it read there (see AheadMessage); where that is nothing, it ends. It
// sees no byte of a customer before.
type Ahead struct {
	Mounts []Mount // the folders that it needs
	Path   string
	Args   []string
	Env    []string // what it is executed with; the message replaces all of it
	Dir    string   // where it is executed: a folder of every sandbox
	Pipes  []int    // the descriptors besides 1 and 2 that it may write to
}

// AheadMessage is what a program that was started ahead reads: the folder to
// change to and the variables, each ended by a zero byte.
func AheadMessage(dir string, env []string) []byte {
	n := len(dir) + 1
	for _, v := range env {
		n += len(v) + 1
	}
	m := append(append(make([]byte, 0, n), dir...), 0)
	for _, v := range env {
		m = append(append(m, v...), 0)
	}
	return m
}
