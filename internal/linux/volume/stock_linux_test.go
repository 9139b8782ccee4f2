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

// TestExpect: a size that is expected is there before anybody asks, unless
// others were asked for.
func TestExpect(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	letGo(t, makeVolume(t, m, 8))
	m.Expect(8) // nothing is kept yet
	m.Keep(4)
	m.Expect(8)
	settled(t, m.stock)
	m.stock.mu.Lock()
	if n := m.stock.have(8); n != 2 {
		t.Errorf("%d volumes are ready, want 2", n)
	}
	m.stock.mu.Unlock()
	letGo(t, makeVolume(t, m, 8))
	m.Expect(16)
	settled(t, m.stock)
	m.stock.mu.Lock()
	defer m.stock.mu.Unlock()
	if n := m.stock.have(16); n != 0 {
		t.Errorf("%d volumes are ready of a size that nobody has asked for", n)
	}
}

// TestPause: what is missing is made when nobody has asked for a while, sooner
// when there is none, and in the end in any case.
func TestPause(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1000, 0)
	for _, tt := range []struct {
		name        string
		ready       int
		short, last time.Duration // after begin
		want        time.Duration // after begin
	}{
		{"one is left", 1, 0, 0, calm},
		{"none is left", 0, 0, 0, urgent},
		{"more were taken", 1, 0, 40 * time.Millisecond, 40*time.Millisecond + calm},
		{"takes do not end", 1, 0, 240 * time.Millisecond, patience},
		{"none is left and takes do not end", 0, 0, 240 * time.Millisecond, patience},
	} {
		s := &stock{short: begin.Add(tt.short), last: begin.Add(tt.last)}
		for range tt.ready {
			s.ready = append(s.ready, &Volume{mib: 8})
		}
		if got := s.pause(8, begin); got != tt.want {
			t.Errorf("%s: it waits for %v, want %v", tt.name, got, tt.want)
		}
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
		time.Sleep(urgent) // so that Close may find it at work
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
		time.Sleep(calm + 30*time.Millisecond) // time to refill
		b.StartTimer()
	}
}
