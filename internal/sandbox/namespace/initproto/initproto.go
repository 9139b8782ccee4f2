// Package initproto is what the namespace driver and PID 1 of its sandboxes
// (cmd/lambent-init) say to one another.
//
// They talk over a SOCK_SEQPACKET pair. A message is one packet: a kind, then
// its fields in order, with descriptors beside it (SCM_RIGHTS). The driver sends
// one request at a time and gets exactly one answer to each, except to Signal;
// Exited comes whenever a started process has ended. The end of the stream is
// the end of the sandbox: PID 1 exits, and the kernel ends all else with it.
//
// Both ends are built from the same sources and the driver trusts nothing that
// a function could reach: the socket is closed in every process but PID 1.
package initproto

import (
	"encoding/binary"
	"errors"
)

// MaxMessage bounds a packet: environment and arguments of a command together.
const MaxMessage = 160 << 10

// MaxFDs bounds the descriptors that travel beside one packet.
const MaxFDs = 64

// Kind is the first byte of a message.
type Kind byte

// Requests, with their answers.
const (
	Setup   Kind = 1 + iota // Plan; Done with the network namespace's descriptor
	Finish                  // Finishing, once, unless the Plan had it; Done
	Device                  // DeviceRequest, before Setup; Done with the device's descriptor
	Start                   // Command with its descriptors; Started
	Signal                  // SignalRequest; no answer
	Kill                    // nothing; Done when no other process is left
	Listen                  // ListenRequest; Done with the listening socket
	Socket                  // SocketRequest; Done with a TCP socket that is not connected
	Measure                 // nothing; Measured
	Stop                    // nothing; Done when all others are stopped (SIGSTOP)
	Resume                  // nothing; Done

	Started
	Done
	Measured
	Exited
)

// Plan makes a bare set of namespaces into a sandbox.
type Plan struct {
	Hostname string
	Ops      []Op   // the root, in order; they name no descriptors
	NewRoot  string // an empty folder of the host, where the root is built
	Child    Child
	Rlimits  []Rlimit // besides the Child's: they can be PID 1's too, which it hands on
	// The descriptors beside the plan are, in this order: the cgroup folder to
	// be born into, the files to join by, those of Finishing.
	BornInto bool // a v2 cgroup folder, for CLONE_INTO_CGROUP
	JoinBy   int  // files of v1 (or v2) cgroups that "0" is written to
	OOMScore int  // of every process
	Leave    bool // the host's tree goes when Ops are done: no later op has a Source

	Finishing *Finishing // what is to be done at once, nil when that will come by itself
}

// Finishing is what is known of a sandbox only when it is given to somebody.
// Unless the plan said Leave, the host's tree stands at HostRoot until then.
type Finishing struct {
	Ops      []Op     // the rest of the root, in order, with the descriptors beside
	Rlimits  []Rlimit // in place of those of the same kind, for the living too
	Affinity []byte   // CPU mask, for the living too; empty: as it is
}

// HostRoot is where the host's tree stands while the root is being built: in a
// folder that only PID 1's user may enter.
const HostRoot = HostFolder + "/host"

// HostFolder is what goes with HostRoot.
const HostFolder = "/.lambent"

// OpCode says what an Op does.
type OpCode byte

// Ops of a plan. Paths are those of the outer root as long as NewRoot is being
// built; missing parents of a target are made.
const (
	OpDir      OpCode = 1 + iota // Target, Mode
	OpFile                       // Target, Mode, Data
	OpSymlink                    // Target, Source is what it says
	OpNode                       // Target, Mode, Flags is the device number
	OpMount                      // Source, Target, FSType, Flags, Data
	OpBind                       // Source on Target, read-only, nosuid, nodev unless Flags says otherwise
	OpMoveFD                     // a detached mount, FD, on Target; restricted as by OpBind if Flags has BindShallow
	OpReadOnly                   // the mount at Target becomes read-only
	OpWrite                      // Data into the existing file Target
	OpLeave                      // the mounts at and below Target, and its folder, go
)

// Flags of OpBind.
const (
	BindDevices  = 1 << iota // a device node: no nodev
	BindOptional             // a missing or refused Source is no error
	BindShallow              // without the mounts below Source
	BindWritable             // not read-only
)

// Op is one step of building a root.
type Op struct {
	Code                   OpCode
	Mode                   uint32
	Flags                  uint64
	FD                     int
	Source, Target, FSType string
	Data                   []byte
}

// Child is what every started process becomes before it executes anything of
// the user's.
type Child struct {
	SetIDs   bool // take UID and GID; otherwise they are right already
	UID, GID uint32
	Rlimits  []Rlimit
	Affinity []byte // CPU mask, empty: as it is
	Filter   []byte // seccomp program, struct sock_filter after struct sock_filter
}

// Rlimit is one resource limit.
type Rlimit struct {
	Resource  uint32
	Soft, Max uint64
}

