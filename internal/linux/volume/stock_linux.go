package volume

import (
	"slices"
	"sync"
	"time"
)

// When volumes are made: whoever took one has better use for the processors, and
// for the lock that the kernel has on all mounts, just then.
const (
	// calm is how long nobody must have taken one.
	calm = 100 * time.Millisecond
	// urgent is the same when there is none of a size.
	urgent = 25 * time.Millisecond
	// patience bounds both under takes that do not end.
	patience = 250 * time.Millisecond
)

// stock is volumes that nobody has had yet, of the sizes that are asked for.
type stock struct {
	maker *Maker
	most  int // of all sizes together

	mu      sync.Mutex // guards what follows
	ready   []*Volume  // oldest first
	recent  []int      // sizes in MiB, the last asked for first
	last    time.Time  // when one was asked for
	short   time.Time  // since when one has been missing; zero: all are there
	timer   *time.Timer
	closed  bool
	refills sync.WaitGroup
}

// Keep makes the maker keep volumes ready, of the sizes asked for last: half of
// them of the last size, and never more than most in all.
func (m *Maker) Keep(most int) {
	m.stock = &stock{maker: m, most: most}
}

// take gives a volume of the size that is ready, nil when none is, and sees to
// the next.
func (s *stock) take(mib int) *Volume {
	if s == nil || s.most <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.recent = append([]int{mib}, slices.DeleteFunc(s.recent, func(size int) bool { return size == mib })...)
	s.recent = s.recent[:min(len(s.recent), s.most)]
	defer s.wanting(mib)
	for i, v := range s.ready {
		if v.mib == mib {
			s.ready = slices.Delete(s.ready, i, i+1)
			return v
		}
	}
	return nil
}

// expect has volumes made of a size that nobody has asked for, if none was of any.
func (s *stock) expect(mib int) {
	if s == nil || s.most <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.recent) > 0 {
		return
	}
	s.recent = []int{mib}
	s.wanting(mib)
}

// wanting sees to it that what is missing is made, in a while. It is called with
// mu held.
func (s *stock) wanting(mib int) {
	s.last = time.Now()
	if s.short.IsZero() {
		s.short = s.last
	}
	pause := s.pause(mib, s.last)
	if s.timer == nil {
		s.refills.Add(1)
		s.timer = time.AfterFunc(pause, s.refill)
	} else if s.timer.Stop() { // else refill is at work, and looks itself
		s.timer.Reset(pause)
	}
}

// pause is how long nothing may be made yet of a size that is missing. It is
// called with mu held.
func (s *stock) pause(mib int, now time.Time) time.Duration {
	wait := calm
	if s.have(mib) == 0 {
		wait = urgent
	}
	return min(s.last.Add(wait).Sub(now), s.short.Add(patience).Sub(now))
}

// refill makes what is missing, one after the other. A size that cannot be made
// is left to who asks for it and is told why.
func (s *stock) refill() {
	defer s.refills.Done()
	for {
		mib, old := s.missing()
		if old != nil {
			_ = old.Close() // it is gone when the kernel has cleared its device
		}
		if mib == 0 {
			return
		}
		v, err := s.maker.fresh(mib)
		s.mu.Lock()
		if err == nil && !s.closed {
			s.ready = append(s.ready, v)
		} else if err == nil {
			_ = v.Close()
		}
		if err != nil {
			s.recent = slices.DeleteFunc(s.recent, func(size int) bool { return size == mib })
		}
		s.mu.Unlock()
	}
}

// missing tells the size to make now, and a volume that has to make room for it.
// When nothing is missing the next take begins anew, and when it is too early, a
// later refill.
func (s *stock) missing() (mib int, old *Volume) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wants := wanted(s.recent, s.most)
	for _, size := range s.recent {
		if s.have(size) < wants[size] && (mib == 0 || s.have(size) == 0 && s.have(mib) > 0) {
			mib = size
		}
	}
	if mib == 0 || s.closed {
		s.timer, s.short = nil, time.Time{}
		return 0, nil
	}
	if wait := s.pause(mib, time.Now()); wait > 0 {
		s.refills.Add(1)
		s.timer = time.AfterFunc(wait, s.refill)
		return 0, nil
	}
	if len(s.ready) >= s.most {
		old = s.surplus(wants)
	}
	return mib, old
}

// wanted shares out the places: half of those that are left for each size, the
// rest for the last one.
func wanted(recent []int, room int) map[int]int {
	wants := map[int]int{}
	for i, size := range recent {
		n := (room + 1) / 2
		if i == len(recent)-1 && i > 0 {
			n = room
		}
		wants[size] = n
		room -= n
	}
	return wants
}

func (s *stock) have(mib int) (n int) {
	for _, v := range s.ready {
		if v.mib == mib {
			n++
		}
	}
	return n
}

// surplus takes out a volume of which there are more than wanted. There is one
// when all places are taken and a size has too few.
func (s *stock) surplus(wants map[int]int) *Volume {
	for i, v := range s.ready {
		if s.have(v.mib) > wants[v.mib] {
			s.ready = slices.Delete(s.ready, i, i+1)
			return v
		}
	}
	return nil
}

// close lets all go that nobody has had.
func (s *stock) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.closed = true
	if s.timer != nil && s.timer.Stop() {
		s.refills.Done()
	}
	ready := s.ready
	s.ready = nil
	s.mu.Unlock()
	s.refills.Wait()
	for _, v := range ready {
		_ = v.Close()
	}
}
