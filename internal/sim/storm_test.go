package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/placement"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// TestStormSeeds plays hosts on which some functions are sent many times what
// the host can do, beside one with a reservation and one with provisioned
// concurrency. Nothing else goes wrong, so what is promised to those two holds
// to the letter.
func TestStormSeeds(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), *seedsFlag/5 // a storm takes five times as long as another host
	switch {
	case *seedFlag != 0:
		first, last = *seedFlag, *seedFlag
	case testing.Short():
		last = 50
	}
	for seed := first; seed <= last; seed++ {
		synctest.Test(t, func(t *testing.T) { newStorm(t, seed).play() })
		if t.Failed() {
			t.Fatalf("seed %d failed; play it alone with: make sim SEED=%d", seed, seed)
		}
	}
}

// storm is one seed's host and functions.
type storm struct {
	t        *testing.T
	seed     uint64
	dice     *rand.Rand
	host     *host
	places   int // environments that fit
	storms   []*lambda.Version
	reserved *lambda.Version
	share    int // of reserved
	ahead    *lambda.Version
	target   int // of ahead
	longest  time.Duration

	mu     sync.Mutex
	served map[string]int // by function
}

const startsWithin = 250 * time.Millisecond // of every environment here

// shares is what functions have reserved.
type shares map[string]int

func (s shares) Reserved(function string) (int, bool) { n, ok := s[function]; return n, ok }
func (s shares) ReservedTotal() (n int) {
	for _, m := range s {
		n += m
	}
	return n
}

func newStorm(t *testing.T, seed uint64) *storm {
	dice := rand.New(rand.NewPCG(seed, 13))
	s := &storm{t: t, seed: seed, dice: dice, served: map[string]int{}, longest: time.Duration(100+dice.IntN(900)) * time.Millisecond}
	s.share, s.target = 1+dice.IntN(3), 1+dice.IntN(3)
	s.places = s.share + s.target + 2 + dice.IntN(8)
	s.reserved, s.ahead = function("reserved", 128, 10*time.Second), function("ahead", 128, 10*time.Second)
	s.ahead.Number = "1"
	for i := range 1 + dice.IntN(3) {
		s.storms = append(s.storms, function(string(rune('a'+i)), 128, 10*time.Second))
	}
	s.host = newHost(t, config{
		seed: seed, program: s.program, waiters: 5 + dice.IntN(50), account: 1000, reserve: shares{"reserved": s.share, "ahead": s.target},
		limits: placement.Limits{Environments: s.places, MemoryMiB: 128 * s.places, Starting: dice.IntN(8), Idle: time.Minute, Lifetime: time.Hour},
	})
	return s
}

func (s *storm) program(sandbox.Command) simulated.Program {
	s.mu.Lock()
	dice := rand.New(rand.NewPCG(s.dice.Uint64(), 3))
	s.mu.Unlock()
	return simulated.Runtime{
		Init: func(*simulated.Process) simulated.Turn {
			return simulated.Turn{Sleep: time.Duration(dice.IntN(200)) * time.Millisecond}
		},
		Invoke: func(*simulated.Process, simulated.Invocation) simulated.Turn {
			return simulated.Turn{Sleep: s.longest/2 + time.Duration(dice.Int64N(int64(s.longest/2)))}
		},
	}.Program
}

func (s *storm) play() {
	s.host.fleet.Provision(s.ahead.Account, s.ahead.Function, []lambda.ProvisionedTarget{{Version: s.ahead, Count: s.target}})
	time.Sleep(10 * time.Second)
	var all sync.WaitGroup
	stop := make(chan struct{})
	for _, f := range s.storms {
		for range 10 * s.places / len(s.storms) {
			all.Go(func() { s.call(stop, f) })
		}
	}
	time.Sleep(5 * time.Second) // the host is full
	var calm sync.WaitGroup
	for range s.share {
		calm.Go(func() { s.calls(s.reserved) })
	}
	for range s.target {
		calm.Go(func() { s.calls(s.ahead) })
	}
	calm.Wait()
	close(stop)
	all.Wait()
	s.checkServed()
	s.host.fleet.Close(context.Background())
	time.Sleep(time.Minute)
	if leaks := s.host.driver.Leaks(); leaks != "" {
		s.t.Errorf("seed %d: left behind:\n%s", s.seed, leaks)
	}
}

// call invokes until it is told to stop; what is refused tries again soon.
func (s *storm) call(stop chan struct{}, f *lambda.Version) {
	for {
		select {
		case <-stop:
			return
		default:
			if s.invoke(f) != nil {
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
}

func (s *storm) invoke(f *lambda.Version) error {
	_, err := s.host.fleet.Invoke(context.Background(), f, invocation(0, "{}"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.served[f.Function]++
	}
	return err
}

// calls is one of the callers whose share is set aside: it is never refused, and
// waits for no more than one invocation of a storm, the end of its environment,
// and a start for each of its like.
func (s *storm) calls(f *lambda.Version) {
	for range 5 {
		began := time.Now()
		err := s.invoke(f)
		waited := time.Since(began) - s.longest
		var refused *lambda.Error
		if errors.As(err, &refused) {
			s.t.Errorf("seed %d: %s is refused: %s", s.seed, f.Function, refused.Reason)
		}
		most := time.Duration(0)
		if f == s.reserved {
			most = s.longest + time.Duration(s.share+1)*2*startsWithin
		}
		if waited > most {
			s.t.Errorf("seed %d: %s waited %s, %s is what it may take", s.seed, f.Function, waited, most)
		}
		s.mu.Lock()
		pause := time.Duration(s.dice.Int64N(int64(3 * time.Second)))
		s.mu.Unlock()
		time.Sleep(pause)
	}
}

// checkServed: no storm is left out for the others, and there is no less of
// what is provisioned than there should be.
func (s *storm) checkServed() {
	for _, f := range s.storms {
		if s.served[f.Function] == 0 {
			s.t.Errorf("seed %d: nobody served %s", s.seed, f.Function)
		}
	}
	if a := s.host.fleet.Allocation(s.ahead); a.Available != s.target {
		s.t.Errorf("seed %d: %d are provisioned, there is %+v", s.seed, s.target, a)
	}
}
