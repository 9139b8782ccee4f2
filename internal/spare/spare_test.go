package spare

import (
	"math/rand/v2"
	"testing"
)

// Whatever is taken and given in whichever order, a buffer has the size that was
// asked for, and nobody else's bytes are in it.
func TestNobodySharesABuffer(t *testing.T) {
	t.Parallel()
	var b Buffers
	random := rand.New(rand.NewPCG(1, 2))
	type taken struct {
		p    []byte
		mark byte
	}
	var out []taken
	for round := range 2000 {
		if len(out) > 0 && random.IntN(2) == 0 {
			i := random.IntN(len(out))
			b.Give(out[i].p)
			out[i] = out[len(out)-1]
			out = out[:len(out)-1]
			continue
		}
		if len(out) == 4 {
			continue
		}
		n := Large/2 + random.IntN(Large)
		p := b.Take(n)
		if len(p) != n || cap(p) != n {
			t.Fatalf("round %d: asked for %d bytes, got %d with room for %d", round, n, len(p), cap(p))
		}
		mark := byte(round)
		p[0], p[n-1] = mark, mark
		out = append(out, taken{p, mark})
		for _, o := range out {
			if o.p[0] != o.mark || o.p[len(o.p)-1] != o.mark {
				t.Fatalf("round %d: somebody else wrote into a buffer that is taken", round)
			}
		}
	}
}

// Small ones are not kept: nothing is given that would come back.
func TestSmallBuffersAreFresh(t *testing.T) {
	t.Parallel()
	var b Buffers
	p := make([]byte, Large-1)
	p[0] = 'x'
	b.Give(p)
	if got := b.Take(Large - 1); got[0] != 0 {
		t.Fatal("a small buffer came back")
	}
	if got := b.Take(Large); len(got) != Large {
		t.Fatalf("%d bytes", len(got))
	}
}

func TestNilKeepsNothing(t *testing.T) {
	t.Parallel()
	var b *Buffers
	b.Give(make([]byte, Large))
	if got := b.Take(Large); len(got) != Large {
		t.Fatalf("%d bytes", len(got))
	}
}
