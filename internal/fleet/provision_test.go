package fleet

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/placement"
)

func numbered(name, number string, memory int) *lambda.Version {
	v := version(name, memory)
	v.Number, v.Generation = number, "g-"+name+number
	return v
}

func (s *stable) provision(v *lambda.Version, n int) {
	s.fleet.Provision("", v.Function, []lambda.ProvisionedTarget{{Version: v, Count: n}})
}

// alive counts the environments of a version that nobody has stopped.
func (s *stable) alive(v *lambda.Version) (n int) {
	for _, h := range s.environments() {
		h.s.mu.Lock()
		if h.v.Generation == v.Generation && h.stopped == "" && !h.dead {
			n++
		}
		h.s.mu.Unlock()
	}
	return n
}

// die is an environment that ends by itself.
func (h *horse) die() {
	h.s.mu.Lock()
	h.dead = true
	h.s.mu.Unlock()
	h.s.fleet.Left(h.id, "replaced after a failure", nil)
	h.s.fleet.Gone(h.id)
}

func (s *stable) allocated(v *lambda.Version, want lambda.Allocation) {
	s.t.Helper()
	if got := s.fleet.Allocation(v); got != want {
		s.t.Errorf("allocation %+v, want %+v", got, want)
	}
}

// together runs invocations at the same time and tells which environments served
// them, and how many were refused for which reason.
func (s *stable) together(v *lambda.Version, n int, takes string) (served map[string]int, refused map[string]int) {
	served, refused = map[string]int{}, map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			id, err := s.invoke(v, takes)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused[reason(err)]++
				return
			}
			served[id]++
		})
	}
	all.Wait()
	return served, refused
}

func (s *stable) why(id string) lambda.Initialization {
	for _, h := range s.environments() {
		if h.id == id {
			return h.why
		}
	}
	return ""
}

// TestProvisioned: F163, F170, §8.7: environments are initialised before anybody
// calls; they are used first, and the overflow runs on demand.
func TestProvisioned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.allocated(v, lambda.Allocation{})
		s.provision(v, 2)
		synctest.Wait()
		s.allocated(v, lambda.Allocation{Allocated: 2})
		time.Sleep(time.Second)
		s.allocated(v, lambda.Allocation{Allocated: 2, Available: 2})
		for range 3 {
			served, _ := s.together(v, 3, "200ms")
			count := map[lambda.Initialization]int{}
			for id := range served {
				count[s.why(id)]++
			}
			if count[lambda.InitProvisioned] != 2 || count[lambda.InitOnDemand] != 1 {
				t.Errorf("three at once ran in %v", count)
			}
			synctest.Wait()
			if id, _ := s.invoke(v, "1ms"); s.why(id) != lambda.InitProvisioned {
				t.Errorf("one ran in %s though a provisioned one was idle", id)
			}
			synctest.Wait()
		}
		c := s.fleet.Counters().Functions[0]
		if got := c.Versions[0]; got.Allocated != 2 || got.ProvisionedConcurrencyInvocations != 9 || got.ProvisionedConcurrencySpilloverCount != 3 {
			t.Errorf("counters %+v", got)
		}
	})
}

// TestProvisionedCounters: what runs is counted while it runs.
func TestProvisionedCounters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10, Account: 3, Reserve: reservations{"f": 2}})
		defer s.fleet.Close(t.Context())
		v, other := numbered("f", "1", 128), version("other", 128)
		s.provision(v, 2)
		time.Sleep(time.Second)
		go func() { _, _ = s.invoke(v, "1s") }()
		go func() { _, _ = s.invoke(other, "1s") }()
		time.Sleep(500 * time.Millisecond)
		if _, err := s.invoke(other, "1s"); reason(err) != "ConcurrentInvocationLimitExceeded" {
			t.Error(err)
		}
		c := s.fleet.Counters()
		if c.ConcurrentExecutions != 2 || c.UnreservedConcurrentExecutions != 1 || len(c.Functions) != 2 {
			t.Fatalf("counters %+v", c)
		}
		f, o := c.Functions[0], c.Functions[1]
		if f.Function != "f" || f.ConcurrentExecutions != 1 || f.Versions[0].ProvisionedConcurrencyUtilization() != 0.5 ||
			o.ConcurrentExecutions != 1 || o.Throttles != 1 || f.Throttles != 0 {
			t.Errorf("counters %+v", c)
		}
		time.Sleep(3 * time.Second)
		if c := s.fleet.Counters(); c.ConcurrentExecutions != 0 || c.UnreservedConcurrentExecutions != 0 {
			t.Errorf("afterwards %+v", c)
		}
		s.provision(v, 0)
		time.Sleep(3 * time.Hour)
		_, _ = s.invoke(other, "1ms")
		for _, f := range s.fleet.Counters().Functions {
			if f.Function == "f" {
				t.Errorf("a function that nobody calls is still counted: %+v", f)
			}
		}
	})
}

