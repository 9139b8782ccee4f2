package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/lifecycle"
	"lambent/internal/placement"
)

// stable is a fleet whose environments are fakes that obey the test.
type stable struct {
	t     *testing.T
	fleet *Fleet

	mu     sync.Mutex
	made   []*horse
	broken error // Make makes environments that cannot be made
	refuse bool  // environments take nothing
	sick   bool  // environments made ahead fail to initialise
}

// horse is a fake environment: vacant after 100 ms, busy for what the event says.
type horse struct {
	s       *stable
	id      string
	v       *lambda.Version
	why     lambda.Initialization
	stopped string
	served  int
	relaxed int
	dead    bool
}

func newStable(t *testing.T, c Config) *stable {
	s := &stable{t: t}
	c.Log = slog.New(slog.DiscardHandler)
	c.Make = s.make
	if c.Account == 0 {
		c.Account = 1000
	}
	if c.Wait == 0 {
		c.Wait = time.Minute
	}
	n := 0
	c.NewID = func() string { n++; return fmt.Sprint("e", n) }
	s.fleet = New(c)
	return s
}

func (s *stable) make(id string, v *lambda.Version, why lambda.Initialization) Environment {
	h := &horse{s: s, id: id, v: v, why: why}
	s.mu.Lock()
	s.made = append(s.made, h)
	broken, sick := s.broken, s.sick && why == lambda.InitProvisioned
	s.mu.Unlock()
	go func() {
		time.Sleep(100 * time.Millisecond)
		if broken != nil {
			s.fleet.Left(id, "sandbox failed", broken)
			s.fleet.Gone(id)
			return
		}
		if sick {
			s.fleet.Left(id, "replaced after a failure", nil)
			s.fleet.Gone(id)
			return
		}
		s.fleet.Vacant(id)
	}()
	return h
}

func (h *horse) Invoke(ctx context.Context, inv *lambda.Invocation) (lambda.Result, error) {
	h.s.mu.Lock()
	refuse := h.s.refuse
	h.s.refuse = false
	h.served++
	h.s.mu.Unlock()
	if refuse {
		go func() { h.s.fleet.Left(h.id, "gone", nil); h.s.fleet.Gone(h.id) }()
		return lambda.Result{}, lifecycle.ErrTaken
	}
	d, err := time.ParseDuration(string(inv.Payload))
	if err != nil {
		return lambda.Result{}, err
	}
	done := make(chan struct{})
	go func() { time.Sleep(d); close(done); h.s.fleet.Vacant(h.id) }()
	select {
	case <-done:
		return lambda.Result{Version: h.id}, nil
	case <-ctx.Done():
		return lambda.Result{}, ctx.Err()
	}
}

func (h *horse) Stop(reason string, atOnce bool) {
	h.s.mu.Lock()
	h.stopped = reason
	h.s.mu.Unlock()
	go func() {
		if !atOnce && reason == "shutdown" {
			time.Sleep(time.Second)
		}
		h.s.fleet.Left(h.id, reason, nil)
		h.s.fleet.Gone(h.id)
	}()
}

// ended is why it was stopped, empty if it was not.
func (h *horse) ended() string { h.s.mu.Lock(); defer h.s.mu.Unlock(); return h.stopped }

func (h *horse) Relax() { h.s.mu.Lock(); h.relaxed++; h.s.mu.Unlock() }

func (s *stable) environments() []*horse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.made)
}

func (s *stable) invoke(v *lambda.Version, takes string) (string, error) {
	r, err := s.fleet.Invoke(s.t.Context(), v, &lambda.Invocation{Payload: []byte(takes)})
	return r.Version, err
}

func version(name string, memory int) *lambda.Version {
	return &lambda.Version{Function: name, Number: lambda.Latest, Generation: "g-" + name, MemoryMB: memory}
}

var wide = placement.Limits{Environments: 100, MemoryMiB: 100_000}

func reason(err error) string {
	var e *lambda.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return fmt.Sprint(err)
}

// TestWarm: S8, S22: an idle environment is used again, the most recently used first.
func TestWarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		f := version("f", 128)
		var both sync.WaitGroup
		for i := range 2 { // two at a time need two
			both.Go(func() { _, _ = s.invoke(f, fmt.Sprintf("%dms", 10+i)) })
		}
		both.Wait()
		synctest.Wait()
		last, _ := s.invoke(f, "1ms")
		for range 5 {
			if got, err := s.invoke(f, "1ms"); got != last || err != nil {
				t.Errorf("got %s (%v), want the most recently used %s", got, err, last)
			}
			synctest.Wait()
		}
		if n := len(s.environments()); n != 2 {
			t.Errorf("%d environments, want 2", n)
		}
	})
}

