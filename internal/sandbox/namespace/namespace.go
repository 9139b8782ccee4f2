// Package namespace runs sandboxes as Linux namespaces: mounts, processes,
// network, IPC and names of their own, limited by cgroups, under an unprivileged
// user, without capabilities, behind a filter of system calls.
//
// # A sandbox
//
// Its first process is lambent-init, which the driver starts in new namespaces
// and sends a plan. It builds the root in a tmpfs: read-only views of what
// programs need from the host (/usr, libraries, a few files of /etc), the
// caller's mounts, a /proc of its own, a minimal /dev, /tmp; lets the host's
// tree go; and makes everything but /tmp read-only. From then on it starts
// processes, reaps them and reports. It stays outside the sandbox's cgroups, so
// that neither its memory nor its fate is the function's.
//
// Authority: the driver decides; lambent-init obeys one socket, which no other
// process inside holds. Its end is the sandbox's end: the kernel kills every
// process of a PID namespace with its first. A driver that is killed takes all
// its sandboxes with it in this way, and the next one sweeps what needs a hand
// (cgroups; processes that v1 froze).
//
// # What holds when a wall falls
//
// Each live sandbox has a user ID that no other sandbox has, so that processes
// of two sandboxes could not signal or read one another even in one namespace.
// Without root there is one ID for all, and the user namespace is the wall.
//
// # /tmp
//
// With root, a volume (package volume): a file system of the exact size on the
// host's disk, whose content is not the function's memory. Otherwise a tmpfs of
// that size; what is written there is charged as memory.
package namespace

import (
	"context"
	"io"
	"log/slog"
	"os"

	"lambent/internal/linux/tun"
	"lambent/internal/sandbox"
)

// Config is what a driver needs to know.
type Config struct {
	// StateDir is a folder that only this driver uses. The name of its cgroups
	// follows from it.
	StateDir string

	// Rootless makes sandboxes through user namespaces, with no more rights
	// than an ordinary user has. It is implied when the daemon is not root.
	Rootless bool

	// Network connects sandboxes to the outside; nil leaves them their loopback.
	Network Network

	// CgroupParent is the cgroup, relative to the top of each hierarchy, below
	// which the driver makes its own; "" is the top, where a later driver over
	// the same StateDir finds it again from whatever session it is started. For
	// an ordinary user "" is the v2 group that was delegated to the daemon, if any.
	CgroupParent string

	// FirstUID begins the range of user and group IDs that sandboxes get, one
	// each. 0 is a range that follows from StateDir.
	FirstUID uint32

	// ReadyVolumes is how many volumes for /tmp are kept ready, of the sizes
	// that sandboxes had last. 0: each is made when it is wanted.
	ReadyVolumes int

	// UsualTmpMiB is the size that most sandboxes have: the first volumes are made
	// of it once a sandbox is begun. 0: none is made before one was wanted.
	UsualTmpMiB int

	Log *slog.Logger // nil discards

	initPath string // tests: lambent-init, where none was embedded
}

// Network gives sandboxes a way out.
type Network interface {
	// ResolvConf is the resolv.conf that sandboxes see.
	ResolvConf() []byte

	// Attach connects a new network namespace, in which only loopback is up,
	// before any process of the function runs there. The file is the caller's
	// and closed after Attach returns. What it returns is closed when the
	// sandbox is gone.
	Attach(ctx context.Context, namespace *os.File, id string) (io.Closer, error)
}

// DeviceNetwork is a Network that can do without entering the namespace, which
// only root may. A driver without root needs this one.
type DeviceNetwork interface {
	Network

	// AttachDevice connects a new sandbox. It calls create, once, for a TUN
	// device in the sandbox's network namespace, and owns the file that it gets.
	AttachDevice(id string, create func(tun.Config) (*os.File, error)) (io.Closer, error)
}

// Name is the driver's name in reports.
const Name = "namespace"

// allAbilities lists what a report speaks of, in its order.
func allAbilities() []string {
	return []string{
		sandbox.CanIsolateFiles, sandbox.CanIsolateNetwork, sandbox.CanIsolateProcs, sandbox.CanLimitMemory,
		sandbox.CanLimitCPU, sandbox.CanLimitProcs, sandbox.CanLimitTmp, sandbox.CanTmpOffMemory, sandbox.CanFreeze,
		sandbox.CanKillAll, sandbox.CanFilterSyscalls, sandbox.CanReachOutside, sandbox.CanMeasureMemory,
	}
}
