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

func keyTests() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"an access key comes, is replaced and goes": keyLife,
		"a closed store says so of access keys":     closedKeys,
	}
}

func keyLife(t *testing.T, open Open) {
	first, second := fullKey("a"), fullKey("b")
	for _, k := range []store.AccessKey{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutAccessKey(ctx, k) })
	}
	equal(t, "access keys", readKeys(t, open), []store.AccessKey{first, second})
	second.Policies, second.User = nil, "replaced"
	write(t, open, func(ctx context.Context, s Store) error { return s.PutAccessKey(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteAccessKey(ctx, first.ID) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteAccessKey(ctx, "never") })
	equal(t, "access keys", readKeys(t, open), []store.AccessKey{second})
}

func closedKeys(t *testing.T, open Open) {
	s := open(t)
	closeStore(t, s)
	ctx := t.Context()
	for call, err := range map[string]error{
		"PutAccessKey":    s.PutAccessKey(ctx, fullKey("k")),
		"DeleteAccessKey": s.DeleteAccessKey(ctx, "k"),
		"EachAccessKey":   s.EachAccessKey(ctx, func(store.AccessKey) error { return nil }),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, store.ErrClosed)
		}
	}
}

func fullKey(id string) store.AccessKey {
	var k store.AccessKey
	fill(reflect.ValueOf(&k).Elem())
	k.ID = id
	return k
}

func readKeys(t *testing.T, open Open) []store.AccessKey {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []store.AccessKey
	must(t, s.EachAccessKey(t.Context(), func(k store.AccessKey) error { all = append(all, k); return nil }))
	slices.SortFunc(all, func(a, b store.AccessKey) int { return cmp.Compare(a.ID, b.ID) })
	return all
}
