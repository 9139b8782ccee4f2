package storetest

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

func fullMapping(uuid string) lambda.EventSourceMapping {
	var m lambda.EventSourceMapping
	fill(reflect.ValueOf(&m).Elem())
	m.UUID = uuid
	return m
}

func readMappings(t *testing.T, open Open) []lambda.EventSourceMapping {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []lambda.EventSourceMapping
	must(t, s.EachMapping(t.Context(), func(m lambda.EventSourceMapping) error {
		all = append(all, m)
		return nil
	}))
	slices.SortFunc(all, func(a, b lambda.EventSourceMapping) int { return cmp.Compare(a.UUID, b.UUID) })
	return all
}

func mappingLife(t *testing.T, open Open) {
	first, second := fullMapping("1"), fullMapping("2")
	for _, m := range []lambda.EventSourceMapping{first, second} {
		write(t, open, func(ctx context.Context, s Store) error { return s.PutMapping(ctx, m) })
	}
	equal(t, "mappings", readMappings(t, open), []lambda.EventSourceMapping{first, second})
	second.Function, second.Settings, second.Tags = "replaced", lambda.MappingSettings{}, nil
	write(t, open, func(ctx context.Context, s Store) error { return s.PutMapping(ctx, second) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteMapping(ctx, first.UUID) })
	write(t, open, func(ctx context.Context, s Store) error { return s.DeleteMapping(ctx, "never") })
	equal(t, "mappings", readMappings(t, open), []lambda.EventSourceMapping{second})

	s := open(t)
	stop := errors.New("seen enough")
	if err := s.EachMapping(t.Context(), func(lambda.EventSourceMapping) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("EachMapping answered %v, want the visitor's error", err)
	}
	closeStore(t, s)
	for call, err := range map[string]error{
		"PutMapping":    s.PutMapping(t.Context(), first),
		"DeleteMapping": s.DeleteMapping(t.Context(), "1"),
		"EachMapping":   s.EachMapping(t.Context(), func(lambda.EventSourceMapping) error { return nil }),
	} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, store.ErrClosed)
		}
	}
}