// TestProvisionedStays: §8.7: they outlive the idle timeout, are replaced ahead
// of the end of their lives, and there are never fewer than the target.
func TestProvisionedStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := wide
		limits.Idle, limits.Lifetime = time.Minute, time.Hour
		s := newStable(t, Config{Limits: limits, Waiters: 10})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.provision(v, 3)
		time.Sleep(50 * time.Minute)
		if made := len(s.environments()); made != 3 {
			t.Errorf("%d were made in 50 minutes, want 3", made)
		}
		for range 600 {
			time.Sleep(time.Second)
			if a := s.fleet.Allocation(v); a.Available < 3 {
				t.Fatalf("only %d are available while they are replaced", a.Available)
			}
		}
		made := s.environments()
		for i, h := range made {
			if want := map[bool]string{true: placement.ReasonRenewed}[i < 3]; h.stopped != want {
				t.Errorf("%s of %d was stopped for %q, want %q", h.id, len(made), h.stopped, want)
			}
		}
		if len(made) != 6 {
			t.Errorf("%d were made in an hour, want 6", len(made))
		}
		s.allocated(v, lambda.Allocation{Allocated: 3, Available: 3})
	})
}

// TestProvisionedReplaced: one that dies is replaced.
func TestProvisionedReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.provision(v, 2)
		time.Sleep(time.Second)
		s.environments()[0].die()
		synctest.Wait()
		s.allocated(v, lambda.Allocation{Allocated: 2, Available: 1})
		time.Sleep(time.Second)
		s.allocated(v, lambda.Allocation{Allocated: 2, Available: 2})
	})
}

// TestProvisionedInitFails: §8.7: FAILED with AWS's reason, tried again later and
// later, and all is well when it succeeds; the one that could not be made for a
// reason of ours has another word.
func TestProvisionedInitFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.sick = true
		s.provision(v, 1)
		time.Sleep(500 * time.Millisecond)
		s.allocated(v, lambda.Allocation{Failed: lambda.ReasonInitFailure})
		time.Sleep(time.Hour)
		if tries := len(s.environments()); tries < 10 || tries > 30 {
			t.Errorf("tried %d times in an hour", tries)
		}
		s.mu.Lock()
		s.sick, s.broken = false, errors.New("no disk")
		s.mu.Unlock()
		time.Sleep(2 * lastPause)
		s.allocated(v, lambda.Allocation{Failed: lambda.ReasonInternalError})
		s.mu.Lock()
		s.broken = nil
		s.mu.Unlock()
		s.provision(v, 1) // asked for again: at once
		time.Sleep(time.Second)
		s.allocated(v, lambda.Allocation{Allocated: 1, Available: 1})
	})
}

// TestProvisionedMoves: F169: what an alias has stays until the new version's
// environments stand, and then goes.
func TestProvisionedMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		one, two := numbered("f", "1", 128), numbered("f", "2", 128)
		s.provision(one, 2)
		time.Sleep(time.Second)
		s.provision(two, 2)
		synctest.Wait()
		s.allocated(two, lambda.Allocation{Allocated: 2, Held: 2})
		time.Sleep(time.Second)
		s.allocated(two, lambda.Allocation{Allocated: 2, Available: 2})
		if n := s.alive(one); n != 0 {
			t.Errorf("%d of the old version are left", n)
		}
		s.provision(two, 1) // fewer, at once
		time.Sleep(time.Second)
		s.allocated(two, lambda.Allocation{Allocated: 1, Available: 1})
		s.fleet.Retired(two.Generation)
		time.Sleep(time.Second)
		if n := s.alive(two); n != 0 {
			t.Errorf("%d of a deleted version are left", n)
		}
		s.allocated(two, lambda.Allocation{})
	})
}

