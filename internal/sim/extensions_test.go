package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/placement"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// TestExtensionSeeds plays hosts that work well with extensions that do not:
// they hang, crash, exit, complain and subscribe too late, in every phase. As
// nothing else goes wrong, the rules' limits hold to the millisecond.
func TestExtensionSeeds(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), *seedsFlag
	switch {
	case *seedFlag != 0:
		first, last = *seedFlag, *seedFlag
	case testing.Short():
		last = 100
	}
	for seed := first; seed <= last; seed++ {
		playExtensions(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d failed; play it alone with: make sim SEED=%d", seed, seed)
		}
	}
}

func playExtensions(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		w := newTroubled(t, seed)
		w.run()
		w.check()
	})
}

// troubled is one seed's host, and what its extensions saw.
type troubled struct {
	*world
	names []string

	received map[string][]delivery // by subscriber: one process's
	late     []int                 // statuses of subscriptions that came too late
}

// delivery is one record of telemetry.
type delivery struct {
	Time   time.Time
	Type   string
	Record json.RawMessage
}

func newTroubled(t *testing.T, seed uint64) *troubled {
	dice := rand.New(rand.NewPCG(seed, 11))
	w := &troubled{world: &world{t: t, seed: seed, dice: dice, outcomes: map[string]outcome{}}, received: map[string][]delivery{}}
	w.host = newHost(t, config{
		seed: seed, program: w.program, pool: seed%2 == 0, waiters: 100, account: lambda.DefaultConcurrency,
		limits: placement.Limits{Environments: 1 + dice.IntN(4), MemoryMiB: 4096, Starting: 4, Idle: time.Duration(1+dice.IntN(60)) * time.Second},
	})
	f := function("f", 128, time.Duration(1+dice.IntN(5))*time.Second)
	w.functions = []*lambda.Version{f}
	for i := range 1 + dice.IntN(4) {
		w.names = append(w.names, fmt.Sprintf("x%d", i))
	}
	w.host.extensions(t, f.Function, w.names...)
	return w
}

func (w *troubled) program(cmd sandbox.Command) simulated.Program {
	dice := w.fork()
	if name, ok := strings.CutPrefix(cmd.Path, "/opt/extensions/"); ok {
		return w.extension(name, dice).Program
	}
	return simulated.Runtime{
		Invoke: func(*simulated.Process, simulated.Invocation) simulated.Turn {
			t := simulated.Turn{Lines: []string{"works"}, Sleep: time.Duration(dice.IntN(200)) * time.Millisecond}
			switch dice.IntN(12) {
			case 0:
				t.Hang = true
			case 1:
				t.Exit = simulated.Exited(1)
			}
			return t
		},
	}.Program
}

// extension is a process with trouble of its own, in a phase of its own.
func (w *troubled) extension(name string, dice *rand.Rand) simulated.Extension {
	trouble := func(chance int) simulated.Turn {
		t := simulated.Turn{Lines: []string{name + " works"}, Sleep: time.Duration(dice.IntN(150)) * time.Millisecond}
		if dice.IntN(chance) > 0 {
			return t
		}
		switch dice.IntN(6) {
		case 0:
			t.Hang = true
		case 1:
			t.Exit = simulated.Exited(dice.IntN(3))
		case 2:
			t.Exit = &sandbox.Exit{Signal: syscall.SIGSEGV}
		case 3:
			t.Error = "Extension.Broken"
		case 4:
			t.Sleep = time.Duration(dice.IntN(14)) * time.Second
		case 5:
			t.WorkAfter = time.Duration(dice.IntN(3000)) * time.Millisecond
		}
		return t
	}
	x := simulated.Extension{
		Events:   [][]string{nil, {"INVOKE"}, {"SHUTDOWN"}, {}}[dice.IntN(4)],
		Launch:   func(*simulated.Process) simulated.Turn { return trouble(30) },
		Init:     func(*simulated.Process) simulated.Turn { return trouble(20) },
		Invoke:   func(*simulated.Process, simulated.ExtensionEvent) simulated.Turn { return trouble(15) },
		Shutdown: func(*simulated.Process, simulated.ExtensionEvent) simulated.Turn { return trouble(4) },
	}
	switch dice.IntN(4) {
	case 0:
		x.Telemetry = w.subscriber(name, dice)
	case 1:
		x.Telemetry = &simulated.Telemetry{Port: 9000, Late: func(status int) {
			w.mu.Lock()
			w.late = append(w.late, status)
			w.mu.Unlock()
		}}
	}
	return x
}

