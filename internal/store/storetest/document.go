package storetest

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"lambent/internal/store"
)

// document is one kind of what a store keeps under one key each.
type document[T any] struct {
	noun    string
	key     func(*T) *string
	put     func(s Store, ctx context.Context, value T) error
	delete  func(s Store, ctx context.Context, key string) error
	each    func(s Store, ctx context.Context, visit func(T) error) error
	replace func(*T) // changes it, and takes members away
}

// life plays one kind: it comes, is replaced and goes, and the store is opened anew
// after every step.
func (d document[T]) life(t *testing.T, open Open) {
	first, second := d.full("a"), d.full("b")
	for _, v := range []T{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return d.put(s, ctx, v) })
	}
	equal(t, d.noun, d.read(t, open), []T{first, second})
	d.replace(&second)
	write(t, open, func(ctx context.Context, s Store) error { return d.put(s, ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return d.delete(s, ctx, "a") })
	write(t, open, func(ctx context.Context, s Store) error { return d.delete(s, ctx, "never") })
	equal(t, d.noun, d.read(t, open), []T{second})

	s := open(t)
	stop := errors.New("seen enough")
	if err := d.each(s, t.Context(), func(T) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("reading every one of %s answered %v, want the visitor's error", d.noun, err)
	}
	closeStore(t, s)
	for act, err := range map[string]error{
		"put":    d.put(s, t.Context(), first),
		"delete": d.delete(s, t.Context(), "a"),
		"each":   d.each(s, t.Context(), func(T) error { return nil }),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s of %s after Close: %v, want %v", act, d.noun, err, store.ErrClosed)
		}
	}
}

// full has a value in every member.
func (d document[T]) full(key string) T {
	var v T
	fill(reflect.ValueOf(&v).Elem())
	*d.key(&v) = key
	return v
}

func (d document[T]) read(t *testing.T, open Open) []T {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []T
	must(t, d.each(s, t.Context(), func(v T) error { all = append(all, v); return nil }))
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(*d.key(&a), *d.key(&b)) })
	return all
}
