package sandboxtest

import (
	"syscall"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

// holdCases are about Freeze, Thaw, Kill and Destroy.
func holdCases() []testCase {
	return []testCase{
		{name: "freeze and thaw", needs: []string{sandbox.CanFreeze}, run: freezeAndThaw},
		{name: "freeze stops who hides", needs: []string{sandbox.CanFreeze}, run: freezeStopsHidden},
		{name: "freeze stops who forks", needs: []string{sandbox.CanFreeze}, run: freezeStopsChurn},
		{name: "frozen burns no CPU", needs: []string{sandbox.CanFreeze}, run: frozenBurnsNothing},
		{name: "frozen may be killed", needs: []string{sandbox.CanFreeze}, run: frozenMayBeKilled},
		{name: "frozen may be destroyed", needs: []string{sandbox.CanFreeze}, run: frozenMayBeDestroyed},
		{name: "signal waits for thaw", needs: []string{sandbox.CanFreeze}, run: signalWaitsForThaw},
		{name: "kill ends all and leaves the sandbox", run: killEndsAll},
		{name: "kill ends who forks", run: killEndsChurn},
		{name: "kill ends who hides well", needs: []string{sandbox.CanKillAll}, run: killEndsBare},
		{name: "done while a descendant holds the output", run: doneWithDescendant},
		{name: "destroy ends all", run: destroyEndsAll},
	}
}

func (b *box) freeze() {
	b.t.Helper()
	if err := b.Freeze(limited(b.t)); err != nil {
		b.t.Fatalf("Freeze: %v", err)
	}
}

func (b *box) thaw() {
	b.t.Helper()
	if err := b.Thaw(limited(b.t)); err != nil {
		b.t.Fatalf("Thaw: %v", err)
	}
}

func (b *box) kill() {
	b.t.Helper()
	if err := b.Kill(limited(b.t)); err != nil {
		b.t.Fatalf("Kill: %v", err)
	}
}

func freezeAndThaw(t *testing.T, s *suite) {
	b, neighbour := s.box(t), s.box(t)
	post, theirs := b.post(), neighbour.post()
	b.thaw() // of what is not frozen
	b.start("pair", post.address())
	neighbour.start("hold", theirs.address())
	callers := []*caller{post.caller(), post.caller()}
	other := theirs.caller()
	for range 3 {
		b.freeze()
		b.freeze()
		for _, c := range callers {
			c.standsStill("while frozen")
		}
		other.lives("of the neighbour")
		b.thaw()
		b.thaw()
		for _, c := range callers {
			c.lives("after thaw")
		}
	}
}

// hidden leaves processes behind in every way that the driver must find.
func (b *box) hidden(post post) []*caller {
	b.t.Helper()
	ways := []string{"session", "orphan"}
	if b.suite.report.Can(sandbox.CanKillAll) {
		ways = append(ways, "bare")
	}
	var callers []*caller
	for _, how := range ways {
		b.must("hide", how, post.address())
		callers = append(callers, post.caller())
	}
	return callers
}

func freezeStopsHidden(t *testing.T, s *suite) {
	b := s.box(t)
	callers := b.hidden(b.post())
	b.freeze()
	for _, c := range callers {
		c.standsStill("of a hidden process while frozen")
	}
	b.thaw()
	for _, c := range callers {
		c.lives("of a hidden process after thaw")
	}
}

func freezeStopsChurn(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	b.start("churn", post.address())
	c := post.caller()
	for range 5 {
		b.freeze()
		c.standsStill("while frozen")
		b.thaw()
		c.lives("after thaw")
	}
}

func frozenBurnsNothing(t *testing.T, s *suite) {
	b := s.box(t)
	b.start("spin", "0").finding()
	b.freeze()
	before, err := b.Usage()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	after, err := b.Usage()
	if err != nil {
		t.Fatal(err)
	}
	// A tick of the clock by which some kernels count may fall in between.
	if burnt := after.CPU - before.CPU; burnt > 20*time.Millisecond {
		t.Errorf("%v of CPU time while frozen", burnt)
	}
}

func frozenMayBeKilled(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	r := b.start("hold", post.address(), "stubborn")
	callers := append([]*caller{post.caller()}, b.hidden(post)...)
	b.freeze()
	b.kill()
	for _, c := range callers {
		c.isGone("after Kill of the frozen")
	}
	if exit := r.wait(); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit %v, want SIGKILL", exit)
	}
	b.must("describe") // thawed, and ready for another Start
}

func frozenMayBeDestroyed(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	r := b.start("hold", post.address())
	c := post.caller()
	b.freeze()
	post.Close()
	if err := b.Destroy(limited(t)); err != nil {
		t.Fatal(err)
	}
	c.isGone("after Destroy of the frozen")
	r.wait()
}

func signalWaitsForThaw(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	r := b.start("hold", post.address())
	c := post.caller()
	b.freeze()
	if err := r.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.standsStill("while frozen with a signal")
	b.thaw()
	c.isGone("after thaw with a signal")
	if exit := r.wait(); exit.Signal != syscall.SIGTERM {
		t.Errorf("exit %v, want SIGTERM", exit)
	}
}

func killEndsAll(t *testing.T, s *suite) {
	b, neighbour := s.box(t), s.box(t)
	post, theirs := b.post(), neighbour.post()
	neighbour.start("hold", theirs.address())
	other := theirs.caller()
	for range 3 {
		r := b.start("hold", post.address(), "stubborn")
		callers := append([]*caller{post.caller()}, b.hidden(post)...)
		b.kill()
		for _, c := range callers {
			c.isGone("after Kill")
		}
		if exit := r.wait(); exit.Signal != syscall.SIGKILL {
			t.Errorf("exit %v, want SIGKILL", exit)
		}
		if u, err := b.Usage(); err != nil || u.Processes != 0 {
			t.Errorf("usage after Kill: %+v, %v, want no process", u, err)
		}
	}
	b.kill() // of nobody
	other.lives("of the neighbour")
}

func killEndsChurn(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	b.start("churn", post.address())
	c := post.caller()
	b.kill()
	c.isGone("after Kill")
	if u, err := b.Usage(); err != nil || u.Processes != 0 {
		t.Errorf("usage after Kill: %+v, %v, want no process", u, err)
	}
}

// killEndsBare: nothing tells any more that this process is the sandbox's.
func killEndsBare(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	b.must("hide", "bare", post.address())
	c := post.caller()
	b.freeze()
	b.thaw()
	b.kill()
	c.isGone("after Kill")
}

// doneWithDescendant: Done does not wait for who holds the process's output, and
// the descendant lives on.
func doneWithDescendant(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	r := b.start("hide", "session", post.address())
	c := post.caller()
	if f := r.finding(); !f.Did {
		t.Fatal(f.Error)
	}
	if exit := r.wait(); exit != (sandbox.Exit{}) {
		t.Errorf("exit %v, want status 0", exit)
	}
	c.lives("of the descendant")
	b.kill()
	c.isGone("after Kill")
}

func destroyEndsAll(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	r := b.start("hold", post.address(), "stubborn")
	callers := append([]*caller{post.caller()}, b.hidden(post)...)
	post.Close()
	if err := b.Destroy(limited(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range callers {
		c.isGone("after Destroy")
	}
	r.wait()
	s.expectNothingLeft(t, s.state, b.ID())
}
