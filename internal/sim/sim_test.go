package sim

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
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

var (
	seedFlag  = flag.Uint64("seed", 0, "play this one seed")
	seedsFlag = flag.Uint64("seeds", 1000, "how many seeds to play")
)

// TestSeeds plays the whole host from many seeds.
func TestSeeds(t *testing.T) {
	t.Parallel()
	if *seedFlag != 0 {
		play(t, *seedFlag)
		return
	}
	n := *seedsFlag
	if testing.Short() {
		n = 100
	}
	used := int64(0)
	for seed := uint64(1); seed <= n; seed++ {
		used += play(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d failed; play it alone with: make sim SEED=%d", seed, seed)
		}
	}
	t.Logf("%d runtimes had been started ahead", used)
	if n >= 100 && used == 0 {
		t.Error("no runtime had been started ahead on any host")
	}
}

func play(t *testing.T, seed uint64) (usedAhead int64) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed)
		w.run()
		w.check()
		usedAhead = w.host.used.Load()
	})
	return usedAhead
}

// world is one seed's functions, callers and what they saw.
type world struct {
	t         *testing.T
	seed      uint64
	dice      *rand.Rand
	host      *host
	functions []*lambda.Version
	ahead     map[*lambda.Version]int // what is provisioned of each
	retired   map[*lambda.Version]bool
	faulty    bool
	closed    bool // before its time

	mu       sync.Mutex
	number   int
	outcomes map[string]outcome // by request id
}

// outcome is what one caller saw.
type outcome struct {
	function *lambda.Version
	payload  string
	result   lambda.Result
	err      error
	gaveUp   bool
	took     time.Duration
}

func newWorld(t *testing.T, seed uint64) *world {
	dice := rand.New(rand.NewPCG(seed, 7))
	w := &world{t: t, seed: seed, dice: dice, outcomes: map[string]outcome{}, ahead: map[*lambda.Version]int{}, retired: map[*lambda.Version]bool{}}
	c := config{
		seed: seed, program: w.program, pool: seed%2 == 0, waiters: 4 + dice.IntN(40), account: 3 + dice.IntN(20),
		limits: placement.Limits{
			Environments: 1 + dice.IntN(8), MemoryMiB: 512 + 128*dice.IntN(20), Starting: dice.IntN(4),
			Idle: time.Duration(1+dice.IntN(300)) * time.Second, Lifetime: time.Duration(1+dice.IntN(60)) * time.Minute,
		},
	}
	if dice.IntN(3) == 0 {
		c.faults, w.faulty = someFaults(dice), true
	}
	w.host = newHost(t, c)
	for i := range 1 + dice.IntN(4) {
		f := function(fmt.Sprintf("f%d", i), 128*(1+dice.IntN(4)), time.Duration(1+dice.IntN(10))*time.Second)
		w.functions = append(w.functions, f)
		if n := dice.IntN(5) - 2; n > 0 {
			w.host.extensions(t, f.Function, []string{"one", "two"}[:n]...)
		}
	}
	return w
}

func someFaults(dice *rand.Rand) simulated.Faults {
	p := func() float64 { return dice.Float64() * 0.1 }
	slow := func(max time.Duration) simulated.Delay { return simulated.Delay{Chance: p(), Max: max} }
	return simulated.Faults{
		CreateFails: p(), ListenFails: p(), StartFails: p(), StartHangs: p() / 4, FreezeFails: p(), ThawFails: p(),
		KillFails: p(), DestroyFails: p(), CreateSlow: slow(3 * time.Second), StartSlow: slow(time.Second),
		FreezeSlow: slow(50 * time.Millisecond), ThawSlow: slow(50 * time.Millisecond), KillSlow: slow(time.Second),
		DestroySlow: slow(5 * time.Second), ProcessDies: slow(time.Minute), ProcessOOM: slow(time.Minute),
	}
}