// Command is a program to execute; the descriptors beside it become FDs.
type Command struct {
	Path string
	Argv []string
	Env  []string
	Dir  string
	FDs  []int
}

// Stage says how far a start came.
type Stage byte

// Stages of a start.
const (
	StageFork Stage = 1 + iota
	StageCgroup
	StageLimits
	StageIdentity
	StageDir
	StageFiles
	StageFilter
	StageExec
)

// String names the act that was refused.
func (s Stage) String() string {
	switch s {
	case StageFork:
		return "fork"
	case StageCgroup:
		return "join the cgroups"
	case StageLimits:
		return "set the limits"
	case StageIdentity:
		return "drop the rights"
	case StageDir:
		return "chdir"
	case StageFiles:
		return "arrange the descriptors"
	case StageFilter:
		return "filter system calls"
	case StageExec:
		return "exec"
	}
	return "start"
}

// StartedReply answers Start.
type StartedReply struct {
	PID   int // as PID 1 sees it
	Stage Stage
	Errno int // 0: it runs
}

// ExitedNote tells the end of a started process.
type ExitedNote struct {
	PID    int
	Status uint32 // as wait4 gives it
}

// SignalRequest goes to a process group.
type SignalRequest struct{ PID, Signal int }

// ListenRequest is an IPv4 address, as four bytes, and a port.
type ListenRequest struct {
	Address [4]byte
	Port    int
}

// DeviceRequest is a TUN device: the default way out, with an IPv4 address.
type DeviceRequest struct {
	Name    string
	Address [4]byte
	MTU     int
}

// SocketRequest is an address family, AF_INET or AF_INET6.
type SocketRequest struct{ Family int }

// Measurement answers Measure: what /proc and the reaped tell of all processes
// but PID 1. It is for hosts that let us have no cgroups.
type Measurement struct {
	Processes   int
	MemoryBytes int64 // resident, what processes share counted for each
	PeakBytes   int64 // the most that is known to have been resident at once
	CPUNanos    int64 // of the reaped too
}

// Reply answers everything else.
type Reply struct {
	Errno int
	What  string // what was refused
}

var errShort = errors.New("initproto: message cut short")

// Encode gives the packet of a message.
func Encode(kind Kind, body any) []byte {
	w := writer{b: make([]byte, 0, 512)}
	w.byte(byte(kind))
	switch m := body.(type) {
	case nil:
	case *Plan:
		w.plan(m)
	case *Finishing:
		w.finishing(m)
	case *Command:
		w.str(m.Path)
		w.strs(m.Argv)
		w.strs(m.Env)
		w.str(m.Dir)
		w.ints(m.FDs)
	case *StartedReply:
		w.int(m.PID)
		w.byte(byte(m.Stage))
		w.int(m.Errno)
	case *ExitedNote:
		w.int(m.PID)
		w.u64(uint64(m.Status))
	case *SignalRequest:
		w.int(m.PID)
		w.int(m.Signal)
	case *ListenRequest:
		w.b = append(w.b, m.Address[:]...)
		w.int(m.Port)
	case *DeviceRequest:
		w.str(m.Name)
		w.b = append(w.b, m.Address[:]...)
		w.int(m.MTU)
	case *SocketRequest:
		w.int(m.Family)
	case *Measurement:
		w.int(m.Processes)
		w.int(int(m.MemoryBytes))
		w.int(int(m.PeakBytes))
		w.int(int(m.CPUNanos))
	case *Reply:
		w.int(m.Errno)
		w.str(m.What)
	default:
		panic("initproto: unknown message")
	}
	return w.b
}

// DecodeInto reads a packet's body; kind has been looked at already.
func DecodeInto(packet []byte, body any) error {
	if len(packet) == 0 {
		return errShort
	}
	r := reader{b: packet[1:]}
	switch m := body.(type) {
	case *Plan:
		r.plan(m)
	case *Finishing:
		r.finishing(m)
	case *Command:
		m.Path = r.str()
		m.Argv = r.strs()
		m.Env = r.strs()
		m.Dir = r.str()
		m.FDs = r.ints()
	case *StartedReply:
		m.PID = r.int()
		m.Stage = Stage(r.byte())
		m.Errno = r.int()
	case *ExitedNote:
		m.PID = r.int()
		m.Status = uint32(r.u64())
	case *SignalRequest:
		m.PID = r.int()
		m.Signal = r.int()
	case *ListenRequest:
		copy(m.Address[:], r.take(4))
		m.Port = r.int()
	case *DeviceRequest:
		m.Name = r.str()
		copy(m.Address[:], r.take(4))
		m.MTU = r.int()
	case *SocketRequest:
		m.Family = r.int()
	case *Measurement:
		*m = Measurement{r.int(), int64(r.int()), int64(r.int()), int64(r.int())}
	case *Reply:
		m.Errno = r.int()
		m.What = r.str()
	default:
		panic("initproto: unknown message")
	}
	if r.short {
		return errShort
	}
	return nil
}

