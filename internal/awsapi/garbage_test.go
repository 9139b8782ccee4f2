package awsapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestTidy: large events and large answers lead to a collection once enough of
// them are over, small ones never do.
func TestTidy(t *testing.T) {
	answer := 0
	tidy := &tidy{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Content-Length"] = []string{strconv.Itoa(answer)}
	})}
	exchange := func(event int) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", event)))
		tidy.ServeHTTP(httptest.NewRecorder(), r)
	}
	collections := func() uint32 {
		for tidy.collecting.Load() {
			runtime.Gosched()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	began := collections()
	for range 100 {
		exchange(largeExchange - 1)
	}
	if got := tidy.garbage.Load(); got != 0 || collections() != began {
		t.Errorf("small exchanges count %d bytes and %d collections, want none", got, collections()-began)
	}
	exchange(garbageLimit - 1)
	if got := tidy.garbage.Load(); got != garbageLimit-1 || collections() != began {
		t.Errorf("a large event counts %d bytes and %d collections, want %d and none yet", got, collections()-began, garbageLimit-1)
	}
	answer = largeExchange
	exchange(0)
	if got := collections(); got == began {
		t.Error("a large answer led to no collection")
	}
	if got := tidy.garbage.Load(); got != 0 {
		t.Errorf("%d bytes count after the collection, want none", got)
	}
}
