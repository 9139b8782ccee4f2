package placement

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

func fn(name string) Function { return Function{Name: name} }

func wants(key string, memory, waiting, within int) Version {
	return Version{Key: key, Function: fn(key), MemoryMiB: memory, Waiting: waiting, Guaranteed: within, Oldest: ago(time.Second)}
}

func target(key string, memory, n int) Version {
	return Version{Key: key, Function: fn(key[:1]), MemoryMiB: memory, Provisioned: n}
}

// both is a version that has callers and is to have environments ahead.
func both(key string, waiting, n int) Version {
	v := wants(key, 128, waiting, 0)
	v.Provisioned = n
	return v
}

// env is an environment by its letters: b busy, g busy within its share, i idle,
// s starting, e ending; an upper-case one is provisioned.
func env(id, key, state string) Environment {
	e := Environment{ID: id, Key: key, Function: fn(key[:1]), MemoryMiB: 128, Born: ago(time.Minute), LastUsed: ago(time.Second), Cost: time.Second}
	switch state {
	case "B", "I", "S":
		e.Provisioned = true
	}
	switch state {
	case "g":
		e.Guaranteed = true
	case "i", "I":
		e.Idle = true
	case "s", "S":
		e.Starting = true
	case "e":
		e.Ending = true
	}
	return e
}

func since(e Environment, born time.Duration) Environment { e.Born = ago(born); return e }

func cost(e Environment, cost, unused time.Duration, memory int) Environment {
	e.Cost, e.LastUsed, e.MemoryMiB = cost, ago(unused), memory
	return e
}