// TestComesBack: a caller who calls again at once waits for the environment that
// has just answered it, but not for one whose extensions work on.
func TestComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		f := version("f", 128)
		for _, c := range []struct {
			after time.Duration // from the answer to being vacant
			want  int           // environments that there are then
		}{{time.Millisecond, 1}, {time.Second, 2}} {
			m, err := s.fleet.lease(t.Context(), f, false)
			if err != nil {
				t.Fatal(err)
			}
			s.fleet.Settled(m.id, 5*time.Millisecond)
			go func() { time.Sleep(c.after); s.fleet.Vacant(m.id) }()
			if _, err := s.invoke(f, "1ms"); err != nil {
				t.Error(err)
			}
			if n := len(s.environments()); n != c.want {
				t.Errorf("back after %s: %d environments, want %d", c.after, n, c.want)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// TestOldestWaiterFirst: whoever waits longest gets the first that is free,
// even when another environment was started for it.
func TestOldestWaiterFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 1, MemoryMiB: 1000}, Waiters: 10})
		defer s.fleet.Close(t.Context())
		var order []int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				_, err := s.invoke(version("f", 128), "1s")
				mu.Lock()
				defer mu.Unlock()
				if order = append(order, i); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if !slices.IsSorted(order) || len(order) != 5 {
			t.Errorf("served in order %v", order)
		}
	})
}

// TestLimitsOfWaiting: the queue is bounded in length and in time, and what
// gives up leaves nothing behind.
func TestLimitsOfWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 1, MemoryMiB: 1000}, Waiters: 1, Wait: 5 * time.Second})
		defer s.fleet.Close(t.Context())
		f := version("f", 128)
		if _, err := s.invoke(f, "1ms"); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() { _, _ = s.invoke(f, "10s") })
		synctest.Wait()
		all.Go(func() {
			began := time.Now()
			if _, err := s.invoke(f, "1s"); reason(err) != "ConcurrentInvocationLimitExceeded" || time.Since(began) != 5*time.Second ||
				err.Error() != "Rate Exceeded. This host is full: it had no room for the caller within 5s (see --max-wait)." {
				t.Errorf("waited %s: %v", time.Since(began), err)
			}
		})
		synctest.Wait()
		if _, err := s.invoke(f, "1s"); reason(err) != "ConcurrentInvocationLimitExceeded" ||
			err.Error() != "Rate Exceeded. This host is full: 1 callers wait for room already (see --max-waiting)." {
			t.Errorf("a full queue: %v", err)
		}
		all.Wait()
		synctest.Wait()
		if _, err := s.invoke(f, "1s"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestSharesWaitOutOthers: a caller within what is reserved for its function is not
// refused because the invocation of another that has the room takes its time.
func TestSharesWaitOutOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 1, MemoryMiB: 1000}, Waiters: 10, Wait: 5 * time.Second, Reserve: reservations{"b": 1}})
		defer s.fleet.Close(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _, _ = s.invoke(version("a", 128), "15m") })
		time.Sleep(time.Second)
		began := time.Now()
		if _, err := s.invoke(version("b", 128), "1ms"); err != nil || time.Since(began) < 14*time.Minute {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		all.Wait()
	})
}

// TestCallerLeaves: a caller who hangs up while an environment is made for it
// leaves the environment to others.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.fleet.Invoke(ctx, version("f", 128), &lambda.Invocation{Payload: []byte("1s")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Second)
		if got, err := s.invoke(version("f", 128), "1ms"); got != "e1" || err != nil {
			t.Errorf("got %s, %v; want the one that was made", got, err)
		}
	})
}

// TestRoom: a full host gives the room of idle environments to who waits, and
// says so when a function can never fit.
func TestRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 2, MemoryMiB: 1024}, Waiters: 10})
		defer s.fleet.Close(t.Context())
		for _, name := range []string{"f", "g", "h"} {
			if _, err := s.invoke(version(name, 512), "1ms"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			time.Sleep(time.Second)
		}
		if got := s.environments()[0].stopped; got != placement.ReasonEvicted {
			t.Errorf("the least recently used was stopped for %q", got)
		}
		if _, err := s.invoke(version("big", 2048), "1ms"); lambda.KindOf(err) != lambda.NotReady {
			t.Errorf("a function larger than the host: %v", err)
		}
	})
}

// TestExpiry: S29, S30: idle ones end after their time, old ones after theirs.
func TestExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := wide
		limits.Idle, limits.Lifetime = time.Minute, 3*time.Minute
		s := newStable(t, Config{Limits: limits, Waiters: 10})
		defer s.fleet.Close(t.Context())
		_, _ = s.invoke(version("idle", 128), "1ms")
		for range 5 {
			_, _ = s.invoke(version("busy", 128), "1ms")
			time.Sleep(50 * time.Second)
		}
		got := s.environments()
		if got[0].stopped != placement.ReasonIdle || got[1].stopped != placement.ReasonLifetime {
			t.Errorf("stopped for %q and %q", got[0].stopped, got[1].stopped)
		}
	})
}

