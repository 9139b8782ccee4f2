//go:build !race

package socket

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// conn is a TCP connection. Everything but Read and Write is net's.
type conn struct {
	*net.TCPConn
	raw   syscall.RawConn
	in    transfer
	out   transfer
	read  func(fd uintptr) bool // in.read, made once
	write func(fd uintptr) bool
}

func brief(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	b := &conn{TCPConn: tcp, raw: raw}
	b.read, b.write = b.in.read, b.out.write
	return b
}

// transfer is a read or a write in progress.
type transfer struct {
	p   []byte
	n   int
	err syscall.Errno
}

// Read reads what is there, or waits for something.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 || len(p) > short {
		return c.TCPConn.Read(p)
	}
	c.in = transfer{p: p}
	err := c.raw.Read(c.read)
	n, errno := c.in.n, c.in.err
	c.in = transfer{}
	switch {
	case err != nil:
		return 0, err
	case errno != 0:
		return 0, c.failed("read", errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p.
func (c *conn) Write(p []byte) (int, error) {
	if len(p) == 0 || len(p) > short {
		return c.TCPConn.Write(p)
	}
	c.out = transfer{p: p}
	err := c.raw.Write(c.write)
	n, errno := c.out.n, c.out.err
	c.out = transfer{}
	if err == nil && errno != 0 {
		err = c.failed("write", errno)
	}
	return n, err
}

func (c *conn) failed(act string, errno syscall.Errno) error {
	return &net.OpError{Op: act, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(act, errno)}
}

// read tells whether the read is over; if not, it is called again when there is
// something to read.
func (t *transfer) read(fd uintptr) bool {
	t.n, t.err = try(syscall.SYS_READ, fd, t.p)
	return t.err != syscall.EAGAIN
}

// write tells whether all is written or nothing more can be.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		var n int
		n, t.err = try(syscall.SYS_WRITE, fd, t.p[t.n:])
		if t.err != 0 {
			return t.err != syscall.EAGAIN
		}
		t.n += n
	}
	return true
}

func try(act, fd uintptr, p []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(act, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), 0
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
