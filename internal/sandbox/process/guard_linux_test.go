package process_test

import (
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

// callVariable gives the test program another role.
const callVariable = "LAMBENT_PROCESS_TEST_CALL"

// TestCall is no test: it is the process that calls an address, in a sandbox or
// out of it.
func TestCall(t *testing.T) {
	address := os.Getenv(callVariable)
	if address == "" {
		t.Skip("only a process that another test starts")
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "hello")
	c.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(c); string(b) != "heard" {
		t.Fatalf("got %q, %v", b, err)
	}
}

// TestListenerKnowsItsOwn: every process of the host can connect, but only the
// sandbox's own are listened to, over IPv4 and IPv6 sockets alike.
func TestListenerKnowsItsOwn(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	t.Cleanup(func() { d.Close() })
	mine, other := create(t, d, "mine"), create(t, d, "other")
	l, err := mine.Listen("127.0.0.1", 9001)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.ReadAll(c)
			io.WriteString(c, "heard")
			c.Close()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	mapped := (&net.TCPAddr{IP: net.ParseIP("::ffff:127.0.0.1"), Port: port}).String()
	for _, address := range []string{l.Addr().String(), mapped} {
		if code := call(t, mine, address); code != 0 {
			t.Errorf("the sandbox's own process is not listened to at %s: status %d", address, code)
		}
		if code := call(t, other, address); code == 0 {
			t.Errorf("another sandbox's process is listened to at %s", address)
		}
	}
	stranger := exec.Command(os.Args[0], "-test.run=^TestCall$")
	stranger.Env = append(os.Environ(), callVariable+"="+l.Addr().String())
	if err := stranger.Run(); err == nil {
		t.Error("a process of the host is listened to")
	}
}

// call runs TestCall in a sandbox and gives its status.
func call(t *testing.T, s sandbox.Sandbox, address string) int {
	t.Helper()
	p, err := s.Start(t.Context(), sandbox.Command{
		Path: os.Args[0], Args: []string{"-test.run=^TestCall$"}, Dir: "/",
		Env: []string{callVariable + "=" + address},
	})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(time.Minute):
		t.Fatal("the caller has not ended")
	}
	return p.Exit().Code
}

// TestDialKnowsItsOwn: a port of the host is not taken for a sandbox's.
func TestDialKnowsItsOwn(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	t.Cleanup(func() { d.Close() })
	s := create(t, d, "mine")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err := s.(sandbox.Dialer).Dial(t.Context(), l.Addr().String()); err == nil {
		c.Close()
		t.Error("Dial of a port that the host listens at: no error")
	}
}