// TestRetired: no environment of an older generation serves or stays, and the
// one that is busy finishes first.
func TestRetired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		old, next := version("f", 128), version("f", 128)
		next.Generation = "g-2"
		_, _ = s.invoke(old, "1ms")
		synctest.Wait()
		s.fleet.Retired(old.Generation)
		synctest.Wait()
		if got := s.environments()[0].stopped; got != placement.ReasonRetired {
			t.Errorf("stopped for %q", got)
		}
		if got, err := s.invoke(next, "1ms"); got != "e2" || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

// TestSandboxesFail: what cannot be made is tried once more, then told.
func TestSandboxesFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		s.broken = errors.New("no disk")
		if _, err := s.invoke(version("f", 128), "1ms"); !errors.Is(err, s.broken) {
			t.Errorf("got %v", err)
		}
		if n := len(s.environments()); n != 2 {
			t.Errorf("tried %d times, want 2", n)
		}
		s.mu.Lock()
		s.broken = nil
		s.mu.Unlock()
		if _, err := s.invoke(version("f", 128), "1ms"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestTaken: an environment that ended between being given and being asked is
// replaced without the caller's noticing.
func TestTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 10})
		defer s.fleet.Close(t.Context())
		_, _ = s.invoke(version("f", 128), "1ms")
		synctest.Wait()
		s.mu.Lock()
		s.refuse = true
		s.mu.Unlock()
		if got, err := s.invoke(version("f", 128), "1ms"); err != nil || got != "e2" {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

type reservations map[string]int

func (r reservations) Reserved(name string) (int, bool) { n, ok := r[name]; return n, ok }
func (r reservations) ReservedTotal() (n int) {
	for _, m := range r {
		n += m
	}
	return n
}

// TestReservations: F159: a reservation is a ceiling, nothing reserved throttles
// wholly, and others cannot take what is reserved.
func TestReservations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: wide, Waiters: 100, Account: 5, Reserve: reservations{"none": 0, "two": 2}})
		defer s.fleet.Close(t.Context())
		if _, err := s.invoke(version("none", 128), "1s"); reason(err) != "ReservedFunctionConcurrentInvocationLimitExceeded" {
			t.Errorf("reserved 0: %v", err)
		}
		count := func(name string) (ran int, refused string) {
			var all sync.WaitGroup
			var mu sync.Mutex
			for range 6 {
				all.Go(func() {
					_, err := s.invoke(version(name, 128), "1s")
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						ran++
						return
					}
					refused = reason(err)
				})
			}
			all.Wait()
			return ran, refused
		}
		for range 2 { // the second time shows that everything was given back
			if ran, why := count("two"); ran != 2 || why != "ReservedFunctionConcurrentInvocationLimitExceeded" {
				t.Errorf("reserved 2: %d ran, others %s", ran, why)
			}
			if ran, why := count("other"); ran != 3 || why != "ConcurrentInvocationLimitExceeded" {
				t.Errorf("unreserved: %d ran, others %s", ran, why)
			}
		}
	})
}

// TestClose: nobody new, those in progress finish, nothing is left.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStable(t, Config{Limits: placement.Limits{Environments: 1, MemoryMiB: 1000}, Waiters: 10})
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.invoke(version("f", 128), "500ms"); err != nil {
				t.Errorf("in progress: %v", err)
			}
		})
		time.Sleep(200 * time.Millisecond)
		all.Go(func() {
			if _, err := s.invoke(version("f", 128), "1s"); lambda.KindOf(err) != lambda.Internal {
				t.Errorf("waiting: %v", err)
			}
		})
		synctest.Wait()
		s.fleet.Close(t.Context())
		s.fleet.Close(t.Context())
		if _, err := s.invoke(version("f", 128), "1s"); lambda.KindOf(err) != lambda.Internal {
			t.Errorf("afterwards: %v", err)
		}
		all.Wait()
	})
}

// TestStormLeavesNoneForEver: what a function always has a next caller for ends
// all the same: at the end of its life, one after the other, and nobody is refused
// for it.
func TestStormLeavesNoneForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := placement.Limits{Environments: 3, MemoryMiB: 1024, Lifetime: time.Minute}
		s := newStable(t, Config{Limits: limits, Waiters: 100})
		defer s.fleet.Close(t.Context())
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() { s.storm(version("f", 128), 20, stop); close(ended) }()
		time.Sleep(3 * time.Minute)
		close(stop)
		<-ended
		old := 0
		for _, h := range s.environments() {
			if h.ended() == placement.ReasonLifetime {
				old++
			}
		}
		if old < 6 || old > 9 { // three at a time, in three minutes
			t.Errorf("%d of %d ended of old age", old, len(s.environments()))
		}
	})
}

// storm is so many callers who call again at once, until stop.
func (s *stable) storm(v *lambda.Version, callers int, stop chan struct{}) {
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.invoke(v, "100ms"); err != nil {
					s.t.Errorf("%s: %v", v.Function, err)
					return
				}
			}
		})
	}
	all.Wait()
}
