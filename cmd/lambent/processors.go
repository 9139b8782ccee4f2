package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"

	"lambent/internal/catalog"
	"lambent/internal/lambda"
)

// processors is how many of the host's processors the daemon uses: its share, and
// all of them while something takes long. On a single one an invocation would
// wait at each of its steps until the scheduler takes the processor away from
// whoever unpacks a package, which is 10 ms.
type processors struct {
	whole, share int // equal when the operator has set GOMAXPROCS

	mu   sync.Mutex
	long int // mu; how much goes on that takes long
}

func newProcessors() *processors {
	whole := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") != "" {
		return &processors{whole: whole, share: whole}
	}
	return &processors{whole: whole, share: shareOfProcessors(whole)}
}

// shareOfProcessors is how many processors the daemon uses of n: half, as the
// functions need the other half. More would cost more than they give: handing an
// invocation from one thread to another takes longer than all else that is done
// with it, and a daemon with a processor to spare does it four times for each.
func shareOfProcessors(n int) int { return max(1, n/2) }

// all lets the daemon use every processor until the last who asked gives them back.
func (p *processors) all() (giveBack func()) {
	p.count(1)
	return func() { p.count(-1) }
}

func (p *processors) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.long += n
	want := p.share
	if p.long > 0 {
		want = p.whole
	}
	if runtime.GOMAXPROCS(0) != want {
		runtime.GOMAXPROCS(want)
	}
}

// large is from where on a package, or a request that carries one, takes long: some
// tens of milliseconds to decode, digest and unpack.
const large = 1 << 20

// handler uses all processors for large requests once they are here, but for
// invocations: their events are passed on as they come.
func (p *processors) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > large && !strings.HasSuffix(r.URL.Path, "/invocations") {
			body := &arriving{ReadCloser: r.Body, left: r.ContentLength, whole: p.all, done: func() {}}
			defer func() { body.done() }()
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

// arriving is the body of a request. Who sends it may take his time.
type arriving struct {
	io.ReadCloser
	left  int64
	whole func() (done func()) // called with its last byte
	done  func()
}

func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	before := a.left
	if a.left -= int64(n); before > 0 && a.left <= 0 {
		a.done = a.whole()
	}
	return n, err
}

// unpacking uses all processors for large packages, wherever they come from.
type unpacking struct {
	catalog.Content
	processors *processors
}

// Put implements catalog.Content.
func (u unpacking) Put(ctx context.Context, zip []byte) (lambda.Code, error) {
	if len(zip) > large {
		defer u.processors.all()()
	}
	return u.Content.Put(ctx, zip)
}
