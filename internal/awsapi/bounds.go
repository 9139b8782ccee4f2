package awsapi

import (
	"context"
	"net/http"
	"runtime"
	"sync"
)

// Bounds are what all callers of one listener may make the server hold together. It
// matters where a function calls, who costs the server a descriptor for each
// connection and the memory of each body. Nothing is refused: who wants more waits for
// itself. The zero value bounds nothing.
type Bounds struct {
	Connections int   // open at a time; the next one is accepted when one has ended
	Bodies      int64 // bytes of the large bodies of requests in progress; the next one is read when there is room
}

// seats are for connections; nil has any number.
type seats chan struct{}

func newSeats(n int) seats {
	if n == 0 {
		return nil
	}
	return make(seats, n)
}

// take waits for a seat, and tells whether there is one before ctx ends.
func (s seats) take(ctx context.Context) bool {
	if s == nil {
		return true
	}
	select {
	case s <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s seats) leave() {
	if s != nil {
		<-s
	}
}

// giveWay lets each request go to the end of the line first, one at a time. Whoever
// sends thousands at once, on many connections, would otherwise have a whole slice of
// the processor for each of them, and everybody else would wait for all.
type giveWay struct {
	handler http.Handler
	crowd   sync.Mutex // held by the one who gives way
}

func (g *giveWay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.crowd.Lock()
	runtime.Gosched()
	g.crowd.Unlock()
	g.handler.ServeHTTP(w, r)
}

// bodies lets requests with large bodies in as far as there is room for all of them.
type bodies struct {
	handler http.Handler
	ended   <-chan struct{}
	most    int64

	mu      sync.Mutex
	left    int64       // mu
	waiting []*roomless // mu; the oldest first, so that a large one is not passed by for ever
}

// roomless is a request that waits with its body unread.
type roomless struct {
	size int64
	room chan struct{} // closed when it has its room
}

// bound gives the handler within the bounds, until ctx ends.
func (b Bounds) bound(ctx context.Context, h http.Handler) http.Handler {
	if b.Bodies == 0 {
		return h
	}
	h = &giveWay{handler: h}
	return &bodies{handler: h, ended: ctx.Done(), most: b.Bodies, left: b.Bodies}
}

// ServeHTTP counts a body as all that there is where it does not say how large it is,
// or says that it is larger, which is read and thrown away.
func (b *bodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if 0 <= r.ContentLength && r.ContentLength <= smallBody {
		b.handler.ServeHTTP(w, r)
		return
	}
	size := b.most
	if r.ContentLength > 0 {
		size = min(size, r.ContentLength)
	}
	if !b.take(r.Context(), size) {
		http.Error(w, "the server ends", http.StatusServiceUnavailable)
		return
	}
	defer b.give(size)
	b.handler.ServeHTTP(w, r)
}

// take waits for room, and tells whether there is some before the caller or the
// server is gone.
func (b *bodies) take(ctx context.Context, size int64) bool {
	w := &roomless{size, make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, w)
	b.seat()
	b.mu.Unlock()
	select {
	case <-w.room:
		return true
	case <-ctx.Done():
	case <-b.ended:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, other := range b.waiting {
		if other == w {
			b.waiting = append(b.waiting[:i], b.waiting[i+1:]...)
			b.seat()
			return false
		}
	}
	return true // it came meanwhile
}

func (b *bodies) give(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += size
	b.seat()
}

// seat gives room to those who wait, in their order. It is called with mu held.
func (b *bodies) seat() {
	for len(b.waiting) > 0 && b.waiting[0].size <= b.left {
		b.left -= b.waiting[0].size
		close(b.waiting[0].room)
		b.waiting = b.waiting[1:]
	}
}
