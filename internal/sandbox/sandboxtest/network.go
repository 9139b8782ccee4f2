package sandboxtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

func networkCases() []testCase {
	return []testCase{
		{name: "listener is reached from inside", run: listenerReached},
		{name: "listener at the address asked for", needs: []string{sandbox.CanIsolateNetwork}, run: listenerAtAddress},
		{name: "listener may be closed and opened again", run: listenerAgain},
		{name: "listener survives kill", run: listenerSurvivesKill},
		{name: "dial reaches who listens inside", run: dialReaches},
		{name: "names", needs: []string{sandbox.CanIsolateFiles}, run: names},
		{name: "listener is not reached from another sandbox", needs: []string{sandbox.CanIsolateNetwork}, run: listenerPrivate},
		{name: "host's own ports are not reached", needs: []string{sandbox.CanIsolateNetwork}, run: hostPrivate},
	}
}

// echo answers one connection with what it sent, after a mark.
func (p post) echo() {
	go func() {
		for {
			c, err := p.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 256)
			n, _ := c.Read(buf)
			c.Write(append([]byte("api heard "), buf[:n]...))
			c.Close()
		}
	}()
}

func listenerReached(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	post.echo()
	for i := range 5 {
		word := fmt.Sprint("word", i)
		if f := b.must("dial", post.address(), word); f.Text != "api heard "+word+"\n" {
			t.Errorf("the process got %q", f.Text)
		}
	}
}

func listenerAtAddress(t *testing.T, s *suite) {
	first, second := s.box(t), s.box(t)
	for i, b := range []*box{first, second} {
		l, err := b.Listen("127.0.0.1", 9001)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		if got := l.Addr().String(); got != "127.0.0.1:9001" {
			t.Errorf("sandbox %d listens at %s, want 127.0.0.1:9001", i, got)
		}
		if _, err := b.Listen("127.0.0.1", 9001); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("Listen twice: %v, want EADDRINUSE", err)
		}
	}
}

func listenerAgain(t *testing.T, s *suite) {
	b := s.box(t)
	for range 3 {
		post := b.post()
		post.echo()
		b.must("dial", post.address(), "x")
		if err := post.Close(); err != nil {
			t.Error(err)
		}
		b.mustNot("dial", post.address(), "x")
	}
}

func listenerSurvivesKill(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	b.start("hold", post.address())
	post.caller()
	b.kill()
	post.echo()
	b.must("dial", post.address(), "x")
}

func dialReaches(t *testing.T, s *suite) {
	b, other := s.box(t), s.box(t)
	address := b.start("serve").finding().Text
	dialer, is := b.Sandbox.(sandbox.Dialer)
	if !is {
		t.Fatalf("%T is no sandbox.Dialer", b.Sandbox)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{address, "localhost:" + port, "sandbox.localdomain:" + port} {
		c, err := dialer.Dial(limited(t), at)
		if err != nil {
			t.Errorf("Dial %s: %v", at, err)
			continue
		}
		c.SetDeadline(time.Now().Add(patience))
		got := make([]byte, 5)
		io.WriteString(c, "hello")
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "hello" {
			t.Errorf("Dial %s: echo %q, %v", at, got, err)
		}
		c.Close()
	}
	if s.report.Can(sandbox.CanIsolateNetwork) {
		if c, err := other.Sandbox.(sandbox.Dialer).Dial(limited(t), address); err == nil {
			c.Close()
			t.Error("Dial by way of another sandbox: no error")
		}
	}
	b.kill()
	if c, err := dialer.Dial(limited(t), address); err == nil {
		c.Close()
		t.Error("Dial of nobody: no error")
	}
}

func names(t *testing.T, s *suite) {
	b := s.box(t, func(spec *sandbox.Spec) {
		spec.Hostname = "lambent-suite"
		spec.Hosts = append(spec.Hosts, sandbox.Host{Name: "sandbox", Address: "127.0.0.1"})
	})
	for _, name := range []string{"localhost", "sandbox", "sandbox.localdomain"} {
		f := b.must("resolve", name)
		if !slices.Contains(f.List, "127.0.0.1") {
			t.Errorf("%s is %q, want 127.0.0.1", name, f.List)
		}
		if f.Text != "lambent-suite" {
			t.Errorf("the host name is %q, want lambent-suite", f.Text)
		}
	}
}

// listenerPrivate: neither another sandbox nor the host reaches a Runtime API.
func listenerPrivate(t *testing.T, s *suite) {
	b, other := s.box(t), s.box(t)
	l, err := b.Listen("127.0.0.1", 9042)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	mine := post{l, t}
	mine.echo()
	b.must("dial", mine.address(), "x")
	other.mustNot("dial", mine.address(), "x")
	if c, err := net.DialTimeout("tcp", mine.address(), time.Second); err == nil {
		c.SetDeadline(time.Now().Add(time.Second))
		io.WriteString(c, "x\n")
		got, _ := io.ReadAll(c)
		c.Close()
		if len(got) > 0 {
			t.Errorf("the host reached a sandbox's listener: %q", got)
		}
	}
}

// hostPrivate: the host's loopback, by address and by abstract name, is not the sandbox's.
func hostPrivate(t *testing.T, s *suite) {
	b := s.box(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	post{l, t}.echo()
	b.mustNot("dial", l.Addr().String(), "x")
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b.mustNot("dial", "[::1]:"+port, "x")
	b.mustNot("dial", "0.0.0.0:"+port, "x")
	name := fmt.Sprintf("@lambent-suite-%d", os.Getpid())
	abstract, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { abstract.Close() })
	b.mustNot("unix", name)
}
