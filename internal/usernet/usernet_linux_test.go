package usernet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// outside is an address of the documentation's; the tests' stacks reach the
// host's loopback under it, so that no test needs a network.
const outside = "192.0.2.1"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is a namespace as a sandbox has one.
type network struct {
	t    *testing.T
	file *os.File
}

// newNetwork makes a network namespace, or skips the test where that cannot be.
func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skipf("needs /dev/net/tun: %v", err)
	} else {
		_ = f.Close()
	}
	n := &network{t: t}
	made := make(chan error, 1)
	go func() { // the thread is thrown away
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			n.file, err = os.Open("/proc/thread-self/ns/net")
		}
		made <- err
	}()
	if err := <-made; err != nil {
		t.Skipf("cannot make a network namespace: %v", err)
	}
	t.Cleanup(func() { _ = n.file.Close() })
	return n
}

// inside runs f on a thread in the namespace. Sockets that f opens stay there.
func (n *network) inside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			n.t.Errorf("enter network namespace: %v", err)
			return
		}
		f()
	}()
	<-done
}

func (n *network) dial(kind, address string) (conn net.Conn, err error) {
	n.inside(func() { conn, err = (&net.Dialer{Timeout: time.Minute}).Dial(kind, address) })
	return conn, err
}

func (n *network) mustDial(kind, address string) net.Conn {
	n.t.Helper()
	conn, err := n.dial(kind, address)
	if err != nil {
		n.t.Fatalf("dial %s %s: %v", kind, address, err)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func newStack(t *testing.T, cfg Config) *Stack {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	plain := s.dial
	s.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return plain(ctx, network, strings.Replace(address, outside+":", "127.0.0.1:", 1))
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// attach is a sandbox's network with a way out.
func attach(t *testing.T, s *Stack) (*network, *Attachment) {
	t.Helper()
	n := newNetwork(t)
	closer, err := s.Attach(t.Context(), n.file, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closer.Close() })
	return n, closer.(*Attachment)
}

// serve listens on the host's loopback and gives the port as the sandbox sees it.
func serve(t *testing.T, handle func(*net.TCPConn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c.(*net.TCPConn))
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(outside, port)
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func noise(size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func TestTCPBothWaysWithHalfClose(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, _ := attach(t, s)
	// The server answers only when the sandbox has ended its half.
	address := serve(t, func(c *net.TCPConn) {
		got, _ := io.ReadAll(c)
		sum := sha256.Sum256(got)
		_, _ = c.Write(sum[:])
		_, _ = c.Write(got)
	})
	conn := n.mustDial("tcp4", address)
	sent := noise(8 << 20)
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(sent)
	if !bytes.Equal(got, append(sum[:], sent...)) {
		t.Errorf("%d bytes came back that are not the %d sent", len(got), len(sent))
	}
}

func TestOutsideEndsFirst(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, _ := attach(t, s)
	received := make(chan string, 1)
	address := serve(t, func(c *net.TCPConn) {
		_, _ = c.Write([]byte("hello"))
		_ = c.CloseWrite()
		rest, _ := io.ReadAll(c)
		received <- string(rest)
	})
	conn := n.mustDial("tcp4", address)
	if got, err := io.ReadAll(conn); string(got) != "hello" || err != nil {
		t.Errorf("until the outside ended: got %q, %v", got, err)
	}
	_, _ = conn.Write([]byte("still here"))
	_ = conn.Close()
	if got := <-received; got != "still here" {
		t.Errorf("after the outside ended: it got %q", got)
	}
}

func TestResetTravels(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, _ := attach(t, s)
	ended := make(chan error, 1)
	address := serve(t, func(c *net.TCPConn) {
		buf := make([]byte, 1)
		_, err := io.ReadFull(c, buf)
		if err == nil && buf[0] == 'r' {
			_ = c.SetLinger(0)
			return
		}
		if err == nil {
			_, err = c.Read(buf)
		}
		ended <- err
	})
	conn := n.mustDial("tcp4", address)
	_, _ = conn.Write([]byte("r"))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset by the outside: got %v, want %v", err, syscall.ECONNRESET)
	}
	conn = n.mustDial("tcp4", address)
	_, _ = conn.Write([]byte("x"))
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset by the sandbox: the outside got %v, want %v", err, syscall.ECONNRESET)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, _ := attach(t, s)
	_, other := attach(t, s)
	open := serve(t, func(*net.TCPConn) {})
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, address := range map[string]string{
		"a port nobody listens on":    net.JoinHostPort(outside, portOf(closed.Addr().String())),
		"the metadata service":        "169.254.169.254:80",
		"mail":                        outside + ":25",
		"the host through the gate":   net.JoinHostPort(Gateway.String(), portOf(open)),
		"another sandbox":             net.JoinHostPort(other.Address().String(), "9001"),
		"the unused of the addresses": "169.254.255.1:80",
	} {
		if conn, err := n.dial("tcp4", address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s (%s): got %v, %v, want %v", name, address, conn, err, syscall.ECONNREFUSED)
		}
	}
	conn := n.mustDial("udp4", "169.254.169.254:80")
	_, _ = conn.Write([]byte("x"))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("UDP to the metadata service: got %v, want %v", err, syscall.ECONNREFUSED)
	}
}

func TestHostLoopbackAndServices(t *testing.T) {
	t.Parallel()
	address := serve(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("host")) })
	target := netip.MustParseAddrPort("127.0.0.1:" + portOf(address))
	for name, tc := range map[string]struct {
		cfg  Config
		port string
	}{
		"host": {Config{HostLoopback: true}, portOf(address)},
		"nat":  {Config{Services: map[uint16]netip.AddrPort{4566: target}}, "4566"},
	} {
		s := newStack(t, tc.cfg)
		n, _ := attach(t, s)
		conn := n.mustDial("tcp4", net.JoinHostPort(Gateway.String(), tc.port))
		if got, err := io.ReadAll(conn); string(got) != "host" || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

// echo answers datagrams on the host's loopback, and reports who sent them.
func echo(t *testing.T) (address string) {
	t.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65536)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(buf[:n], from)
		}
	}()
	t.Cleanup(func() { _ = c.Close(); <-done })
	return net.JoinHostPort(outside, portOf(c.LocalAddr().String()))
}