// program plays the processes: extensions by their path, functions by their name.
func (w *world) program(cmd sandbox.Command) simulated.Program {
	dice := w.fork()
	if name, ok := strings.CutPrefix(cmd.Path, "/opt/extensions/"); ok {
		return extension(name, dice).Program
	}
	return simulated.Runtime{
		Init:   func(*simulated.Process) simulated.Turn { return initTurn(dice) },
		Invoke: func(_ *simulated.Process, inv simulated.Invocation) simulated.Turn { return invokeTurn(dice, inv) },
	}.Program
}

// fork gives a process dice of its own.
func (w *world) fork() *rand.Rand {
	w.mu.Lock()
	defer w.mu.Unlock()
	return rand.New(rand.NewPCG(w.dice.Uint64(), 3))
}

func initTurn(dice *rand.Rand) simulated.Turn {
	t := simulated.Turn{Sleep: time.Duration(dice.IntN(400)) * time.Millisecond, Lines: []string{"starting"}}
	switch dice.IntN(20) {
	case 0:
		t.Sleep = time.Duration(dice.IntN(15)) * time.Second
	case 1:
		t.Error = "Runtime.ImportModuleError"
	case 2:
		t.Exit = simulated.Exited(dice.IntN(3))
	}
	return t
}

func invokeTurn(dice *rand.Rand, inv simulated.Invocation) simulated.Turn {
	t := simulated.Turn{Lines: []string{"handling " + inv.ID}, Sleep: time.Duration(dice.IntN(300)) * time.Millisecond}
	switch dice.IntN(24) {
	case 0:
		t.Hang = true
	case 1:
		t.Exit = simulated.Exited(dice.IntN(2))
	case 2:
		t.Exit = &sandbox.Exit{Signal: syscall.SIGSEGV}
	case 3:
		t.ExitAfter = simulated.Exited(1)
	case 4:
		t.HangAfter = true
	case 5:
		t.Truncate = true
	case 6, 7:
		t.Error = "Function.Broken"
	case 8:
		t.Memory = 4 << 30
	case 9:
		t.Sleep = time.Duration(dice.IntN(12)) * time.Second
	case 10:
		t.WorkAfter = time.Duration(dice.IntN(2000)) * time.Millisecond
	}
	return t
}

func extension(name string, dice *rand.Rand) simulated.Extension {
	trouble := func(p *simulated.Process, _ simulated.ExtensionEvent) simulated.Turn {
		t := simulated.Turn{Sleep: time.Duration(dice.IntN(100)) * time.Millisecond}
		switch dice.IntN(30) {
		case 0:
			t.Hang = true
		case 1:
			t.Exit = simulated.Exited(dice.IntN(2))
		case 2:
			t.Error = "Extension.Broken"
		}
		return t
	}
	x := simulated.Extension{Invoke: trouble, Shutdown: trouble}
	if name == "two" {
		x.Events = []string{"SHUTDOWN"}
		x.Telemetry = &simulated.Telemetry{Port: 8080}
	}
	x.Init = func(p *simulated.Process) simulated.Turn { return trouble(p, simulated.ExtensionEvent{}) }
	return x
}

// run lets callers invoke for a while, retires functions under them, and lets
// the host come to rest.
func (w *world) run() {
	var callers sync.WaitGroup
	fate := w.fork()
	for range 1 + fate.IntN(12) {
		dice := w.fork()
		callers.Go(func() { w.caller(dice) })
	}
	w.provision(w.fork())
	for range fate.IntN(3) {
		time.Sleep(time.Duration(fate.IntN(20)) * time.Second)
		f := w.functions[fate.IntN(len(w.functions))]
		w.retired[f] = true
		w.host.fleet.Retired(f.Generation)
	}
	if fate.IntN(4) == 0 { // the daemon goes down in the middle of it
		w.closed = true
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(fate.IntN(20))*time.Second)
		w.host.fleet.Close(ctx)
		cancel()
	}
	callers.Wait()
	w.checkProvisioned()
	w.host.close()
	time.Sleep(time.Hour) // timers that nobody stopped go off now
	synctest.Wait()
}

func (w *world) caller(dice *rand.Rand) {
	for range 1 + dice.IntN(8) {
		time.Sleep(time.Duration(dice.IntN(5000)) * time.Millisecond)
		w.invoke(dice)
	}
}

