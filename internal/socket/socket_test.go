package socket_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"lambent/internal/socket"
)

// pair is a connection with both ends; the first one is brief.
func pair(t *testing.T) (brief, peer net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); peer.Close() })
	return socket.Brief(c), peer
}

// TestTransfers: whatever the sizes, short and long ones mixed, the bytes arrive
// in order and whole, though the peer takes them slowly and the socket fills up.
func TestTransfers(t *testing.T) {
	t.Parallel()
	c, peer := pair(t)
	var want []byte
	sizes := []int{1, 500, 16 << 10, 16<<10 + 1, 1 << 20, 3, 0, 16 << 10, 9}
	for i, n := range sizes {
		want = append(want, bytes.Repeat([]byte{byte('a' + i)}, n)...)
	}
	for range 400 { // more in short pieces than the kernel keeps
		want = append(want, bytes.Repeat([]byte{'z'}, 16<<10)...)
	}
	go func() { // echoes
		_, _ = io.Copy(peer, peer)
		_ = peer.(*net.TCPConn).CloseWrite()
	}()
	written := make(chan error, 1)
	go func() {
		rest := want
		for _, n := range sizes {
			if _, err := c.Write(rest[:n]); err != nil {
				written <- err
				return
			}
			rest = rest[n:]
		}
		for len(rest) > 0 {
			n, err := c.Write(rest[:min(16<<10, len(rest))])
			if err != nil {
				written <- err
				return
			}
			rest = rest[n:]
		}
		written <- c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	var got []byte
	for i, buf := 0, make([]byte, 64<<10); ; i++ {
		n, err := c.Read(buf[:[]int{1, 700, 16 << 10, 64 << 10}[i%4]])
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("read after %d bytes: %v", len(got), err)
		}
	}
	if err := <-written; err != nil {
		t.Fatalf("write: %v", err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes came back, want the %d that were sent", len(got), len(want))
	}
}

// TestWaits: a read that waits ends as net's does.
func TestWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(brief, peer net.Conn)
		want error
	}{
		"deadline":    {func(c, _ net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"closed":      {func(c, _ net.Conn) { c.Close() }, net.ErrClosed},
		"peer closed": {func(_, p net.Conn) { p.Close() }, io.EOF},
		"bytes":       {func(_, p net.Conn) { _, _ = p.Write([]byte("x")) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			brief, peer := pair(t)
			ended := make(chan error, 1)
			go func() {
				_, err := brief.Read(make([]byte, 10))
				ended <- err
			}()
			c.end(brief, peer)
			if err := <-ended; !errors.Is(err, c.want) {
				t.Errorf("the read ends with %v, want %v", err, c.want)
			}
		})
	}
}

// TestFailures: what the kernel refuses is told as net tells it.
func TestFailures(t *testing.T) {
	t.Parallel()
	c, peer := pair(t)
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	peer.Close()
	var failed *net.OpError
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &failed) || failed.Op != "read" {
		t.Errorf("read after a reset: %v, want an error of net's", err)
	}
	if _, err := c.Write([]byte("x")); !errors.As(err, &failed) || failed.Op != "write" {
		t.Errorf("write after a reset: %v, want an error of net's", err)
	}
	c.Close()
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after Close: %v, want %v", err, net.ErrClosed)
	}
}

// TestNoSocket: what has no descriptor is given back as it is.
func TestNoSocket(t *testing.T) {
	t.Parallel()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if got := socket.Brief(a); got != a {
		t.Errorf("Brief(net.Pipe) is a %T", got)
	}
}

// TestAllocatesNothing: a round trip costs no memory.
func TestAllocatesNothing(t *testing.T) {
	c, peer := pair(t)
	in, out := make([]byte, 100), []byte("hello")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := peer.Write(out); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(in); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(out); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.Read(in); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("a round trip makes %v allocations, want none", n)
	}
}
