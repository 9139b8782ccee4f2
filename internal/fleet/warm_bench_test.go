package fleet

import (
	"context"
	"log/slog"
	"testing"

	"lambent/internal/lambda"
)

// instant is an environment that is vacant again at once.
type instant struct {
	f  **Fleet
	id string
}

func (i *instant) Invoke(context.Context, *lambda.Invocation) (lambda.Result, error) {
	(*i.f).Vacant(i.id)
	return lambda.Result{}, nil
}
func (i *instant) Stop(string, bool) { go func() { (*i.f).Left(i.id, "", nil); (*i.f).Gone(i.id) }() }
func (i *instant) Relax()            {}

// BenchmarkWarm is what the fleet adds to a warm invocation: no allocation.
func BenchmarkWarm(b *testing.B) {
	var f *Fleet
	f = New(Config{Limits: wide, Waiters: 10, Account: 1 << 30, Wait: 1e9, Log: slog.New(slog.DiscardHandler), Reserve: reservations{"x": 1},
		Make: func(id string, v *lambda.Version, _ lambda.Initialization) Environment {
			i := &instant{&f, id}
			go f.Vacant(id)
			return i
		}})
	v := version("f", 128)
	inv := &lambda.Invocation{}
	if _, err := f.Invoke(b.Context(), v, inv); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Invoke(b.Context(), v, inv); err != nil {
			b.Fatal(err)
		}
	}
	f.Close(context.Background())
}
