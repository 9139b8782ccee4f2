package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// TestLaws plays random owners, runtimes and extensions against the machine and
// holds its laws after every step: a refusal changes nothing; every assignment
// is settled exactly once; START comes once and REPORT after it; a timer fires
// only when armed; and an environment that is stopped is gone in bounded steps.
func TestLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		m := newModel(seed)
		if err := m.play(); err != nil {
			t.Fatalf("seed %d: %v\nhistory:\n%s", seed, err, m.history)
		}
	}
}

// model is the world around a machine.
type model struct {
	dice    *rand.Rand
	s       State
	now     time.Time
	history string

	alive      map[Process]int // incarnation of each process
	killing    int             // incarnation that KillAll was asked for, 0 for none
	destroying bool
	left, gone bool
	armed      map[Timer]time.Time

	assigned int
	settled  map[string]int
	started  map[string]int
	reported map[string]int
}

func newModel(seed uint64) *model {
	m := &model{
		dice: rand.New(rand.NewPCG(seed, 5)), now: epoch, alive: map[Process]int{}, armed: map[Timer]time.Time{},
		settled: map[string]int{}, started: map[string]int{}, reported: map[string]int{},
	}
	m.s = New(Config{Version: lambda.Latest, MemoryMB: 128, Timeout: 3 * time.Second, InitLimit: lambda.InitLimit, Replaced: m.dice.IntN(4) == 0})
	return m
}

func (m *model) play() error {
	if m.dice.IntN(30) == 0 {
		return m.step(SandboxFailed{At(m.now)})
	}
	names := []string{"one", "two", "three"}[:m.dice.IntN(4)]
	if err := m.step(SandboxReady{At(m.now), names}); err != nil {
		return err
	}
	for range 40 + m.dice.IntN(100) {
		m.now = m.now.Add(time.Duration(m.dice.IntN(800)) * time.Millisecond)
		if err := m.step(m.event()); err != nil {
			return err
		}
	}
	if err := m.step(Stop{At(m.now), "shutdown", true}); err != nil {
		return err
	}
	return m.finish()
}

// finish lets everything that was asked for happen, and nothing else.
func (m *model) finish() error {
	for range 100 {
		if m.gone {
			return m.settledAll()
		}
		m.now = m.now.Add(time.Second)
		e := m.due()
		if e == nil && len(m.armed) > 0 {
			continue
		}
		if e == nil {
			return fmt.Errorf("stuck in phase %s", m.s.Phase)
		}
		if err := m.step(e); err != nil {
			return err
		}
	}
	return fmt.Errorf("not gone: phase %s", m.s.Phase)
}

func (m *model) settledAll() error {
	for i := 1; i <= m.assigned; i++ {
		id := fmt.Sprint("r", i)
		if m.settled[id] != 1 {
			return fmt.Errorf("%s settled %d times", id, m.settled[id])
		}
		if m.started[id] != m.reported[id] {
			return fmt.Errorf("%s: %d starts, %d reports", id, m.started[id], m.reported[id])
		}
	}
	return nil
}

// due is the outcome of something that the machine asked for, or nil.
func (m *model) due() Event {
	at := At(m.now)
	switch {
	case m.destroying:
		return Destroyed{at}
	case m.killing > 0:
		return Killed{at, m.killing}
	}
	for t, when := range m.armed {
		if !m.now.Before(when) {
			return TimerFired{at, t}
		}
	}
	for p, incarnation := range m.alive {
		return Exited{At: at, Incarnation: incarnation, Process: p}
	}
	return nil
}

// event is anything that may happen now.
func (m *model) event() Event {
	at := At(m.now)
	if m.dice.IntN(3) == 0 {
		if e := m.due(); e != nil {
			if _, exits := e.(Exited); !exits || m.dice.IntN(10) == 0 {
				return e
			}
		}
	}
	id := "unknown"
	if n := len(m.s.Extensions); n > 0 {
		id = "id-" + m.s.Extensions[m.dice.IntN(n)].Name
	}
	request := "other"
	if m.s.Current != nil {
		request = m.s.Current.Invocation.RequestID
	}
	switch m.dice.IntN(16) {
	case 0, 1, 2, 3:
		return RuntimeNext{at}
	case 4:
		return RuntimeAnswer{at, request, lambda.Answer{Failed: m.dice.IntN(3) == 0}}
	case 5:
		return RuntimeInitError{at, lambda.Answer{Failed: true, ErrorType: "Runtime.X"}}
	case 6:
		return ExtensionRegister{at, id, id[min(3, len(id)):], []string{"INVOKE", "SHUTDOWN"}[m.dice.IntN(2):]}
	case 7, 8:
		return ExtensionNext{at, id}
	case 9:
		return ExtensionFailed{at, id, m.dice.IntN(2) == 0, "Extension.X"}
	case 10:
		return RuntimeBroken{at, request, "Runtime.TruncatedResponse"}
	case 11:
		return Stop{at, "retired", false}
	case 12, 13:
		return RuntimeResponds{at, request}
	}
	return Assigned{at, &lambda.Invocation{RequestID: fmt.Sprint("r", m.assigned+1), Tail: m.dice.IntN(2) == 0}}
}