func (w *world) invoke(dice *rand.Rand) {
	w.mu.Lock()
	w.number++
	n := w.number
	w.mu.Unlock()
	f := w.functions[dice.IntN(len(w.functions))]
	inv := invocation(n, fmt.Sprintf(`{"number":%d}`, n))
	inv.Tail = dice.IntN(4) == 0
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	patient := true
	if dice.IntN(6) == 0 {
		patient = false
		ctx, cancel = context.WithTimeout(ctx, time.Duration(dice.IntN(3000))*time.Millisecond)
		defer cancel()
	}
	began := time.Now()
	result, err := w.host.fleet.Invoke(ctx, f, inv)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, twice := w.outcomes[inv.RequestID]; twice {
		w.t.Errorf("seed %d: %s answered twice", w.seed, inv.RequestID)
	}
	gaveUp := !patient && errors.Is(err, context.DeadlineExceeded)
	w.outcomes[inv.RequestID] = outcome{f, string(inv.Payload), result, err, gaveUp, time.Since(began)}
}

// check holds the laws.
func (w *world) check() {
	if leaks := w.host.driver.Leaks(); leaks != "" {
		w.t.Errorf("seed %d: left behind:\n%s", w.seed, leaks)
	}
	if len(w.outcomes) != w.number {
		w.t.Errorf("seed %d: %d invocations, %d outcomes", w.seed, w.number, len(w.outcomes))
	}
	for id, o := range w.outcomes {
		if err := o.lawful(); err != nil {
			w.t.Errorf("seed %d: %s: %v (%+v)", w.seed, id, err, o)
		}
	}
	w.checkEvents()
}

// lawful tells what is wrong with an outcome, if anything.
func (o outcome) lawful() error {
	var refused *lambda.Error
	switch {
	case o.gaveUp:
		return nil
	case o.err != nil:
		var fault *simulated.Fault
		if errors.As(o.err, &refused) || errors.As(o.err, &fault) || errors.Is(o.err, context.DeadlineExceeded) {
			return nil
		}
		return fmt.Errorf("unexpected error: %w", o.err)
	case o.result.Fault == nil && string(o.result.Payload) != o.payload:
		return errors.New("got another invocation's answer")
	case o.result.Fault != nil && len(o.result.Payload) == 0:
		return errors.New("a fault without words")
	case o.took > time.Minute+3*time.Minute:
		return errors.New("took longer than any rule allows")
	}
	return nil
}

// checkEvents: every invocation that began has one START and then one REPORT,
// no line goes to another invocation than its own, and the environments that were made are gone.
func (w *world) checkEvents() {
	started, reported := map[string]int{}, map[string]int{}
	created, gone := map[string]bool{}, map[string]bool{}
	for _, e := range w.host.events.all() {
		switch r := e.Record.(type) {
		case event.Created:
			created[e.Origin.Environment] = true
		case event.Gone:
			gone[e.Origin.Environment] = true
		case event.Start:
			started[r.RequestID]++
		case event.Report:
			reported[r.RequestID]++
			if started[r.RequestID] != 1 || reported[r.RequestID] != 1 {
				w.t.Errorf("seed %d: %s: %d starts, %d reports", w.seed, r.RequestID, started[r.RequestID], reported[r.RequestID])
			}
		case event.Line:
			// A process that is being ended may still write; such lines are nobody's.
			after, ok := strings.CutPrefix(string(r.Text), "handling ")
			if ok && r.RequestID != "" && strings.TrimSpace(after) != r.RequestID {
				w.t.Errorf("seed %d: line %q belongs to %q", w.seed, r.Text, r.RequestID)
			}
		}
	}
	for id := range created {
		if !gone[id] {
			w.t.Errorf("seed %d: environment %s was made and is not gone", w.seed, id)
		}
	}
	for id, o := range w.outcomes {
		if o.err == nil && reported[id] != 1 {
			w.t.Errorf("seed %d: %s has an answer and %d reports", w.seed, id, reported[id])
		}
	}
}
