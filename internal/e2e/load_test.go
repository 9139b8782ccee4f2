package e2e

import (
	"fmt"
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