// subscriber keeps what it gets, sometimes slowly.
func (w *troubled) subscriber(name string, dice *rand.Rand) *simulated.Telemetry {
	key := fmt.Sprintf("%s-%d", name, dice.Uint64()) // each process is a subscriber of its own
	slow := time.Duration(0)
	if dice.IntN(3) == 0 {
		slow = time.Duration(dice.IntN(900)) * time.Millisecond
	}
	return &simulated.Telemetry{Port: 4000 + int(name[1]), Received: func(body []byte) {
		var batch []delivery
		err := json.Unmarshal(body, &batch)
		w.mu.Lock()
		if err != nil {
			w.t.Errorf("seed %d: delivered %q: %v", w.seed, body, err)
		}
		w.received[key] = append(w.received[key], batch...)
		w.mu.Unlock()
		time.Sleep(slow)
	}}
}

// run lets some callers invoke, each with patience for all that may happen.
func (w *troubled) run() {
	fate := w.fork()
	var callers sync.WaitGroup
	for range 1 + fate.IntN(4) {
		dice := w.fork()
		callers.Go(func() {
			for range 1 + dice.IntN(6) {
				time.Sleep(time.Duration(dice.IntN(4000)) * time.Millisecond)
				w.patient()
			}
		})
	}
	callers.Wait()
	w.host.close()
	time.Sleep(time.Hour) // timers that nobody stopped go off now
	synctest.Wait()
}

// patient invokes and waits for the answer.
func (w *troubled) patient() {
	w.mu.Lock()
	w.number++
	n := w.number
	w.mu.Unlock()
	f := w.functions[0]
	inv := invocation(n, fmt.Sprintf(`{"number":%d}`, n))
	began := time.Now()
	result, err := w.host.fleet.Invoke(context.Background(), f, inv)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes[inv.RequestID] = outcome{f, string(inv.Payload), result, err, false, time.Since(began)}
}

func (w *troubled) check() {
	w.world.check()
	for _, status := range w.late {
		if status != http.StatusForbidden {
			w.t.Errorf("seed %d: a late subscription got %d", w.seed, status)
		}
	}
	for id, o := range w.outcomes {
		if o.err != nil && o.took < time.Minute {
			w.t.Errorf("seed %d: %s waited %v and got: %v", w.seed, id, o.took, o.err)
		}
	}
	w.checkDeliveries()
	w.checkLimits()
}

// checkDeliveries: each subscriber gets records in their order, none that its
// processes were not there for, and each report once.
func (w *troubled) checkDeliveries() {
	for key, list := range w.received {
		reports := map[string]int{}
		for i, d := range list {
			if i > 0 && d.Time.Before(list[i-1].Time) {
				w.t.Errorf("seed %d: %s: %s of %v after one of %v", w.seed, key, d.Type, d.Time, list[i-1].Time)
			}
			if i == 0 && d.Type != "platform.initStart" {
				w.t.Errorf("seed %d: %s: begins with %s", w.seed, key, d.Type)
			}
			var r struct{ RequestID string }
			if d.Type == "platform.report" && json.Unmarshal(d.Record, &r) == nil {
				if reports[r.RequestID]++; reports[r.RequestID] > 1 {
					w.t.Errorf("seed %d: %s: the report of %s came twice", w.seed, key, r.RequestID)
				}
			}
		}
	}
}

// The limits of the rules, with what is ours on top of the last.
const (
	initLimit = lambda.InitLimit
	endLimit  = 2*time.Second + 200*time.Millisecond // the window, and the last deliveries
)

// checkLimits: no Init, invocation or end takes longer than the rule allows.
func (w *troubled) checkLimits() {
	type clock struct{ init, ending time.Time }
	clocks := map[string]*clock{}
	limit := func(e event.Event, what string, since time.Time, most time.Duration) {
		if took := e.Time.Sub(since); took > most {
			w.t.Errorf("seed %d: %s: %s took %v, the rule allows %v", w.seed, e.Origin.Environment, what, took, most)
		}
	}
	for _, e := range w.host.events.all() {
		c := clocks[e.Origin.Environment]
		if c == nil {
			c = &clock{}
			clocks[e.Origin.Environment] = c
		}
		switch r := e.Record.(type) {
		case event.InitStart:
			c.init = e.Time
		case event.InitReport:
			most := initLimit
			if r.Phase == event.PhaseInvoke {
				most = w.functions[0].Timeout
			}
			limit(e, "Init", c.init, most)
		case event.Report:
			if r.Duration > w.functions[0].Timeout {
				w.t.Errorf("seed %d: %s took %v, its timeout is %v", w.seed, r.RequestID, r.Duration, w.functions[0].Timeout)
			}
		case event.Ending:
			c.ending = e.Time
		case event.Gone:
			if !c.ending.IsZero() {
				limit(e, "ending", c.ending, endLimit)
			}
		}
	}
}
