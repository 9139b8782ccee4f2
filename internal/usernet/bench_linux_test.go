package usernet

import (
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkAttach is what a sandbox's creation pays; the removal is apart.
func BenchmarkAttach(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	s, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		b.StopTimer()
		made := make(chan *os.File, 1)
		go func() {
			runtime.LockOSThread()
			if unix.Unshare(unix.CLONE_NEWNET) != nil {
				made <- nil
				return
			}
			f, _ := os.Open("/proc/thread-self/ns/net")
			made <- f
		}()
		netns := <-made
		if netns == nil {
			b.Skip("cannot make a network namespace")
		}
		b.StartTimer()
		a, err := s.Attach(b.Context(), netns, "b")
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		_ = a.Close()
		s.closing.Wait()
		_ = netns.Close()
		b.StartTimer()
	}
}

// BenchmarkDownload is the throughput of one connection.
func BenchmarkDownload(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	s, err := New(Config{HostLoopback: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		block := make([]byte, 1<<20)
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}()
	connected := make(chan net.Conn, 1)
	go func() {
		runtime.LockOSThread()
		_ = unix.Unshare(unix.CLONE_NEWNET)
		netns, _ := os.Open("/proc/thread-self/ns/net")
		defer netns.Close()
		if _, err := s.Attach(b.Context(), netns, "b"); err != nil {
			connected <- nil
			return
		}
		c, _ := net.Dial("tcp4", net.JoinHostPort(Gateway.String(), portOf(l.Addr().String())))
		connected <- c
	}()
	c := <-connected
	if c == nil {
		b.Fatal("cannot connect")
	}
	defer c.Close()
	b.SetBytes(1 << 20)
	block := make([]byte, 1<<20)
	for b.Loop() {
		if _, err := io.ReadFull(c, block); err != nil {
			b.Fatal(err)
		}
	}
}