// TestAllProvisionedMoves: when all of the reservation is provisioned and an alias
// takes it to another version, callers of the one that serves meanwhile are admitted
// as before, and both versions together no more than that.
func TestAllProvisionedMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10, Reserve: reservations{"f": 2}})
		defer s.fleet.Close(t.Context())
		one, two := numbered("f", "1", 128), numbered("f", "2", 128)
		s.provision(one, 2)
		time.Sleep(time.Second)
		s.provision(two, 2)
		synctest.Wait()
		const exceeded = "ReservedFunctionConcurrentInvocationLimitExceeded"
		if served, refused := s.together(one, 3, "20ms"); len(served) != 2 || refused[exceeded] != 1 {
			t.Errorf("of the old version %v ran, refused %v", served, refused)
		}
		go func() { _, _ = s.invoke(one, "10ms") }()
		synctest.Wait()
		if served, refused := s.together(two, 2, "1ms"); len(served) != 1 || refused[exceeded] != 1 {
			t.Errorf("beside one of the old version %v of the new one ran, refused %v", served, refused)
		}
		time.Sleep(time.Second)
		if _, err := s.invoke(one, "1ms"); reason(err) != exceeded {
			t.Errorf("the old version, when all has moved: %v", err)
		}
	})
}

// TestProvisionedMoreThanTheHostHas says so, and what fits is there.
func TestProvisionedMoreThanTheHostHas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 10, MemoryMiB: 1024}, Waiters: 10})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 512)
		_, _ = s.invoke(version("idle", 1024), "1ms")
		synctest.Wait()
		s.provision(v, 3)
		time.Sleep(time.Minute)
		s.allocated(v, lambda.Allocation{Allocated: 2, Available: 2, Failed: lambda.ReasonCapacity})
		if got := s.environments()[0].stopped; got != placement.ReasonEvicted {
			t.Errorf("the idle one was stopped for %q", got)
		}
		s.provision(v, 2)
		s.allocated(v, lambda.Allocation{Allocated: 2, Available: 2})
	})
}

// TestAllProvisioned: F162: when all of the reservation is provisioned, other
// versions cannot run, and the version itself never more than that.
func TestAllProvisioned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10, Reserve: reservations{"f": 2}})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.provision(v, 2)
		time.Sleep(time.Second)
		const exceeded = "ReservedFunctionConcurrentInvocationLimitExceeded"
		if _, err := s.invoke(version("f", 128), "1ms"); reason(err) != exceeded {
			t.Errorf("$LATEST: %v", err)
		}
		for range 3 {
			if served, refused := s.together(v, 4, "500ms"); len(served) != 2 || refused[exceeded] != 2 {
				t.Errorf("four at once: %v ran, refused %v", served, refused)
			}
			time.Sleep(time.Second)
		}
		if n := len(s.environments()); n != 2 {
			t.Errorf("%d environments, want 2", n)
		}
	})
}

// TestOneCallerIsNotTwo: whoever calls again as soon as it has its answer is
// within a reservation of one, whether the runtime has asked for more or not;
// one whose environment's extensions work on is not.
func TestOneCallerIsNotTwo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10, Account: 3, Reserve: reservations{"f": 1, "p": 1}})
		defer s.fleet.Close(t.Context())
		ahead := numbered("p", "1", 128)
		s.provision(ahead, 1)
		time.Sleep(time.Second)
		const reserved, account = "ReservedFunctionConcurrentInvocationLimitExceeded", "ConcurrentInvocationLimitExceeded"
		for _, f := range []struct {
			v    *lambda.Version
			late string
		}{{version("f", 128), reserved}, {ahead, reserved}, {version("g", 128), account}} {
			v := f.v
			for _, c := range []struct {
				after time.Duration
				want  string
			}{{time.Millisecond, "<nil>"}, {time.Second, f.late}} {
				m, err := s.fleet.lease(t.Context(), v, false)
				if err != nil {
					t.Fatal(err)
				}
				s.fleet.Settled(m.id, 5*time.Millisecond)
				go func() { time.Sleep(c.after); s.fleet.Vacant(m.id) }()
				time.Sleep(min(c.after-1, 10*time.Millisecond))
				if _, err := s.invoke(v, "0s"); reason(err) != c.want {
					t.Errorf("%s, back after %s: %v", v.Function, c.after, err)
				}
				time.Sleep(10 * time.Second)
			}
		}
	})
}