func TestUDP(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, _ := attach(t, s)
	conn := n.mustDial("udp4", echo(t))
	for _, size := range []int{0, 1, 1400, 9000, 60_000} {
		sent := noise(size)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 65536)
		if got, err := conn.Read(buf); err != nil || !bytes.Equal(buf[:got], sent) {
			t.Errorf("datagram of %d bytes: got %d, %v", size, got, err)
		}
	}
}

func TestSpoofedSourceGoesNowhere(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, _ := attach(t, s)
	_, victim := attach(t, s)
	address := echo(t)
	n.inside(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(fd)
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: victim.Address().As4(), Port: 7777}); err != nil {
			t.Error(err)
			return
		}
		to := netip.MustParseAddrPort(address)
		if err := unix.Sendto(fd, []byte("spoofed"), 0, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
			t.Errorf("send with another's address: %v", err)
		}
	})
	// One reader serves the sandbox in order: when an honest datagram is back,
	// the one before it has been looked at.
	conn := n.mustDial("udp4", address)
	_, _ = conn.Write([]byte("honest"))
	if _, err := conn.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	victim.mu.Lock()
	defer victim.mu.Unlock()
	if victim.udp != 0 {
		t.Error("a datagram with another sandbox's address began a flow of that sandbox")
	}
}

