package volume

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWanted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		recent []int
		most   int
		want   map[int]int
	}{
		{nil, 8, map[int]int{}},
		{[]int{512}, 8, map[int]int{512: 4}},
		{[]int{512}, 1, map[int]int{512: 1}},
		{[]int{512, 1024}, 8, map[int]int{512: 4, 1024: 4}},
		{[]int{1, 2, 3}, 8, map[int]int{1: 4, 2: 2, 3: 2}},
		{[]int{1, 2, 3}, 2, map[int]int{1: 1, 2: 1, 3: 0}},
	} {
		if got := wanted(tt.recent, tt.most); !maps.Equal(got, tt.want) {
			t.Errorf("of %d places %v want %v, not %v", tt.most, tt.recent, tt.want, got)
		}
	}
}

// settled waits until the stock has what it wants. The timer that a take sets
// is gone by then.
func settled(t *testing.T, s *stock) {
	t.Helper()
	for range 6000 {
		s.mu.Lock()
		idle := s.timer == nil
		s.mu.Unlock()
		if idle {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the stock is never full")
}

// TestStock: what is ready is given out once, sizes make room for one another,
// and nothing is left when the maker closes.
func TestStock(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	letGo(t, makeVolume(t, m, 8))
	m.Keep(4)
	given := map[uint64]bool{}
	for _, mib := range []int{8, 8, 8, 16, 8, 16, 24, 16} {
		v, err := m.Make(mib)
		if err != nil {
			t.Fatal(err)
		}
		settled(t, m.stock)
		var st unix.Stat_t
		var fs unix.Statfs_t
		if err := errors.Join(unix.Fstat(int(v.Mount.Fd()), &st), unix.Fstatfs(int(v.Mount.Fd()), &fs)); err != nil {
			t.Fatal(err)
		}
		if got := int64(fs.Bavail) * fs.Bsize; got != int64(mib)<<20 {
			t.Errorf("a volume of %d MiB has %d bytes", mib, got)
		}
		if given[st.Dev] {
			t.Errorf("device %x was given out twice", st.Dev)
		}
		given[st.Dev] = true
		defer v.Close()
		m.stock.mu.Lock()
		if n := len(m.stock.ready); n > 4 || m.stock.have(mib) != 2 {
			t.Errorf("%d volumes are ready, %d of %d MiB; want 4 at most and 2", n, m.stock.have(mib), mib)
		}
		m.stock.mu.Unlock()
	}
	if foreign, err := m.Foreign(); err != nil || foreign != 0 {
		t.Errorf("%d volumes count as left by another, %v", foreign, err)
	}
}

// TestStockCloses: a maker that is closed while it makes waits for the end of all.
func TestStockCloses(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	letGo(t, makeVolume(t, m, 8))
	m.Keep(8)
	for range 3 {
		v, err := m.Make(8)
		if err != nil {
			t.Fatal(err)
		}
		letGo(t, v)
		time.Sleep(refillPause) // so that Close may find it at work
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Fatal(err)
		}
		if n, err := m.busy(false); err != nil || n != 0 {
			t.Errorf("%d devices are busy after Close, %v", n, err)
		}
		m.Keep(8)
	}
}

func BenchmarkTake(b *testing.B) {
	m := newMaker(b)
	v, err := m.Make(512)
	if err != nil {
		b.Skip(err)
	}
	letGo(b, v)
	m.Keep(8)
	for b.Loop() {
		v, err := m.Make(512)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		letGo(b, v)
		time.Sleep(30 * time.Millisecond) // time to refill
		b.StartTimer()
	}
}