// TestOneCallerOfManyVersions: nor is one whose alias leads to another version each
// time, by its weights or because it moves, with all of it provisioned or nothing.
func TestOneCallerOfManyVersions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10, Reserve: reservations{"f": 1, "p": 1}})
		defer s.fleet.Close(t.Context())
		ahead := [2]*lambda.Version{numbered("p", "1", 128), numbered("p", "2", 128)}
		s.provision(ahead[0], 1)
		time.Sleep(time.Second)
		for _, versions := range [][2]*lambda.Version{{numbered("f", "1", 128), numbered("f", "2", 128)}, ahead} {
			m, err := s.fleet.lease(t.Context(), versions[0], false)
			if err != nil {
				t.Fatal(err)
			}
			if versions == ahead {
				s.provision(ahead[1], 1)
			}
			s.fleet.Settled(m.id, 5*time.Millisecond)
			go func() { time.Sleep(time.Millisecond); s.fleet.Vacant(m.id) }()
			if _, err := s.invoke(versions[1], "0s"); err != nil {
				t.Errorf("%s: %v", versions[1].Function, err)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// TestRequestRate: §8.1, §8.2: ten requests a second for each concurrency, with
// the reason and Retry-After; asynchronous ones are not bound.
func TestRequestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10, Account: 4, Reserve: reservations{"f": 1}})
		defer s.fleet.Close(t.Context())
		count := func(name string, asynchronous bool) (ran int, refused error) {
			for range 100 {
				_, err := s.fleet.Invoke(t.Context(), version(name, 128), &lambda.Invocation{Payload: []byte("0s"), Asynchronous: asynchronous})
				if err != nil {
					refused = err
				} else {
					ran++
				}
				synctest.Wait()
			}
			return ran, refused
		}
		for name, want := range map[string]struct {
			ran    int
			reason string
		}{"f": {10, "ReservedFunctionInvocationRateLimitExceeded"}, "g": {30, "FunctionInvocationRateLimitExceeded"}} {
			time.Sleep(time.Minute)
			ran, refused := count(name, false)
			var e *lambda.Error
			// Making the environment takes a tenth of a second, in which a tenth comes back.
			if ran < want.ran || ran > want.ran*11/10 || reason(refused) != want.reason || !errors.As(refused, &e) || e.Kind != lambda.Throttled || e.Message != "Rate Exceeded." || e.RetryAfter != time.Second {
				t.Errorf("%s: %d ran, then %+v", name, ran, refused)
			}
			if ran, refused := count(name, true); ran != 100 {
				t.Errorf("%s: %d asynchronous ones ran, then %v", name, ran, refused)
			}
		}
	})
}

// TestGrowth: §8.1: a function that wants more new environments than it may have
// is refused at once; others are not.
func TestGrowth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 5000, MemoryMiB: 1 << 20}, Waiters: 5000, Account: 5000})
		defer s.fleet.Close(t.Context())
		served, refused := s.together(version("f", 128), 1100, "1s")
		if len(served) != 1000 || refused["ConcurrentInvocationLimitExceeded"] != 100 {
			t.Errorf("%d ran, refused %v", len(served), refused)
		}
		if served, refused := s.together(version("g", 128), 100, "1s"); len(served) != 100 {
			t.Errorf("of another function %d ran, refused %v", len(served), refused)
		}
	})
}

// TestStormLeavesShares: a storm of one function on a full host takes nothing of
// what is set aside for others: B's reserved callers get the next room and are
// never refused, C's provisioned environments serve at once.
func TestStormLeavesShares(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 8, MemoryMiB: 1024}, Waiters: 50, Account: 1000, Reserve: reservations{"b": 3}})
		defer s.fleet.Close(t.Context())
		c := numbered("c", "1", 128)
		s.provision(c, 2)
		time.Sleep(time.Second)
		storm, stop := version("a", 128), make(chan struct{})
		var all sync.WaitGroup
		for range 80 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if _, err := s.invoke(storm, "100ms"); err != nil {
							time.Sleep(10 * time.Millisecond)
						}
					}
				}
			})
		}
		time.Sleep(5 * time.Second) // six are of the storm now, and more than fifty wait
		for round := range 5 {
			began := time.Now()
			if id, err := s.invoke(c, "1ms"); err != nil || s.why(id) != lambda.InitProvisioned || time.Since(began) != time.Millisecond {
				t.Errorf("round %d: provisioned: %s, %v after %s", round, id, err, time.Since(began))
			}
			began = time.Now()
			served, refused := s.together(version("b", 128), 3, "100ms")
			// The storm's invocation ends, its environment goes, another one comes.
			if len(refused) != 0 || len(served) > 3 || time.Since(began) > 700*time.Millisecond {
				t.Errorf("round %d: reserved: %v ran, refused %v after %s", round, served, refused, time.Since(began))
			}
			time.Sleep(3 * time.Second)
		}
		close(stop)
		all.Wait()
		if n := s.fleet.Counters().Functions[1].Throttles; n != 0 {
			t.Errorf("b was refused %d times", n)
		}
	})
}

