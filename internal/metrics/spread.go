package metrics

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// spread counts durations so closely that percentiles can be told of them: eight
// buckets for each doubling, so that a bucket is an eighth of its value wide at the
// most. It has a bucket for whatever a function may take, and counts what is beyond
// in the last one. Most functions need few of them: a doubling's are made when
// something is first counted there.
type spread struct {
	doublings [buckets / fine]atomic.Pointer[doubling]
}

// doubling is the buckets from a duration up to twice that.
type doubling struct {
	counts [fine]atomic.Uint32 // they go round; a minute does not have so many
	before [fine]uint32        // history.mu; what they were at the end of the last minute
}

const (
	unitBits = 13 // of nanoseconds that make no difference: 8 µs
	fine     = 8  // buckets for each doubling
	buckets  = 25 * fine
)

func (s *spread) add(d time.Duration) {
	i := bucketOf(d)
	at := &s.doublings[i/fine]
	if at.Load() == nil {
		at.CompareAndSwap(nil, new(doubling))
	}
	at.Load().counts[i%fine].Add(1)
}

// parts are the buckets that the minute has filled so far. At its end the next one is
// begun. history.mu is held.
func (s *spread) parts(end bool) (all []part) {
	for i := range s.doublings {
		d := s.doublings[i].Load()
		if d == nil {
			continue
		}
		for j := range d.counts {
			now := d.counts[j].Load()
			if n := now - d.before[j]; n > 0 {
				all = append(all, part{uint8(i*fine + j), n})
			}
			if end {
				d.before[j] = now
			}
		}
	}
	return all
}

// bucketOf is where a duration is counted.
func bucketOf(d time.Duration) int {
	units := uint64(max(d, 0)) >> unitBits
	if units < fine {
		return int(units)
	}
	shift := bits.Len64(units) - 4 // what is left is from 8 to 15
	return min(shift*fine+int(units>>shift), buckets-1)
}

// bucketFrom is the least duration of a bucket.
func bucketFrom(i int) time.Duration {
	if i < 2*fine {
		return time.Duration(i) << unitBits
	}
	shift := i/fine - 1
	return time.Duration(i-shift*fine) << (unitBits + shift)
}

// extremes are the least and the greatest value since they were last asked for.
type extremes struct {
	least, greatest atomic.Int64 // of values plus one; 0: none
}

func (e *extremes) add(n int64) {
	n++
	for least := e.least.Load(); least == 0 || n < least; least = e.least.Load() {
		if e.least.CompareAndSwap(least, n) {
			break
		}
	}
	e.atMost(n)
}

func (e *extremes) atMost(n int64) {
	for greatest := e.greatest.Load(); n > greatest; greatest = e.greatest.Load() {
		if e.greatest.CompareAndSwap(greatest, n) {
			break
		}
	}
}

// read gives both, and forgets them if told to.
func (e *extremes) read(forget bool) (least, greatest int64) {
	if forget {
		return e.least.Swap(0) - 1, e.greatest.Swap(0) - 1
	}
	return e.least.Load() - 1, e.greatest.Load() - 1
}
