package namespace

import (
	"context"
	"fmt"
	"io"
	"reflect"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace/initproto"
)

// highestFD bounds what a command may ask for; lambent-init works above it.
const highestFD = 255

// Start runs a command. A refusal of its folder is a StartError too, of the folder's path.
func (b *box) Start(ctx context.Context, cmd sandbox.Command) (sandbox.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if err := b.usable(); err != nil {
		return nil, fmt.Errorf("start %s in sandbox %s: %w", cmd.Path, b.ID(), err)
	}
	p := &process{conn: b.conn, done: make(chan struct{})}
	numbers, fds, err := b.descriptors(p, cmd)
	if err == nil {
		err = b.start(p, cmd, numbers, fds)
	}
	for _, fd := range fds {
		if fd != int(b.d.null.Fd()) {
			unix.Close(fd)
		}
	}
	if err != nil {
		p.discard()
		return nil, err
	}
	p.feed(cmd.Stdin)
	return p, nil
}

func (b *box) start(p *process, cmd sandbox.Command, numbers, fds []int) error {
	dir := cmd.Dir
	if dir == "" {
		dir = "/"
	}
	request := &initproto.Command{Path: cmd.Path, Argv: append([]string{cmd.Path}, cmd.Args...), Env: cmd.Env, Dir: dir, FDs: numbers}
	b.conn.request.Lock()
	defer b.conn.request.Unlock()
	b.conn.mu.Lock()
	b.conn.starting = p
	b.conn.mu.Unlock()
	// It is not left half way: a process might run of which nobody knows. Kill
	// and Destroy end the wait.
	r, err := b.conn.askLocked(context.Background(), initproto.Start, request, fds)
	if err != nil {
		return fmt.Errorf("start %s in sandbox %s: %w", cmd.Path, b.ID(), err)
	}
	var s initproto.StartedReply
	if err := initproto.DecodeInto(r.packet, &s); err != nil {
		return fmt.Errorf("start %s in sandbox %s: %w", cmd.Path, b.ID(), err)
	}
	switch {
	case s.Errno == 0:
		return nil
	case s.Stage == initproto.StageExec:
		return &sandbox.StartError{Path: cmd.Path, Err: unix.Errno(s.Errno)}
	case s.Stage == initproto.StageDir:
		return &sandbox.StartError{Path: dir, Err: unix.Errno(s.Errno)}
	}
	return fmt.Errorf("start %s in sandbox %s: %s: %w", cmd.Path, b.ID(), s.Stage, unix.Errno(s.Errno))
}

// descriptors makes the pipes of a command. Two outputs that go to one writer
// share a pipe, as their order would be lost otherwise.
func (b *box) descriptors(p *process, cmd sandbox.Command) (numbers, fds []int, err error) {
	null := int(b.d.null.Fd())
	numbers, fds = []int{0}, []int{null}
	add := func(number int, w io.Writer) error {
		o, fd, err := b.d.pipe(w, b.uid, b.gid)
		if err != nil {
			return fmt.Errorf("start %s in sandbox %s: make a pipe: %w", cmd.Path, b.ID(), err)
		}
		p.outputs = append(p.outputs, o)
		numbers, fds = append(numbers, number), append(fds, fd)
		return nil
	}
	copyOf := func(number, fd int) error {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return fmt.Errorf("start %s in sandbox %s: %w", cmd.Path, b.ID(), err)
		}
		numbers, fds = append(numbers, number), append(fds, dup)
		return nil
	}
	if cmd.Stdin != nil {
		if p.input, fds[0], err = b.d.inputPipe(b.uid, b.gid); err != nil {
			return nil, nil, fmt.Errorf("start %s in sandbox %s: make a pipe: %w", cmd.Path, b.ID(), err)
		}
	}
	if cmd.Stdout == nil {
		err = copyOf(1, null)
	} else {
		err = add(1, cmd.Stdout)
	}
	switch {
	case err != nil:
	case cmd.Stderr == nil:
		err = copyOf(2, null)
	case same(cmd.Stdout, cmd.Stderr):
		err = copyOf(2, fds[1])
	default:
		err = add(2, cmd.Stderr)
	}
	for _, extra := range cmd.Extra {
		if err == nil && (extra.FD < 3 || extra.FD > highestFD) {
			err = fmt.Errorf("start %s in sandbox %s: no descriptor %d", cmd.Path, b.ID(), extra.FD)
		}
		if err == nil {
			err = add(extra.FD, extra.W)
		}
	}
	return numbers, fds, err
}

// same tells whether two writers are one; writers that cannot be compared are two.
func same(a, b io.Writer) bool {
	return a != nil && reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}