// TestStormsShareTheHost: two functions that both want all of a host get half of
// it each, whoever came first, and a third one its third.
func TestStormsShareTheHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 12, MemoryMiB: 100_000}, Waiters: 1000, Account: 1000})
		defer s.fleet.Close(t.Context())
		stop := make(chan struct{})
		var all sync.WaitGroup
		for i := range 3 {
			v := version(fmt.Sprint("f", i), 128)
			for range 40 {
				all.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							_, _ = s.invoke(v, "1s")
						}
					}
				})
			}
			time.Sleep(30 * time.Second)
			for j := range i + 1 {
				if n := s.alive(version(fmt.Sprint("f", j), 128)); n < 12/(i+1)-1 || n > 12/(i+1)+1 {
					t.Errorf("with %d storms f%d has %d of 12", i+1, j, n)
				}
			}
		}
		close(stop)
		all.Wait()
	})
}

// TestUnprovisionedUnderStorm: what is no longer provisioned ends though its
// function has a caller for it at any time, and others get their share of the room.
func TestUnprovisionedUnderStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 4, MemoryMiB: 512}, Waiters: 100})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.provision(v, 4)
		time.Sleep(time.Second)
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() { s.storm(v, 20, stop); close(ended) }()
		time.Sleep(time.Second)
		s.provision(v, 1)
		time.Sleep(time.Second)
		if a := s.fleet.Allocation(v); a.Available != 1 {
			t.Errorf("one is provisioned, there is %+v", a)
		}
		s.provision(v, 0)
		if _, err := s.invoke(version("g", 128), "1ms"); err != nil {
			t.Errorf("of another function: %v", err)
		}
		time.Sleep(time.Second)
		for _, h := range s.environments() {
			if ended := h.ended(); h.why == lambda.InitProvisioned && ended != placement.ReasonSurplus {
				t.Errorf("%s was stopped for %q", h.id, ended)
			}
		}
		close(stop)
		<-ended
	})
}

// TestRenewedUnderStorm: provisioned environments that are never idle are
// replaced at their age too.
func TestRenewedUnderStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := wide
		limits.Environments, limits.Lifetime = 4, 8*time.Minute
		s := newStable(t, Config{Limits: limits, Waiters: 100})
		defer s.fleet.Close(t.Context())
		v := numbered("f", "1", 128)
		s.provision(v, 3)
		time.Sleep(time.Second)
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() { s.storm(v, 20, stop); close(ended) }()
		time.Sleep(10 * time.Minute)
		close(stop)
		<-ended
		renewed := 0
		for _, h := range s.environments() {
			if h.ended() == placement.ReasonRenewed {
				renewed++
			}
		}
		if renewed != 3 {
			t.Errorf("%d were renewed, want 3", renewed)
		}
		s.allocated(v, lambda.Allocation{Allocated: 3, Available: 3})
	})
}

// TestProvisionedIsNotCountedTwice: a storm on a version with provisioned
// concurrency has that, and no more of the rest of the host than another storm.
func TestProvisionedIsNotCountedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 6, MemoryMiB: 768}, Waiters: 100})
		defer s.fleet.Close(t.Context())
		v, other := numbered("f", "1", 128), version("g", 128)
		s.provision(v, 2)
		time.Sleep(time.Second)
		stop := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { s.storm(v, 20, stop) })
		all.Go(func() { s.storm(other, 20, stop) })
		time.Sleep(10 * time.Second)
		for range 20 {
			time.Sleep(time.Second)
			if f, g := s.alive(v), s.alive(other); f != 4 || g != 2 {
				t.Errorf("%d of the one, %d of the other", f, g)
			}
		}
		if n := len(s.environments()); n > 12 {
			t.Errorf("%d were made", n)
		}
		close(stop)
		all.Wait()
	})
}

// TestVersionsShareTheRoomOfTheirFunction: a storm on one version does not keep
// callers of another out.
func TestVersionsShareTheRoomOfTheirFunction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 4, MemoryMiB: 512}, Waiters: 100})
		defer s.fleet.Close(t.Context())
		one, two := numbered("f", "1", 128), numbered("f", "2", 128)
		stop := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { s.storm(one, 20, stop) })
		time.Sleep(5 * time.Second)
		if _, err := s.invoke(two, "1ms"); err != nil {
			t.Errorf("of the other version: %v", err)
		}
		all.Go(func() { s.storm(two, 20, stop) })
		time.Sleep(10 * time.Second)
		if a, b := s.alive(one), s.alive(two); a != 2 || b != 2 {
			t.Errorf("%d of the one, %d of the other", a, b)
		}
		close(stop)
		all.Wait()
	})
}
