package awsapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
)

// TestTidy: large events and large answers lead to a collection once enough of
// them are over, small ones never do.
func TestTidy(t *testing.T) {
	answer := 0
	tidy := tidily(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header()["Content-Length"] = []string{strconv.Itoa(answer)}
	}))
	exchange := func(event int) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", event)))
		tidy.ServeHTTP(httptest.NewRecorder(), r)
	}
	collections := func() uint32 {
		tidy.collecting <- struct{}{} // when none runs
		<-tidy.collecting
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

// TestTidyWaits: a large event waits for a collection, a small one does not.
func TestTidyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		served := 0
		tidy := tidily(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
		tidy.collecting <- struct{}{}
		exchange := func(event int) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(strings.Repeat("x", event)))
			tidy.ServeHTTP(httptest.NewRecorder(), r)
		}
		exchange(largeExchange - 1)
		go exchange(largeExchange)
		synctest.Wait()
		if served != 1 {
			t.Errorf("%d events served during a collection, want the small one", served)
		}
		<-tidy.collecting
		synctest.Wait()
		if served != 2 {
			t.Errorf("%d events served after it, want both", served)
		}
	})
}
