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

// TestCrowdsGiveWay: a function that sends many requests at once leaves others their
// turns in between. Requests that fill the buffer exactly do so too, if less often.
// It has one processor for all and counts turns, so it is not for running beside others.
func TestCrowdsGiveWay(t *testing.T) { //nolint:paralleltest // see above
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ping := "GET /2018-06-01/ping HTTP/1.1\r\n\r\n"
	exact := "GET /2018-06-01/ping HTTP/1.1\r\nX: " + strings.Repeat("x", 4096-len(ping)-5) + "\r\n\r\n"
	for name, c := range map[string]struct {
		request string
		share   int // requests for each turn of others
	}{
		"pipelined": {ping, 2}, "one in a buffer": {exact, 20},
	} {
		const requests = 4000
		env := newEnvironment()
		s := runtimeapi.New(runtimeapi.Config{Runtime: env, Extensions: env})
		all := &crowd{Reader: strings.NewReader(strings.Repeat(c.request, requests))}
		l := newPipes()
		go func() { l.conns <- all }()
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		turns := 0
		for ; !all.over.Load(); turns++ {
			runtime.Gosched()
		}
		if turns < requests/c.share {
			t.Errorf("%s: others had %d turns beside %d requests", name, turns, requests)
		}
		s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}
