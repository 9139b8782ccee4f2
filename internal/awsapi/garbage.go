package awsapi

import (
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
)

// An event of 6 MB and its answer are twice the memory of a quiet server. Left to
// the collector's own pace, which lets the heap double, several of them would be
// kept beside the one in progress; so it is called when this much has been
// exchanged in large pieces and is over, and the next large one waits for it, so
// that it finds that memory instead of asking for more. A collection costs a
// twentieth of what the exchange did.
const (
	largeExchange = 1 << 20
	garbageLimit  = 8 << 20
)

// tidy answers as its handler does, and has the memory of large exchanges back.
type tidy struct {
	http.Handler
	garbage    atomic.Int64  // bytes since the last collection
	collecting chan struct{} // holds one while a collection runs
}

func tidily(h http.Handler) *tidy { return &tidy{Handler: h, collecting: make(chan struct{}, 1)} }

// ServeHTTP hands the request on.
func (t *tidy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength >= largeExchange {
		t.collecting <- struct{}{}
		<-t.collecting
	}
	t.Handler.ServeHTTP(w, r)
	n := max(r.ContentLength, 0)
	if length := w.Header()["Content-Length"]; len(length) == 1 {
		answer, _ := strconv.ParseInt(length[0], 10, 64) // what is no number is no answer of ours
		n += answer
	}
	if n < largeExchange || t.garbage.Add(n) < garbageLimit {
		return
	}
	select {
	case t.collecting <- struct{}{}:
		t.garbage.Store(0)
		go func() { // ends with the collection
			runtime.GC()
			<-t.collecting
		}()
	default: // one runs already
	}
}