func TestFlowsAreBounded(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{MaxTCP: 2, MaxUDP: 1})
	n, a := attach(t, s)
	address := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	first := n.mustDial("tcp4", address)
	n.mustDial("tcp4", address)
	if _, err := n.dial("tcp4", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("third connection of two: got %v, want %v", err, syscall.ECONNREFUSED)
	}
	other, _ := attach(t, s)
	other.mustDial("tcp4", address) // has its own bound
	_ = first.(*net.TCPConn).CloseWrite()
	_, _ = io.ReadAll(first)
	_ = first.Close()
	waitFor(t, a, func() bool { return a.tcp == 1 })
	n.mustDial("tcp4", address)
}

// waitFor waits until something is so that the stack does in the background.
func waitFor(t *testing.T, a *Attachment, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		a.mu.Lock()
		ok := so()
		a.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("waited for a minute")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestSilentFlowsEnd(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{TCPIdle: 50 * time.Millisecond, UDPIdle: 50 * time.Millisecond})
	n, a := attach(t, s)
	ended := make(chan error, 1)
	address := serve(t, func(c *net.TCPConn) {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	})
	conn := n.mustDial("tcp4", address)
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a silent connection did not end")
	}
	if err := <-ended; err == nil {
		t.Error("the outside of a silent connection did not end")
	}
	datagrams := n.mustDial("udp4", echo(t))
	_, _ = datagrams.Write([]byte("x"))
	_, _ = datagrams.Read(make([]byte, 1))
	waitFor(t, a, func() bool { return a.udp == 0 && a.tcp == 0 && len(a.flows) == 0 })
}

func TestDetachEndsEverything(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	n, a := attach(t, s)
	ended := make(chan error, 1)
	address := serve(t, func(c *net.TCPConn) {
		_, _ = c.Write([]byte("x"))
		_, err := c.Read(make([]byte, 1))
		ended <- err
	})
	conn := n.mustDial("tcp4", address)
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	a.Detach()
	a.Detach()
	if err := <-ended; err == nil {
		t.Error("the outside was not told")
	}
	s.closing.Wait()
	n.inside(func() {
		if i, err := net.InterfaceByName(device); err == nil {
			t.Errorf("device after detach: %v", i)
		}
	})
	again, err := s.Attach(t.Context(), n.file, "again")
	if err != nil {
		t.Fatalf("attach again: %v", err)
	}
	_ = again.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Attach(t.Context(), n.file, "late"); !errors.Is(err, ErrClosed) {
		t.Errorf("attach to a closed stack: got %v, want %v", err, ErrClosed)
	}
}

func TestReaderThatStandsStillHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s := newStack(t, Config{})
	frozen, _ := attach(t, s)
	lively, _ := attach(t, s)
	data := noise(30 << 20) // more than all buffers on the way hold
	address := serve(t, func(c *net.TCPConn) { _, _ = c.Write(data) })
	still := frozen.mustDial("tcp4", address)
	_, _ = io.ReadFull(still, make([]byte, 1000))
	if got, err := io.ReadAll(lively.mustDial("tcp4", address)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("while another stands still: got %d bytes, %v, want %d", len(got), err, len(data))
	}
	if got, err := io.ReadAll(still); err != nil || !bytes.Equal(got, data[1000:]) {
		t.Errorf("after standing still: got %d bytes, %v, want %d", len(got), err, len(data)-1000)
	}
}

func TestIdleSandboxIsSmall(t *testing.T) {
	s := newStack(t, Config{})
	const sandboxes = 100
	networks := make([]*network, sandboxes)
	for i := range networks {
		networks[i] = newNetwork(t)
	}
	measure := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	goroutines, before := runtime.NumGoroutine(), measure()
	for _, n := range networks {
		if _, err := s.Attach(t.Context(), n.file, "test"); err != nil {
			t.Fatal(err)
		}
	}
	each := int64(measure()-before) / sandboxes
	if each > 50<<10 {
		t.Errorf("memory of an idle sandbox: %d bytes, want at most 50 KiB", each)
	}
	if more := runtime.NumGoroutine() - goroutines; more > sandboxes/10 {
		t.Errorf("goroutines for %d idle sandboxes: %d, want none", sandboxes, more)
	}
	t.Logf("memory of an idle sandbox: %d bytes", each)
}
