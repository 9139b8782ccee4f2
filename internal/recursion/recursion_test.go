package recursion

import (
	"fmt"
	"strings"
	"testing"
)

const root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

// TestCircles: a circle of any length is stopped, however long the way to it, and
// no function of it has then run much more often than Limit.
func TestCircles(t *testing.T) {
	t.Parallel()
	for way := range 20 {
		for length := 1; length <= 12; length++ {
			ran, trace := map[string]int{}, root
			for link := 0; ; link++ {
				name := fmt.Sprint("way", link)
				if link >= way {
					name = fmt.Sprint("circle", (link-way)%length)
				}
				next, stop := Follow(trace, name)
				if stop {
					if ran[name] < Limit {
						t.Errorf("a circle of %d after %d: %s was stopped after %d runs", length, way, name, ran[name])
					}
					break
				}
				ran[name]++
				if ran[name] > 4*Limit {
					t.Fatalf("a circle of %d after %d: %s has run %d times", length, way, name, ran[name])
				}
				trace = next
			}
			if n := ran["circle0"]; way == 0 && (n < Limit || n > Limit+2 || length == 1 && n != Limit) {
				t.Errorf("a circle of %d: its first function ran %d times, want about %d", length, n, Limit)
			}
		}
	}
}

// TestChains: a chain that never comes back is never stopped.
func TestChains(t *testing.T) {
	t.Parallel()
	trace := root
	for link := range 40_000 {
		next, stop := Follow(trace, fmt.Sprint("f", link))
		if stop {
			t.Fatalf("stopped at link %d: %s", link, next)
		}
		if !strings.HasPrefix(next, root+";Lineage=") || len(next) > len(root)+30 {
			t.Fatalf("link %d: %s", link, next)
		}
		trace = next
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for trace, want := range map[string]string{
		"":                                     "Lineage=1:e40c292c:0",
		root:                                   root + ";Lineage=1:e40c292c:0",
		root + ";Lineage=7:e40c292c:3":         root + ";Lineage=8:e40c292c:4",
		root + ";Lineage=7:6e5eb7d9:3":         root + ";Lineage=8:6e5eb7d9:3",
		root + ";Lineage=7:6e5eb7d9:0":         root + ";Lineage=8:e40c292c:0", // the 8th link
		root + ";Lineage=6:6e5eb7d9:0":         root + ";Lineage=7:6e5eb7d9:0",
		"Lineage=1:6e5eb7d9:1;" + root:         root + ";Lineage=2:6e5eb7d9:1",
		"Self=1;Lineage=1:6e5eb7d9:1;Root=1-2": "Self=1;Root=1-2;Lineage=2:6e5eb7d9:1",
		root + ";Lineage=a87bd80c:1":           root + ";Lineage=1:e40c292c:0",
		root + ";Lineage=x:e40c292c:1":         root + ";Lineage=1:e40c292c:0",
		root + ";Lineage=32767:e40c292c:255":   root + ";Lineage=32767:e40c292c:255",
	} {
		got, _ := Follow(trace, "a")
		if strings.TrimPrefix(got, ";") != want {
			t.Errorf("Follow(%q): %q, want %q", trace, got, want)
		}
	}
}

func TestForget(t *testing.T) {
	t.Parallel()
	for trace, want := range map[string]string{
		"": "", root: root, root + ";Lineage=7:e40c292c:3": root, "Lineage=1:6e5eb7d9:1;" + root: root, "Lineage=1:6e5eb7d9:1": "",
		"Self=1;Lineage=1:6e5eb7d9:1;Root=1-2": "Self=1;Root=1-2", "Root=1-2;MyLineage=1": "Root=1-2;MyLineage=1",
	} {
		if got := Forget(trace); got != want {
			t.Errorf("Forget(%q): %q, want %q", trace, got, want)
		}
	}
}

func FuzzFollow(f *testing.F) {
	f.Add(root+";Lineage=1:6e5eb7d9:0", "f")
	f.Add("Lineage=;Lineage=1:6e5eb7d9:0", "f")
	f.Fuzz(func(t *testing.T, trace, function string) {
		next, _ := Follow(trace, function)
		if _, stop := Follow(next, function); len(next) > len(trace)+32 || stop && !strings.Contains(trace, "Lineage=") {
			t.Errorf("Follow(%q, %q): %q", trace, function, next)
		}
	})
}

func BenchmarkFollow(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Follow(root, "arn:aws:lambda:us-east-1:000000000000:function:f")
	}
}
