package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
)

// at makes processors as on a host with so many, and puts things back in the end.
func at(t *testing.T, whole int, environment string) *processors {
	t.Helper()
	t.Setenv("GOMAXPROCS", environment)
	before := runtime.GOMAXPROCS(whole)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	return newProcessors()
}

// TestProcessors: the daemon has its share, and all while any of those that take
// long goes on.
func TestProcessors(t *testing.T) {
	p := at(t, 8, "")
	want := func(n int) {
		t.Helper()
		if got := runtime.GOMAXPROCS(0); got != n {
			t.Errorf("the daemon uses %d processors, want %d", got, n)
		}
	}
	first, second := p.all(), p.all()
	want(8)
	first()
	want(8)
	second()
	want(4)
	p.all()()
	want(4)
}

// TestOperatorsProcessors: whoever sets GOMAXPROCS has decided.
func TestOperatorsProcessors(t *testing.T) {
	p := at(t, 6, "6")
	back := p.all()
	during := runtime.GOMAXPROCS(0)
	back()
	if after := runtime.GOMAXPROCS(0); during != 6 || after != 6 {
		t.Errorf("the daemon uses %d processors for what takes long, then %d, want 6 both times", during, after)
	}
}

// seen tells how many processors there were when it was asked, and while the body
// that it was asked with was not there to its last byte.
type seen struct {
	catalog.Content
	waiting, processors int
}

func (s *seen) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength-1)
	s.waiting = runtime.GOMAXPROCS(0)
	_, _ = io.Copy(io.Discard, r.Body)
	s.processors = runtime.GOMAXPROCS(0)
}

func (s *seen) Put(context.Context, []byte) (lambda.Code, error) {
	s.processors = runtime.GOMAXPROCS(0)
	return lambda.Code{}, nil
}

// TestWhatTakesLong: large packages and the requests that bring them; not small
// ones, and not invocations.
func TestWhatTakesLong(t *testing.T) {
	p := at(t, 8, "")
	p.all()()
	var s seen
	for path, sizes := range map[string]map[int]int{
		"/2015-03-31/functions":               {large: 4, large + 1: 8},
		"/2015-03-31/functions/f/invocations": {large + 1: 4},
	} {
		for size, want := range sizes {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(strings.Repeat("x", size)))
			p.handler(&s).ServeHTTP(httptest.NewRecorder(), r)
			if s.processors != want {
				t.Errorf("%d bytes to %s have %d processors, want %d", size, path, s.processors, want)
			}
			if s.waiting != 4 {
				t.Errorf("%d bytes to %s have %d processors before they are there", size, path, s.waiting)
			}
			if after := runtime.GOMAXPROCS(0); after != 4 {
				t.Errorf("after %d bytes to %s there are %d processors", size, path, after)
			}
		}
	}
	for size, want := range map[int]int{large: 4, large + 1: 8} {
		if _, err := (unpacking{&s, p}).Put(t.Context(), bytes.Repeat([]byte{0}, size)); err != nil || s.processors != want {
			t.Errorf("a package of %d bytes has %d processors, want %d (%v)", size, s.processors, want, err)
		}
	}
}