func (m *model) step(e Event) error {
	if _, stop := e.(Stop); stop && m.dice.IntN(8) != 0 && !e.(Stop).Now {
		return nil // else hardly any environment would live
	}
	before := m.s
	next, effects, err := Step(m.s, e)
	m.history += fmt.Sprintf("%s %T %+v -> %s %v\n", m.now.Sub(epoch), e, e, next.Phase, err)
	if err != nil {
		if len(effects) > 0 || !reflect.DeepEqual(before, next) {
			return fmt.Errorf("a refused %T changed something", e)
		}
		return nil
	}
	m.s = next
	m.happened(e)
	for _, f := range effects {
		if err := m.carryOut(f); err != nil {
			return fmt.Errorf("%T: %w", e, err)
		}
	}
	return nil
}

func (m *model) happened(e Event) {
	switch e := e.(type) {
	case Assigned:
		m.assigned++
	case Exited:
		delete(m.alive, e.Process)
	case Killed:
		m.killing = 0
		clear(m.alive)
	case Destroyed:
		m.gone = true
		clear(m.alive)
	case SandboxFailed:
		m.gone = true
	case TimerFired:
		if when := m.armed[e.Timer]; !m.now.Before(when) {
			delete(m.armed, e.Timer)
		}
	}
}

func (m *model) carryOut(f Effect) error {
	if m.gone {
		if _, ok := f.(Leave); !ok {
			if _, ok := f.(Publish); !ok {
				return fmt.Errorf("%T after the end", f)
			}
		}
	}
	switch f := f.(type) {
	case Start:
		if _, twice := m.alive[f.Process]; twice || m.killing > 0 {
			return fmt.Errorf("start of %q while it lives", f.Process.Extension)
		}
		m.alive[f.Process] = f.Incarnation
		if m.dice.IntN(20) == 0 {
			delete(m.alive, f.Process)
		}
	case Signal:
		if f.Kill {
			m.alive[f.Process] = m.s.Incarnation
		}
	case Settle, SettleWith:
		return m.settle()
	case Arm:
		m.armed[f.Timer] = f.At
	case Disarm:
		delete(m.armed, f.Timer)
	case KillAll:
		m.killing = f.Incarnation
	case Destroy:
		if m.destroying {
			return fmt.Errorf("destroyed twice")
		}
		m.destroying = true
	case Leave:
		if m.left {
			return fmt.Errorf("left twice")
		}
		m.left = true
	case Rest:
		if m.left || !m.s.Takes() {
			return fmt.Errorf("vacant in phase %s", m.s.Phase)
		}
		if m.s.Config.Replaced && m.s.Phase != Idle {
			return fmt.Errorf("vacant in phase %s, though it was to be replaced", m.s.Phase)
		}
	case Publish:
		return m.publish(f.Record)
	case Offer, OfferExtension, Drain, Attribute, Thaw:
	}
	return nil
}

// settle counts for the newest assignment: there is one at a time.
func (m *model) settle() error {
	id := fmt.Sprint("r", m.assigned)
	if m.settled[id]++; m.settled[id] > 1 {
		return fmt.Errorf("%s settled twice", id)
	}
	return nil
}

func (m *model) publish(r event.Record) error {
	switch r := r.(type) {
	case event.Start:
		if m.started[r.RequestID]++; m.started[r.RequestID] > 1 {
			return fmt.Errorf("%s started twice", r.RequestID)
		}
	case event.Report:
		if m.reported[r.RequestID]++; m.reported[r.RequestID] > 1 || m.started[r.RequestID] != 1 {
			return fmt.Errorf("%s reported %d times after %d starts", r.RequestID, m.reported[r.RequestID], m.started[r.RequestID])
		}
	}
	return nil
}

// TestExitWords holds the words of process ends against AWS's table.
func TestExitWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		exit sandbox.Exit
		want string
	}{
		{sandbox.Exit{}, "Runtime exited without providing a reason"},
		{sandbox.Exit{Code: 127}, "Runtime exited with error: exit status 127"},
		{sandbox.Exit{Signal: signal("killed")}, "Runtime exited with error: signal: killed"},
	} {
		if got := exitSentence(c.exit); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.exit, got, c.want)
		}
	}
}

// TestNormalise holds the error types that telemetry shows (execution
// environment reference, header normalisation).
func TestNormalise(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"Runtime.ImportModuleError": "Runtime.ImportModuleError",
		"Function.Oops":             "Function.Oops",
		"xRuntime.Abcx":             "xRuntime.Abcx", // the match is not anchored
		"Function.oops":             "Function.Unknown",
		"Function<UserException>":   "Runtime.Unknown",
		"":                          "Runtime.Unknown",
		"Exception":                 "Runtime.Unknown",
	} {
		if got := normalise(sent); got != want {
			t.Errorf("%q: got %q, want %q", sent, got, want)
		}
	}
}