func (w *writer) plan(p *Plan) {
	w.str(p.Hostname)
	w.str(p.NewRoot)
	w.ops(p.Ops)
	w.bool(p.Child.SetIDs)
	w.u64(uint64(p.Child.UID))
	w.u64(uint64(p.Child.GID))
	w.rlimits(p.Child.Rlimits)
	w.bytes(p.Child.Affinity)
	w.bytes(p.Child.Filter)
	w.rlimits(p.Rlimits)
	w.bool(p.BornInto)
	w.int(p.JoinBy)
	w.int(p.OOMScore)
	w.bool(p.Leave)
	w.bool(p.Finishing != nil)
	if p.Finishing != nil {
		w.finishing(p.Finishing)
	}
}

func (w *writer) finishing(f *Finishing) {
	w.ops(f.Ops)
	w.rlimits(f.Rlimits)
	w.bytes(f.Affinity)
}

func (w *writer) rlimits(limits []Rlimit) {
	w.int(len(limits))
	for _, l := range limits {
		w.u64(uint64(l.Resource))
		w.u64(l.Soft)
		w.u64(l.Max)
	}
}

func (w *writer) ops(ops []Op) {
	w.int(len(ops))
	for i := range ops {
		o := &ops[i]
		w.byte(byte(o.Code))
		w.u64(uint64(o.Mode))
		w.u64(o.Flags)
		w.int(o.FD)
		w.str(o.Source)
		w.str(o.Target)
		w.str(o.FSType)
		w.bytes(o.Data)
	}
}

func (r *reader) plan(p *Plan) {
	p.Hostname = r.str()
	p.NewRoot = r.str()
	p.Ops = r.ops()
	p.Child.SetIDs = r.bool()
	p.Child.UID = uint32(r.u64())
	p.Child.GID = uint32(r.u64())
	p.Child.Rlimits = r.rlimits()
	p.Child.Affinity = r.bytes()
	p.Child.Filter = r.bytes()
	p.Rlimits = r.rlimits()
	p.BornInto = r.bool()
	p.JoinBy = r.int()
	p.OOMScore = r.int()
	p.Leave = r.bool()
	if r.bool() {
		p.Finishing = new(Finishing)
		r.finishing(p.Finishing)
	}
}

func (r *reader) finishing(f *Finishing) {
	f.Ops = r.ops()
	f.Rlimits = r.rlimits()
	f.Affinity = r.bytes()
}

func (r *reader) rlimits() []Rlimit {
	limits := make([]Rlimit, r.count())
	for i := range limits {
		limits[i] = Rlimit{uint32(r.u64()), r.u64(), r.u64()}
	}
	return limits
}

func (r *reader) ops() []Op {
	ops := make([]Op, r.count())
	for i := range ops {
		o := &ops[i]
		o.Code = OpCode(r.byte())
		o.Mode = uint32(r.u64())
		o.Flags = r.u64()
		o.FD = r.int()
		o.Source = r.str()
		o.Target = r.str()
		o.FSType = r.str()
		o.Data = r.bytes()
	}
	return ops
}

type writer struct{ b []byte }

func (w *writer) byte(v byte)    { w.b = append(w.b, v) }
func (w *writer) u64(v uint64)   { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) int(v int)      { w.b = binary.AppendVarint(w.b, int64(v)) }
func (w *writer) bytes(v []byte) { w.int(len(v)); w.b = append(w.b, v...) }
func (w *writer) str(v string)   { w.int(len(v)); w.b = append(w.b, v...) }

func (w *writer) bool(v bool) {
	if v {
		w.byte(1)
		return
	}
	w.byte(0)
}

func (w *writer) strs(v []string) {
	w.int(len(v))
	for _, s := range v {
		w.str(s)
	}
}

func (w *writer) ints(v []int) {
	w.int(len(v))
	for _, n := range v {
		w.int(n)
	}
}

type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n < 0 || n > len(r.b) {
		r.short = true
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u64() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.take(max(n, -1)); n <= 0 {
		r.short = true
		return 0
	}
	return v
}

func (r *reader) int() int {
	v, n := binary.Varint(r.b)
	if r.take(max(n, -1)); n <= 0 {
		r.short = true
		return 0
	}
	return int(v)
}

func (r *reader) bool() bool    { return r.byte() == 1 }
func (r *reader) bytes() []byte { return append([]byte(nil), r.take(r.int())...) }
func (r *reader) str() string   { return string(r.take(r.int())) }

// count reads the length of a list whose elements take a byte or more each.
func (r *reader) count() int {
	n := r.int()
	if n < 0 || n > len(r.b) {
		r.short = true
		return 0
	}
	return n
}

func (r *reader) strs() []string {
	v := make([]string, r.count())
	for i := range v {
		v[i] = r.str()
	}
	return v
}

func (r *reader) ints() []int {
	v := make([]int, r.count())
	for i := range v {
		v[i] = r.int()
	}
	return v
}