// TestRules is docs/decisions/0017-capacity.md, a row for each sentence.
func TestRules(t *testing.T) {
	t.Parallel()
	three := Limits{Environments: 3, MemoryMiB: 1024, Idle: 10 * time.Minute, Lifetime: 8 * time.Hour}
	starts := func(n int) Limits { l := three; l.Environments, l.MemoryMiB, l.Starting = 100, 100_000, n; return l }
	for _, c := range []struct {
		name     string
		limits   Limits
		versions []Version
		there    []Environment
		want     []Decision
	}{
		{"callers within their share before those of a storm",
			three, []Version{wants("a", 128, 9, 0), wants("b", 128, 1, 1)}, []Environment{env("1", "a", "b"), env("2", "a", "b")},
			[]Decision{{Start: "b"}}},
		{"callers within their share before what is provisioned",
			three, []Version{target("p", 128, 1), wants("b", 128, 1, 1)}, []Environment{env("1", "a", "g"), env("2", "a", "g")},
			[]Decision{{Start: "b"}}},
		{"what is provisioned before all other callers",
			three, []Version{target("p", 128, 1), wants("b", 128, 1, 0)}, []Environment{env("1", "a", "g"), env("2", "a", "g")},
			[]Decision{{Start: "p", Ahead: true}}},
		{"the function that uses least first",
			three, []Version{wants("a", 128, 1, 0), wants("c", 128, 1, 0)}, []Environment{env("1", "a", "b"), env("2", "d", "g")},
			[]Decision{{Start: "c"}}},
		{"one environment that starts is for the oldest caller",
			three, []Version{wants("a", 128, 1, 0)}, []Environment{env("1", "a", "s")}, nil},
		{"one that is provisioned too, for as long as one on demand might take",
			three, []Version{both("a", 1, 1)}, []Environment{since(env("1", "a", "S"), 9*time.Second)}, nil},
		{"but not for longer",
			three, []Version{both("a", 1, 1)}, []Environment{since(env("1", "a", "S"), 10*time.Second)}, []Decision{{Start: "a"}}},

		{"a storm yields to callers within their share",
			three, []Version{wants("a", 128, 9, 0), wants("b", 128, 1, 1)}, []Environment{env("1", "a", "b"), env("2", "a", "b"), env("3", "c", "b")},
			[]Decision{{Yield: "a"}}},
		{"a storm yields to what is provisioned",
			three, []Version{target("p", 128, 1)}, []Environment{env("1", "a", "b"), env("2", "a", "b"), env("3", "c", "b")},
			[]Decision{{Yield: "a"}}},
		{"a storm yields to a function that would have no more than it",
			three, []Version{wants("b", 128, 1, 0)}, []Environment{env("1", "a", "b"), env("2", "a", "b"), env("3", "a", "b")},
			[]Decision{{Yield: "a"}}},
		{"nobody yields to one that would have more",
			three, []Version{wants("b", 128, 1, 0)}, []Environment{env("1", "a", "b"), env("2", "b", "b"), env("3", "c", "b")},
			nil},
		{"callers within their share never yield",
			three, []Version{wants("b", 128, 1, 1), target("a", 128, 1)}, []Environment{env("1", "a", "g"), env("2", "a", "g"), env("3", "a", "B")}, nil},
		{"room that is on its way is enough",
			three, []Version{wants("b", 128, 1, 1)}, []Environment{env("1", "a", "b"), env("2", "a", "b"), env("3", "a", "e")}, nil},
		{"idle ones go before busy ones yield",
			three, []Version{wants("b", 128, 1, 1)}, []Environment{env("1", "a", "b"), env("2", "a", "b"), env("3", "c", "i")},
			[]Decision{{Stop: "3", Reason: ReasonEvicted}}},
		{"nobody goes in vain",
			three, []Version{wants("b", 1024, 1, 1)}, []Environment{env("1", "a", "g"), env("2", "a", "b"), env("3", "c", "i")}, nil},
		{"what has no hope of room keeps nobody from his",
			three, []Version{wants("b", 1024, 1, 1), wants("c", 128, 1, 0)}, []Environment{env("1", "a", "g")},
			[]Decision{{Start: "c"}}},
		{"what room is made for is not given to those behind",
			three, []Version{wants("b", 1024, 1, 1), wants("c", 128, 1, 0)}, []Environment{env("1", "a", "i")},
			[]Decision{{Stop: "1", Reason: ReasonEvicted}}},
		{"a function that is larger than the host is left out",
			three, []Version{wants("b", 2048, 1, 1), wants("c", 128, 1, 0)}, nil, []Decision{{Start: "c"}}},

		{"the one that is started again soonest goes first",
			three, []Version{wants("b", 128, 1, 0)},
			[]Environment{cost(env("1", "a", "i"), 5*time.Second, time.Minute, 128), cost(env("2", "c", "i"), 100*time.Millisecond, time.Minute, 128), env("3", "d", "g")},
			[]Decision{{Stop: "2", Reason: ReasonEvicted}}},
		{"of equal ones the larger goes first",
			three, []Version{wants("b", 128, 1, 0)},
			[]Environment{cost(env("1", "a", "i"), time.Second, time.Minute, 128), cost(env("2", "c", "i"), time.Second, time.Minute, 512), env("3", "d", "g")},
			[]Decision{{Stop: "2", Reason: ReasonEvicted}}},
		{"of equal ones the one that was used longer ago goes first",
			three, []Version{wants("b", 128, 1, 0)},
			[]Environment{cost(env("1", "a", "i"), time.Second, time.Second, 128), cost(env("2", "c", "i"), time.Second, time.Minute, 128), env("3", "d", "g")},
			[]Decision{{Stop: "2", Reason: ReasonEvicted}}},
		{"one that was used a moment ago stays, when who wants its room uses more",
			three, []Version{wants("b", 128, 1, 0)},
			[]Environment{cost(env("1", "a", "i"), time.Second, time.Second, 128), env("2", "b", "b"), env("3", "d", "g")}, nil},
		{"and goes for who uses less",
			three, []Version{wants("c", 128, 1, 0)},
			[]Environment{cost(env("1", "a", "i"), time.Second, time.Second, 128), env("2", "b", "b"), env("3", "d", "g")},
			[]Decision{{Stop: "1", Reason: ReasonEvicted}}},
		{"and a moment later",
			three, []Version{wants("b", 128, 1, 0)},
			[]Environment{cost(env("1", "a", "i"), time.Second, 2*time.Second, 128), env("2", "b", "b"), env("3", "d", "g")},
			[]Decision{{Stop: "1", Reason: ReasonEvicted}}},
		{"a provisioned one never goes",
			three, []Version{target("p", 128, 1), wants("b", 128, 1, 0)},
			[]Environment{env("1", "p", "I"), env("2", "c", "g"), env("3", "d", "g")}, nil},

		{"a quarter of the starts is for callers within their share",
			starts(4), []Version{wants("a", 128, 9, 0), wants("b", 128, 1, 1)}, []Environment{env("1", "a", "s"), env("2", "a", "s"), env("3", "a", "s")},
			[]Decision{{Start: "b"}}},
		{"half of the starts is not for what is provisioned, while somebody waits",
			starts(4), []Version{target("p", 128, 9), wants("a", 128, 1, 0)}, nil,
			[]Decision{{Start: "p", Ahead: true}, {Start: "p", Ahead: true}, {Start: "a"}}},
		{"all of them are when nobody waits",
			starts(3), []Version{target("p", 128, 9)}, nil,
			[]Decision{{Start: "p", Ahead: true}, {Start: "p", Ahead: true}, {Start: "p", Ahead: true}}},

		{"what is missing is started, once",
			three, []Version{target("p", 128, 2)}, []Environment{env("1", "p", "I"), env("2", "p", "S")}, nil},
		{"what is too many goes, the oldest first; who is busy, when it is done",
			three, []Version{target("p", 128, 1)}, []Environment{since(env("1", "p", "B"), time.Hour), since(env("2", "p", "I"), 50*time.Minute), env("3", "p", "I")},
			[]Decision{{Leave: "1", Reason: ReasonSurplus}, {Stop: "2", Reason: ReasonSurplus}}},
		{"what is too many and not yet there is given up",
			three, nil, []Environment{env("1", "p", "S")}, []Decision{{Stop: "1", Reason: ReasonSurplus}}},
		{"they outlive the idle timeout",
			three, []Version{target("p", 128, 1)}, []Environment{cost(env("1", "p", "I"), 0, time.Hour, 128)}, nil},
		{"one that grows old is replaced ahead of its end",
			three, []Version{target("p", 128, 1)}, []Environment{since(env("1", "p", "I"), 7*time.Hour)}, []Decision{{Start: "p", Ahead: true}}},
		{"and goes when the other one stands, not before",
			three, []Version{target("p", 128, 1)}, []Environment{since(env("1", "p", "I"), 7*time.Hour), env("2", "p", "S")}, nil},
		{"and leaves then, if it is busy",
			three, []Version{target("p", 128, 1)}, []Environment{since(env("1", "p", "B"), 7*time.Hour), env("2", "p", "I")},
			[]Decision{{Leave: "1", Reason: ReasonRenewed}}},
		{"and goes when the other one stands",
			three, []Version{target("p", 128, 1)}, []Environment{since(env("1", "p", "I"), 7*time.Hour), env("2", "p", "I")},
			[]Decision{{Stop: "1", Reason: ReasonRenewed}}},
		{"an eighth of them at a time",
			Limits{Environments: 99, MemoryMiB: 99_999, Lifetime: 8 * time.Hour}, []Version{target("p", 128, 2)},
			[]Environment{since(env("1", "p", "I"), 8*time.Hour), since(env("2", "p", "I"), 8*time.Hour)}, []Decision{{Start: "p", Ahead: true}}},
		{"when the target moves, the old ones stay until the new ones stand (F169)",
			three, []Version{target("p2", 128, 1)}, []Environment{env("1", "p1", "I"), env("2", "p2", "S")}, nil},
		{"and then go",
			three, []Version{target("p2", 128, 1)}, []Environment{env("1", "p1", "I"), env("2", "p2", "I")},
			[]Decision{{Stop: "1", Reason: ReasonSurplus}}},
		{"and sooner when there is no room for both",
			Limits{Environments: 1, MemoryMiB: 1024}, []Version{target("p2", 128, 1)}, []Environment{env("1", "p1", "I")},
			[]Decision{{Stop: "1", Reason: ReasonEvicted}}},
		{"but after the idle ones of others",
			three, []Version{target("p2", 128, 1)}, []Environment{since(env("1", "p1", "I"), time.Hour), env("2", "c", "i"), env("3", "d", "g")},
			[]Decision{{Stop: "2", Reason: ReasonEvicted}}},
		{"what failed is not tried again before its time",
			three, []Version{{Key: "p", Function: fn("p"), MemoryMiB: 128, Provisioned: 1, NotBefore: now.Add(time.Second)}}, nil, nil},
		{"and is in its time",
			three, []Version{{Key: "p", Function: fn("p"), MemoryMiB: 128, Provisioned: 1, NotBefore: now}}, nil, []Decision{{Start: "p", Ahead: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Decide(World{Now: now, Limits: c.limits, Versions: c.versions, Environments: c.there})
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestNextChange: placement wakes for what time alone changes, and not for what
// waits for room.
func TestNextChange(t *testing.T) {
	t.Parallel()
	limits := Limits{Environments: 9, MemoryMiB: 9999, Idle: 10 * time.Minute, Lifetime: 8 * time.Hour}
	for _, c := range []struct {
		name string
		w    World
		want time.Time
	}{
		{"nothing", World{}, time.Time{}},
		{"a busy one grows old", World{Environments: []Environment{env("1", "a", "b")}}, now.Add(8*time.Hour - time.Minute)},
		{"one that is old has its turn soon", World{Environments: []Environment{since(env("1", "a", "b"), 9*time.Hour)}}, now.Add(time.Second)},
		{"one that ends changes by itself", World{Environments: []Environment{since(env("1", "a", "e"), 9*time.Hour)}}, time.Time{}},
		{"an idle one expires", World{Environments: []Environment{env("1", "a", "i")}}, now.Add(10*time.Minute - time.Second)},
		{"a provisioned one grows old", World{Environments: []Environment{env("1", "a", "I")}}, now.Add(7*time.Hour - time.Minute)},
		{"one that is due waits", World{Environments: []Environment{since(env("1", "a", "I"), 9*time.Hour)}}, time.Time{}},
		{"one that was used a moment ago will not have been", World{Versions: []Version{wants("a", 128, 1, 0)}, Environments: []Environment{env("1", "b", "i")}}, now.Add(time.Second)},
		{"one that failed is tried again", World{Versions: []Version{{Key: "a", Provisioned: 1, NotBefore: now.Add(time.Second)}}}, now.Add(time.Second)},
		{"and is due", World{Versions: []Version{{Key: "a", Provisioned: 1, NotBefore: now}}}, time.Time{}},
	} {
		c.w.Now, c.w.Limits = now, limits
		if got := NextChange(c.w); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSharesLaws: whatever the world, no provisioned environment within its
// target is stopped before it is old, none is started beyond the target and its
// replacements, and nobody yields who is within his share, or for nobody.
func TestSharesLaws(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		w := shared3(rand.New(rand.NewPCG(seed, 2)))
		if err := fair(w, Decide(w)); err != nil {
			t.Fatalf("seed %d: %v\nworld %+v\ndecisions %+v", seed, err, w, Decide(w))
		}
	}
}

// shared3 is a host that three functions share.
func shared3(r *rand.Rand) World {
	w := World{Now: now, Limits: Limits{Environments: 3 + r.IntN(8), MemoryMiB: 128 * (3 + r.IntN(8)), Starting: r.IntN(6), Idle: 10 * time.Minute, Lifetime: 8 * time.Hour}}
	for i := range r.IntN(min(w.Limits.Environments, w.Limits.MemoryMiB/128) + 1) {
		e := env(fmt.Sprint(i), []string{"a", "b", "c"}[r.IntN(3)], []string{"b", "g", "i", "s", "e", "B", "I", "S"}[r.IntN(8)])
		w.Environments = append(w.Environments, since(e, time.Duration(r.IntN(9))*time.Hour))
	}
	for _, key := range []string{"a", "b", "c"} {
		v := wants(key, 128, r.IntN(5), 0)
		v.Guaranteed, v.Provisioned = r.IntN(v.Waiting+1), r.IntN(4)
		w.Versions = append(w.Versions, v)
	}
	return w
}

func fair(w World, decisions []Decision) error {
	target, waiting, ready, stopped := map[string]int{}, 0, map[string]int{}, map[string]int{}
	busy, all := map[string]int{}, map[string]int{}
	byID := map[string]Environment{}
	for _, v := range w.Versions {
		target[v.Key] = v.Provisioned
		waiting += v.Waiting + v.Provisioned
	}
	for _, e := range w.Environments {
		byID[e.ID] = e
		switch {
		case e.Provisioned:
			all[e.Key]++
			if !e.Starting {
				ready[e.Key]++
			}
		case e.busy() && !e.Guaranteed:
			busy[e.Key]++
		}
	}
	for _, d := range decisions {
		e := byID[d.Stop]
		switch {
		case d.Yield != "":
			if busy[d.Yield]--; busy[d.Yield] < 0 || waiting == 0 {
				return fmt.Errorf("%s yields", d.Yield)
			}
		case d.Ahead:
			if all[d.Start]++; all[d.Start] > target[d.Start]+max(1, target[d.Start]/8) {
				return fmt.Errorf("%d of %s, %d are wanted", all[d.Start], d.Start, target[d.Start])
			}
		case d.Stop != "" && e.Provisioned && !e.Starting:
			if stopped[e.Key]++; ready[e.Key]-stopped[e.Key] < target[e.Key] {
				return fmt.Errorf("stops %s, within the target of %s", e.ID, e.Key)
			}
		case d.Leave != "":
			e := byID[d.Leave]
			if e.Provisioned {
				stopped[e.Key]++
			}
			if !e.busy() || e.Provisioned && ready[e.Key]-stopped[e.Key] < target[e.Key] {
				return fmt.Errorf("%s leaves, within the target of %s", e.ID, e.Key)
			}
		case d.Stop != "" && !e.Idle && !e.Starting:
			return fmt.Errorf("stops %s, which is at work", e.ID)
		}
	}
	return nil
}
