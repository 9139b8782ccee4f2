package simulated

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// Faults are the chances of trouble. The zero value is a host on which all goes
// well and nothing takes time.
type Faults struct {
	CreateFails  float64 // Create or Begin returns an error
	FinishFails  float64 // Finish returns an error
	ListenFails  float64 // Listen returns an error
	StartFails   float64 // Start returns an error
	StartHangs   float64 // Start returns only when its context ends
	FreezeFails  float64 // Freeze returns an error and freezes nothing
	ThawFails    float64 // Thaw returns an error and thaws nothing
	KillFails    float64 // Kill returns an error and kills nothing
	DestroyFails float64 // Destroy returns an error and must be called again
	TmpFull      float64 // a write to /tmp meets ENOSPC whatever is free

	CreateSlow, FinishSlow, StartSlow, FreezeSlow, ThawSlow, KillSlow, DestroySlow Delay

	ProcessDies Delay // a process is ended by SIGSEGV, so long after its start
	ProcessOOM  Delay // the same by the kernel for want of memory
}

// Delay is a chance to be late, by up to Max.
type Delay struct {
	Chance float64
	Max    time.Duration
}

// Fault is an error that was drawn, not caused.
type Fault struct {
	Act string
	Err error
}

func (f *Fault) Error() string { return fmt.Sprintf("simulated fault: %s: %v", f.Act, f.Err) }
func (f *Fault) Unwrap() error { return f.Err }

// fate draws what happens to one sandbox or one process.
type fate struct {
	mu   sync.Mutex
	dice *rand.Rand // mu
}

func newFate(seed uint64, parts ...string) *fate {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return &fate{dice: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// reseed is the fate of another ID from here on.
func (f *fate) reseed(seed uint64, parts ...string) {
	other := newFate(seed, parts...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dice = other.dice
}

func (f *fate) happens(chance float64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dice.Float64() < chance
}

// late draws a delay. It is at least a nanosecond when there is one.
func (f *fate) late(d Delay) (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dice.Float64() >= d.Chance || d.Max <= 0 {
		return 0, false
	}
	return 1 + time.Duration(f.dice.Int64N(int64(d.Max))), true
}

// fails draws whether an act fails.
func (f *fate) fails(act string, chance float64) error {
	if f.happens(chance) {
		return &Fault{Act: act, Err: syscall.EIO}
	}
	return nil
}
