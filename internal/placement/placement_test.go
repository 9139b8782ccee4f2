package placement

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

var now = time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func TestDecide(t *testing.T) {
	t.Parallel()
	limits := Limits{Environments: 3, MemoryMiB: 1024, Idle: 10 * time.Minute, Lifetime: time.Hour}
	for _, c := range []struct {
		name  string
		world World
		want  []Decision
	}{
		{"nothing to do", World{}, nil},
		{"a waiter gets a new environment",
			World{Versions: []Version{{Key: "f", MemoryMiB: 128, Waiting: 1}}},
			[]Decision{{Start: "f"}}},
		{"one that is starting is enough for one waiter",
			World{Versions: []Version{{Key: "f", MemoryMiB: 128, Waiting: 1}}, Environments: []Environment{{ID: "1", Key: "f", MemoryMiB: 128, Starting: true}}},
			nil},
		{"each concurrent waiter its own, in turn, the longest waiting version first",
			World{Versions: []Version{
				{Key: "f", Function: Function{Name: "f"}, MemoryMiB: 128, Waiting: 2, Oldest: ago(time.Second)},
				{Key: "g", Function: Function{Name: "g"}, MemoryMiB: 128, Waiting: 2, Oldest: ago(2 * time.Second)}}},
			[]Decision{{Start: "g"}, {Start: "f"}, {Start: "g"}}},
		{"a full host evicts the least recently used idle one",
			World{Versions: []Version{{Key: "f", MemoryMiB: 128, Waiting: 1}}, Environments: []Environment{
				{ID: "1", Key: "g", MemoryMiB: 128, Idle: true, Born: ago(time.Minute), LastUsed: ago(time.Second)},
				{ID: "2", Key: "g", MemoryMiB: 128, Idle: true, Born: ago(time.Minute), LastUsed: ago(5 * time.Second)},
				{ID: "3", Key: "h", MemoryMiB: 128, Born: ago(time.Minute)}}},
			[]Decision{{Stop: "2", Reason: ReasonEvicted}}},
		{"room that is being made is waited for",
			World{Versions: []Version{{Key: "f", MemoryMiB: 128, Waiting: 1}}, Environments: []Environment{
				{ID: "1", Key: "g", MemoryMiB: 128, Idle: true, Born: ago(time.Minute), LastUsed: ago(time.Second)},
				{ID: "2", Key: "g", MemoryMiB: 128, Ending: true},
				{ID: "3", Key: "h", MemoryMiB: 128, Born: ago(time.Minute)}}},
			nil},
		{"memory is a limit of its own",
			World{Versions: []Version{{Key: "f", MemoryMiB: 512, Waiting: 1}}, Environments: []Environment{
				{ID: "1", Key: "g", MemoryMiB: 768, Idle: true, Born: ago(time.Minute), LastUsed: ago(time.Second)}}},
			[]Decision{{Stop: "1", Reason: ReasonEvicted}}},
		{"busy ones are never stopped",
			World{Versions: []Version{{Key: "f", MemoryMiB: 512, Waiting: 1}}, Environments: []Environment{
				{ID: "1", Key: "g", MemoryMiB: 1024, Born: ago(30 * time.Minute), LastUsed: ago(30 * time.Minute), Retired: true}}},
			nil},
		{"they leave when they are done, if their time is over",
			World{Environments: []Environment{
				{ID: "1", Key: "f", Born: ago(time.Hour)},
				{ID: "2", Key: "f", Born: ago(time.Hour - 1)},
				{ID: "3", Key: "g", Born: ago(2 * time.Hour), Provisioned: true}}, Versions: []Version{{Key: "g", Provisioned: 1, NotBefore: now.Add(time.Hour)}}},
			[]Decision{{Leave: "1", Reason: ReasonLifetime}}},
		{"one after the other",
			World{Environments: []Environment{{ID: "1", Key: "f", Born: ago(time.Hour)}, {ID: "2", Key: "f", Born: ago(time.Hour)}, {ID: "3", Key: "g", Born: ago(time.Hour)}}},
			[]Decision{{Leave: "1", Reason: ReasonLifetime}, {Leave: "3", Reason: ReasonLifetime}}},
		{"and not before the other is replaced",
			World{Environments: []Environment{{ID: "1", Key: "f", Starting: true}, {ID: "2", Key: "f", Born: ago(time.Hour)}}},
			nil},
		{"only so many start at once",
			World{Versions: []Version{{Key: "f", MemoryMiB: 128, Waiting: 3}}, Environments: []Environment{{ID: "1", Key: "g", MemoryMiB: 128, Starting: true}}, Limits: Limits{Starting: 2}},
			[]Decision{{Start: "f"}}},
		{"idle, old and retired ones end",
			World{Environments: []Environment{
				{ID: "1", Key: "f", Idle: true, Born: ago(20 * time.Minute), LastUsed: ago(10 * time.Minute)},
				{ID: "2", Key: "f", Idle: true, Born: ago(time.Hour), LastUsed: ago(time.Second)},
				{ID: "3", Key: "f", Idle: true, Born: ago(time.Minute), LastUsed: ago(time.Second), Retired: true},
				{ID: "4", Key: "f", Idle: true, Born: ago(time.Minute), LastUsed: ago(time.Second)}}},
			[]Decision{{Stop: "1", Reason: ReasonIdle}, {Stop: "2", Reason: ReasonLifetime}, {Stop: "3", Reason: ReasonRetired}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			limits := limits
			limits.Starting = c.world.Limits.Starting
			c.world.Now, c.world.Limits = now, limits
			if got := Decide(c.world); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestDecideLaws: whatever the world, no decision breaks a limit, touches a
// busy environment, or starts more than somebody waits for; and who waits is
// served as long as there is room.
func TestDecideLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		w := world(rand.New(rand.NewPCG(seed, 1)))
		if err := lawful(w, Decide(w)); err != nil {
			t.Fatalf("seed %d: %v\nworld %+v\ndecisions %+v", seed, err, w, Decide(w))
		}
	}
}

func world(r *rand.Rand) World {
	w := World{Now: now, Limits: Limits{Environments: 1 + r.IntN(8), MemoryMiB: 128 * (1 + r.IntN(12)), Idle: 10 * time.Minute, Lifetime: time.Hour}}
	memory := 0
	for i := range r.IntN(w.Limits.Environments + 1) {
		e := Environment{ID: fmt.Sprint(i), Key: string('a' + rune(r.IntN(4))), MemoryMiB: 128 * (1 + r.IntN(3)), Born: ago(time.Duration(r.IntN(120)) * time.Minute)}
		if memory += e.MemoryMiB; memory > w.Limits.MemoryMiB {
			break
		}
		switch r.IntN(4) {
		case 0:
			e.Starting = true
		case 1:
			e.Idle, e.Retired, e.LastUsed = true, r.IntN(5) == 0, ago(time.Duration(r.IntN(20))*time.Minute)
		case 2:
			e.Ending = true
		}
		w.Environments = append(w.Environments, e)
	}
	for i := range r.IntN(5) {
		w.Versions = append(w.Versions, Version{Key: string('a' + rune(i)), MemoryMiB: 128 * (1 + r.IntN(3)), Waiting: r.IntN(4), Oldest: ago(time.Duration(r.IntN(50)) * time.Second)})
	}
	return w
}

func lawful(w World, decisions []Decision) error {
	count, memory := len(w.Environments), 0
	byID, waiting, size := map[string]Environment{}, map[string]int{}, map[string]int{}
	for _, e := range w.Environments {
		byID[e.ID] = e
		memory += e.MemoryMiB
		if e.Starting {
			waiting[e.Key]--
		}
	}
	for _, v := range w.Versions {
		waiting[v.Key] += v.Waiting
		size[v.Key] = v.MemoryMiB
	}
	stopped, making := map[string]bool{}, false // making: room is on its way, for somebody who comes first
	for _, e := range w.Environments {
		making = making || e.Ending
	}
	for _, d := range decisions {
		if d.Stop != "" {
			if !byID[d.Stop].Idle || stopped[d.Stop] {
				return fmt.Errorf("stops %s", d.Stop)
			}
			stopped[d.Stop], making = true, true
			continue
		}
		if d.Yield != "" {
			making = true
			continue
		}
		if e := byID[d.Leave]; d.Leave != "" {
			if !e.busy() || w.Now.Sub(e.Born) < w.Limits.Lifetime {
				return fmt.Errorf("has %s leave", d.Leave)
			}
			continue
		}
		count, memory = count+1, memory+size[d.Start]
		waiting[d.Start]--
		if waiting[d.Start] < 0 {
			return fmt.Errorf("starts one more of %s than is waited for", d.Start)
		}
	}
	if count > w.Limits.Environments && count > len(w.Environments) || memory > w.Limits.MemoryMiB {
		return fmt.Errorf("%d environments, %d MiB", count, memory)
	}
	for key, n := range waiting {
		if !making && n > 0 && count < w.Limits.Environments && memory+size[key] <= w.Limits.MemoryMiB {
			return fmt.Errorf("%s waits though there is room", key)
		}
	}
	return nil
}
