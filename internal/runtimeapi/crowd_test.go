package runtimeapi_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"lambent/internal/runtimeapi"
)

// crowd is a connection on which all requests are there already.
type crowd struct {
	net.Conn // nil; nothing else of it is used
	io.Reader
	over atomic.Bool
}

func (c *crowd) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil {
		c.over.Store(true)
	}
	return n, err
}

func (c *crowd) Write(p []byte) (int, error) { return len(p), nil }
func (c *crowd) Close() error                { return nil }

// TestCrowdsGiveWay: a function that sends much at once leaves others their turns in
// between, if not between any two requests, then after some kilobytes.
// It has one processor for all and counts turns, so it is not for running beside others.
func TestCrowdsGiveWay(t *testing.T) { //nolint:paralleltest // see above
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ping := "GET /2018-06-01/ping HTTP/1.1\r\n\r\n"
	exact := "GET /2018-06-01/ping HTTP/1.1\r\nX: " + strings.Repeat("x", 4096-len(ping)-5) + "\r\n\r\n"
	const requests = 4000
	head := "POST /2018-06-01/runtime/init/error HTTP/1.1\r\n"
	for name, c := range map[string]struct {
		sent  string
		turns int
	}{
		"pipelined":       {strings.Repeat(ping, requests), requests / 2},
		"one in a buffer": {strings.Repeat(exact, requests), requests / 20},
		"a body":          {head + "Content-Length: 100000000\r\n\r\n" + strings.Repeat("x", 10_000_000), 10_000_000 / (9 * 32 << 10)},
		"chunks":          {head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1\r\nx\r\n", 1_000_000), 6_000_000 / (9 * 4 << 10)},
	} {
		env := newEnvironment()
		s := runtimeapi.New(runtimeapi.Config{Runtime: env, Extensions: env})
		all := &crowd{Reader: strings.NewReader(c.sent)}
		l := newPipes()
		go func() { l.conns <- all }()
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		turns := 0
		for ; !all.over.Load(); turns++ {
			runtime.Gosched()
		}
		if turns < c.turns {
			t.Errorf("%s: others had %d turns, want %d or more", name, turns, c.turns)
		}
		s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}
