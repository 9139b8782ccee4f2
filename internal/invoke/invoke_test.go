package invoke

import (
	"context"
	"errors"
	"testing"

	"lambent/internal/lambda"
)

type parts struct {
	missing error
	fails   error
	open    map[string]bool
	got     *lambda.Invocation
	loop    string
	refused []error
}

func (p *parts) RecursiveLoop(context.Context, string) (string, error) { return p.loop, nil }

func (p *parts) Refused(_ lambda.Reference, err error) { p.refused = append(p.refused, err) }

func (p *parts) Resolve(name, qualifier string) (*lambda.Version, error) {
	if p.missing != nil {
		return nil, p.missing
	}
	return &lambda.Version{Function: name, Number: "7"}, nil
}

func (p *parts) Invoke(_ context.Context, _ *lambda.Version, inv *lambda.Invocation) (lambda.Result, error) {
	p.got = inv
	return lambda.Result{Payload: inv.Payload}, p.fails
}

func (p *parts) Open(id string) { p.open[id] = true }

func (p *parts) Close(id string) []byte {
	delete(p.open, id)
	return []byte("tail of " + id)
}

func invoker(p *parts) *Invoker {
	p.open = map[string]bool{}
	return &Invoker{
		Versions: p, Environments: p, Tails: p, Loops: p, Observer: p, NewID: func() string { return "attempt" },
		Home: lambda.Home{Partition: "aws", Region: "us-east-1", Account: "123456789012"},
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	p := &parts{}
	r, err := invoker(p).Invoke(t.Context(), lambda.Reference{Name: "f", Qualifier: "live"}, lambda.Invocation{RequestID: "r", Payload: []byte("1"), Tail: true})
	if err != nil || string(r.Payload) != "1" || r.Version != "7" || string(r.LogTail) != "tail of r" {
		t.Errorf("got %+v, %v", r, err)
	}
	if want := "arn:aws:lambda:us-east-1:123456789012:function:f:live"; p.got.FunctionARN != want || p.got.AttemptID != "attempt" {
		t.Errorf("invoked as %s (%s), want %s (F094)", p.got.FunctionARN, p.got.AttemptID, want)
	}
}

// TestTailIsGivenUp: whatever happens, nobody goes on collecting lines.
func TestTailIsGivenUp(t *testing.T) {
	t.Parallel()
	p := &parts{fails: errors.New("broken")}
	if _, err := invoker(p).Invoke(t.Context(), lambda.Reference{Name: "f"}, lambda.Invocation{RequestID: "r", Tail: true}); !errors.Is(err, p.fails) {
		t.Errorf("got %v", err)
	}
	if len(p.open) != 0 {
		t.Errorf("still open: %v", p.open)
	}
}

func TestInvokeNothing(t *testing.T) {
	t.Parallel()
	p := &parts{missing: lambda.Errorf(lambda.NotFound, "Function not found")}
	if _, err := invoker(p).Invoke(t.Context(), lambda.Reference{Name: "f"}, lambda.Invocation{Tail: true}); !errors.Is(err, p.missing) || len(p.open) != 0 {
		t.Errorf("got %v, open %v", err, p.open)
	}
}

// TestCircle: a function that invokes itself with the trace header that it was given
// runs 16 times, unless it may go on.
func TestCircle(t *testing.T) {
	t.Parallel()
	for loop, want := range map[string]int{"Terminate": 16, "Allow": 40} {
		p := &parts{loop: loop}
		i, trace, ran := invoker(p), "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", 0
		for range 40 {
			_, err := i.Invoke(t.Context(), lambda.Reference{Name: "f"}, lambda.Invocation{Trace: trace})
			if err != nil {
				if lambda.KindOf(err) != lambda.Recursive || len(p.refused) != 1 {
					t.Errorf("%s: %v, refused %v", loop, err, p.refused)
				}
				break
			}
			ran++
			trace = p.got.Trace
		}
		if ran != want {
			t.Errorf("%s: ran %d times, want %d", loop, ran, want)
		}
	}
}
