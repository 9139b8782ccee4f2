package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// callers is how many invocations of one function run at once.
const callers = 200

// TestManyConcurrentInvocations: all are answered right, each from an environment
// that did nothing else meanwhile, and the server is afterwards what it was.
func TestManyConcurrentInvocations(t *testing.T) {
	s := own(t, dataDir(t), noPool, "--idle-timeout", "2s")
	name := s.deploy(t, function{memory: 128, timeout: 60, code: `
import time
inside = 0
def handler(event, context):
    global inside
    inside += 1
    time.sleep(0.5)
    alone = inside == 1
    inside -= 1
    return {"event": event, "square": event * event, "alone": alone}
`})
	round := func() {
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				payload, fault := s.raw(t, name, fmt.Sprint(i))
				if want := fmt.Sprintf(`{"event": %d, "square": %d, "alone": true}`, i, i*i); string(payload) != want || fault != "" {
					t.Errorf("caller %d: %s %s, want %s", i, payload, fault, want)
				}
			})
		}
		wg.Wait()
		s.transport.CloseIdleConnections()
		eventually(t, "the end of all environments", func() bool { return len(s.children(t)) == 0 })
	}
	// What the first round needs for good (threads, buffers of connections to
	// this test) is not what leaks; what the second one adds to it is.
	round()
	s.call(t, name, "1")
	eventually(t, "the end of the last environment", func() bool { return len(s.children(t)) == 0 })
	memory, threads := s.status(t, "VmRSS"), s.status(t, "Threads")
	open, before := s.descriptors(t)
	round()
	eventually(t, "descriptors as before", func() bool {
		now, _ := s.descriptors(t)
		return now <= open+8
	})
	_, after := s.descriptors(t)
	t.Logf("descriptors before %v, after %v", before, after)
	if now := s.status(t, "VmRSS"); now > memory*3/2+20<<10 {
		t.Errorf("the server has %d kB after %d callers, and had %d", now, callers, memory)
	}
	if now := s.status(t, "Threads"); now > threads+16 {
		t.Errorf("the server has %d threads, and had %d", now, threads)
	}
}

// TestLargeAnswersAreTheirCallers: answers of several megabytes, of many sizes and at
// once. Each caller leaves one answer half read while he has two others, and some
// never come back to it. Everybody has the answer to his own event, though the
// buffers that answers are in serve again.
func TestLargeAnswersAreTheirCallers(t *testing.T) {
	s := own(t, dataDir(t))
	name := s.deploy(t, function{memory: 512, timeout: 60, code: `
def handler(event, context):
    return event["letter"] * event["size"]
`})
	whole := func(letter string, size int) {
		payload, fault := s.raw(t, name, fmt.Sprintf(`{"letter": %q, "size": %d}`, letter, size))
		if want := `"` + strings.Repeat(letter, size) + `"`; string(payload) != want || fault != "" {
			t.Errorf("%d bytes from %.20q, fault %q; want %d of %s", len(payload), payload, fault, len(want), letter)
		}
	}
	var wg sync.WaitGroup
	for caller := range 3 {
		wg.Go(func() {
			for round := range 4 {
				letter, size := 'a'+caller*8+round*2, 5<<20-caller*100_000-round
				answer := s.begin(t, name, fmt.Sprintf(`{"letter": "%c", "size": %d}`, letter, size))
				whole(string(rune(letter+1)), size-1000)
				whole(string(rune(letter+1)), size)
				if round < 3 {
					answer.finish(t, byte(letter), size)
				}
				answer.Close()
			}
		})
	}
	wg.Wait()
}

// halfRead is an answer of which its caller has read the first bytes.
type halfRead struct{ io.ReadCloser }

// begin invokes a function and reads its answer's opening quote.
func (s *server) begin(t *testing.T, name, event string) halfRead {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(s.url+"/2015-03-31/functions/"+name+"/invocations", "application/json", strings.NewReader(event))
	if err != nil {
		t.Errorf("invoke %s: %v", name, err)
		return halfRead{http.NoBody}
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("invoke %s: %s, %v", name, resp.Status, err)
	}
	return halfRead{resp.Body}
}

// finish reads the rest, which is size times one letter and a quote.
func (h halfRead) finish(t *testing.T, letter byte, size int) {
	t.Helper()
	rest, err := io.ReadAll(h)
	if n := bytes.Count(rest, []byte{letter}); err != nil || n != size || len(rest) != size+1 {
		t.Errorf("%d of %d bytes are %c, want %d: %v", n, len(rest), letter, size, err)
	}
}
