package e2e

import (
	"strings"
	"testing"
	"time"
)

// The scenarios that the source documents name: S88 to S96.

// TestBatchStopsInTime is S91: a batch loop looks at the remaining time and
// gives a continuation token.
func TestBatchStopsInTime(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 6, code: `
import time
def handler(event, context):
    done = event.get("from", 0)
    while context.get_remaining_time_in_millis() >= 5000 and done < 1000:
        time.sleep(0.05)
        done += 1
    return {"continue": done, "left": context.get_remaining_time_in_millis()}
`})
	var first, second struct {
		Continue int
		Left     int
	}
	s.call(t, name, `{}`).into(t, &first)
	if first.Continue == 0 || first.Continue >= 1000 || first.Left >= 5000 || first.Left < 3000 {
		t.Errorf("first batch: %+v", first)
	}
	s.call(t, name, `{"from": 990}`).into(t, &second)
	if second.Continue != 1000 {
		t.Errorf("last batch: %+v", second)
	}
}

// TestEnvironmentCountsItsInvocations is S92 and S34: a function can tell its
// environment's identity, age and count from globals.
func TestEnvironmentCountsItsInvocations(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: `
import time, uuid
born, ident, count = time.time(), str(uuid.uuid4()), 0
def handler(event, context):
    global count
    count += 1
    return {"id": ident, "number": count, "age": time.time() - born, "cold": count == 1}
`})
	type answer struct {
		ID     string
		Number int
		Age    float64
		Cold   bool
	}
	var last answer
	for i := 1; i <= 4; i++ {
		var now answer
		r := s.call(t, name, `{}`)
		r.into(t, &now)
		if now.Number != i || now.Cold != (i == 1) || r.cold() != (i == 1) || now.Age <= last.Age && i > 1 || last.ID != "" && now.ID != last.ID {
			t.Errorf("invocation %d: %+v after %+v\n%s", i, now, last, r.log)
		}
		last = now
	}
}

// TestBackgroundThreadStandsStill is S93, S25 and S26: a thread that prints
// makes no progress between invocations and goes on during the next one.
func TestBackgroundThreadStandsStill(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 10, code: `
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.1)
        ticks += 1
        print("tick", ticks)
thread = threading.Thread(target=tick, daemon=True)
def handler(event, context):
    if not thread.is_alive():
        thread.start()
    before = ticks
    time.sleep(event["sleep"])
    return {"before": before, "after": ticks}
`})
	var first, second struct{ Before, After int }
	s.call(t, name, `{"sleep": 0.55}`).into(t, &first)
	time.Sleep(1500 * time.Millisecond) // the time in which nothing may happen
	r := s.call(t, name, `{"sleep": 0.55}`)
	r.into(t, &second)
	if first.After < 2 || second.Before > first.After+2 || second.After <= second.Before {
		t.Errorf("ticks: %+v, after 1.5 s of rest %+v", first, second)
	}
	if !strings.Contains(r.log, "tick ") {
		t.Errorf("the thread did not go on in the second invocation:\n%s", r.log)
	}
}

// TestCrashKeepsTmp is S95, S4, S19 and S20: after a crash the globals are new
// and /tmp is what it was.
func TestCrashKeepsTmp(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: `
import os, tempfile
count = 0
note = os.path.join(tempfile.gettempdir(), "note")
def handler(event, context):
    global count
    count += 1
    if event.get("crash"):
        open(note, "w").write("still here")
        os._exit(3)
    return {"count": count, "note": os.path.exists(note) and open(note).read()}
`})
	var first, after struct {
		Count int
		Note  any
	}
	s.call(t, name, `{}`).into(t, &first)
	if first.Count != 1 || first.Note != false {
		t.Errorf("first: %+v", first)
	}
	crash := s.call(t, name, `{"crash": true}`)
	if crash.fault != "Unhandled" || !strings.Contains(crash.payload, `"errorType":"Runtime.ExitError"`) ||
		!strings.Contains(crash.payload, "Error: Runtime exited with error: exit status 3") {
		t.Errorf("crash: %+v", crash)
	}
	r := s.call(t, name, `{}`)
	r.into(t, &after)
	if after.Count != 1 || after.Note != "still here" {
		t.Errorf("after the crash: %+v", after)
	}
	if r.cold() {
		t.Errorf("an Init inside the invocation is no Init Duration:\n%s", r.log)
	}
}

// TestSlowInit is S96 and S6: an Init of twelve seconds is cut off at ten, and
// runs again inside the invocation when the function's timeout allows.
func TestSlowInit(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{timeout: 30, code: `
import time
time.sleep(12)
def handler(event, context):
    return "ready"
`})
	r := s.call(t, name, `{}`)
	if r.payload != `"ready"` || r.fault != "" {
		t.Errorf("got %+v", r)
	}
	if !strings.Contains(r.log, "REPORT") {
		t.Errorf("no report:\n%s", r.log)
	}
}
