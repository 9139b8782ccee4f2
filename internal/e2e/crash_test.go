package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// kills is how often a server is killed under load on the native ground; each
// start finds what the one before has left.
const kills = 20

// TestKilledUnderLoad: after each kill -9 all functions are there, nothing of the
// old environments is left, and the next invocation works.
func TestKilledUnderLoad(t *testing.T) {
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			rounds := kills
			if g.name != "namespace" {
				rounds = 3
			}
			if testing.Short() {
				rounds = 2
			}
			killedUnderLoad(t, g, rounds)
		})
	}
}

func killedUnderLoad(t *testing.T, g ground, rounds int) {
	dir := dataDir(t)
	s := launch(t, g, dir)
	defer func() { s.kill() }()
	code := "import subprocess, time\nchild = subprocess.Popen(['sleep', '1000'], start_new_session=True)\ndef handler(event, context):\n    time.sleep(event)\n    return event"
	name := s.deploy(t, function{memory: 512, timeout: 20, code: code})
	for round := range rounds {
		if round%5 == 0 { // functions are made all the while
			extra := fmt.Sprintf("%s-%d", name, round)
			t.Run(fmt.Sprint("function", round), func(t *testing.T) { extra = s.deploy(t, function{code: code}) })
			defer func() {
				if _, err := s.client().GetFunction(context.Background(), &lambda.GetFunctionInput{FunctionName: &extra}); err != nil {
					t.Errorf("%s is lost: %v", extra, err)
				}
			}()
		}
		load := s.load(name, 4)
		s.waitLog(t, name, "REPORT")
		s.kill()
		load()
		s = launch(t, g, dir)
		if r := s.call(t, name, "0"); r.payload != "0" || !r.cold() {
			t.Fatalf("round %d: %+v", round, r)
		}
	}
	s.call(t, name, "0")
	s.kill()
	s = launch(t, g, dir)
	// Programs that look through the host's interpreters come one after the other, and end.
	left := s.traces(t, false)
	for end := time.Now().Add(patience); len(left)+len(s.children(t)) > 0 && time.Now().Before(end); left = s.traces(t, false) {
		time.Sleep(20 * time.Millisecond)
	}
	for _, l := range left {
		t.Errorf("left behind: %s", l)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v\n%s", err, s.said)
	}
	for _, l := range s.traces(t, true) {
		t.Errorf("left behind by a server that ended well: %s", l)
	}
	s = launch(t, g, dir)
}

// load invokes without pause from several callers until the server is gone; the
// returned function waits for them.
func (s *server) load(name string, callers int) (wait func()) {
	var wg sync.WaitGroup
	client := s.client()
	for range callers {
		wg.Go(func() {
			for {
				_, err := client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte("0.05")})
				if err != nil {
					return // killed
				}
			}
		})
	}
	return wg.Wait
}
