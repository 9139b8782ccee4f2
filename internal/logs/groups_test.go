package logs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestGroupBeforeItsFunction: what a tool made is what a function writes to, with
// its retention and tags, also after a restart.
func TestGroupBeforeItsFunction(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := open(t, Config{Folder: folder})
	ctx, o := t.Context(), origin("s")
	want := Group{Name: o.LogGroup, Retention: 72 * time.Hour, Class: "INFREQUENT_ACCESS", Tags: map[string]string{"team": "blue"}}
	if err := l.CreateGroup(ctx, want); err != nil {
		t.Fatal(err)
	}
	if err := l.CreateGroup(ctx, want); !errors.Is(err, ErrGroupExists) {
		t.Errorf("again: %v", err)
	}
	l.Publish(line(o, time.Now(), "a"))
	l.Publish(line(o, time.Now(), "b"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Config{Folder: folder})
	groups, err := l.Groups(ctx)
	if err != nil || len(groups) != 1 {
		t.Fatalf("groups %v %v", groups, err)
	}
	g := groups[0]
	if g.Name != want.Name || g.Retention != want.Retention || g.Class != want.Class || !maps.Equal(g.Tags, want.Tags) || g.Created.IsZero() {
		t.Errorf("got %+v, want %+v", g, want)
	}
	if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("records %q", got)
	}
	if bytes, err := l.Bytes(ctx); err != nil || bytes[o.LogGroup] < 2 {
		t.Errorf("bytes %v %v", bytes, err)
	}
	refused := errors.New("no")
	if err := l.ChangeGroup(ctx, g.Name, func(g *Group) error { g.Retention = 0; return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if groups, _ := l.Groups(ctx); groups[0].Retention != want.Retention {
		t.Errorf("a refused change changed something: %+v", groups[0])
	}
	if err := l.ChangeGroup(ctx, "none", func(*Group) error { return nil }); !errors.Is(err, ErrNoGroup) {
		t.Error(err)
	}
}

func TestStreamsByHand(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := open(t, Config{Folder: folder})
	ctx := t.Context()
	long := strings.Repeat("x/", 150)
	if err := l.CreateStream(ctx, "g", "s"); !errors.Is(err, ErrNoGroup) {
		t.Errorf("stream of no group: %v", err)
	}
	if err := l.CreateGroup(ctx, Group{Name: "g"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s", long} {
		if err := l.CreateStream(ctx, "g", name); err != nil {
			t.Fatal(err)
		}
		if err := l.CreateStream(ctx, "g", name); !errors.Is(err, ErrStreamExists) {
			t.Errorf("again: %v", err)
		}
	}
	if page, err := l.Read(ctx, "g", long, Query{}); err != nil || len(page.Records) != 0 {
		t.Errorf("empty stream: %v %v", page, err)
	}
	if span, err := l.Span(ctx, "g", "s"); err != nil || !span.First.IsZero() || span.Created.IsZero() {
		t.Errorf("empty stream: %+v %v", span, err)
	}
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	if err := l.Put(ctx, "g", "s", []Message{{at, "one"}, {at.Add(time.Second), "two"}}); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(ctx, "g", "none", nil); !errors.Is(err, ErrNoStream) {
		t.Errorf("put into no stream: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Config{Folder: folder})
	page, err := l.Read(ctx, "g", "s", Query{})
	if err != nil || !slices.Equal(messagesOf(page.Records), []string{"one", "two"}) {
		t.Errorf("page %v %v", page, err)
	}
	span, err := l.Span(ctx, "g", "s")
	if err != nil || !span.First.Equal(at) || !span.Last.Equal(at.Add(time.Second)) || span.Ingested.Before(at) {
		t.Errorf("span %+v %v", span, err)
	}
}

// TestDeleteWhilePublishing: the group stays away when nobody writes any more, and
// what is written after it was deleted makes it again.
func TestDeleteWhilePublishing(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	ctx, o := t.Context(), origin("s")
	for i := range 20 {
		l.Publish(line(o, time.Now(), fmt.Sprint(i)))
		if err := l.DeleteGroup(ctx, o.LogGroup); err != nil {
			t.Fatal(err)
		}
		if groups, err := l.Groups(ctx); err != nil || len(groups) != 0 {
			t.Fatalf("after deleting: %v %v", groups, err)
		}
	}
}

// TestExpiredIsNotShown: a record is gone on time though its segment lives on.
func TestExpiredIsNotShown(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{Folder: folder})
		ctx, o := t.Context(), origin("s")
		if err := l.CreateGroup(ctx, Group{Name: o.LogGroup, Retention: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		l.Publish(line(o, time.Now(), "old"))
		_ = l.Sync(ctx)
		time.Sleep(23 * time.Hour)
		l.Publish(line(o, time.Now(), "young"))
		if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"old", "young"}) {
			t.Errorf("before: %q", got)
		}
		time.Sleep(2 * time.Hour)
		if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"young"}) {
			t.Errorf("read: %q", got)
		}
		records, err := l.Filter(ctx, o.LogGroup, Filter{})
		if err != nil || !slices.Equal(messagesOf(records), []string{"young"}) {
			t.Errorf("filter: %v %v", records, err)
		}
	})
}

// TestFilterBytes: a bound of bytes keeps the right end, and at least one record.
func TestFilterBytes(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	ctx, o := t.Context(), origin("s")
	begin := time.Now().Add(-time.Hour)
	for i := range 30 {
		l.Publish(line(o, begin.Add(time.Duration(i)*time.Second), fmt.Sprintf("%02d%s", i, strings.Repeat(".", 98))))
	}
	for _, c := range []struct {
		filter      Filter
		first, last string
		count       int
	}{
		{Filter{Bytes: 1000}, "00", "09", 10},
		{Filter{Bytes: 1000, Newest: true}, "20", "29", 10},
		{Filter{Bytes: 1, Newest: true}, "29", "29", 1},
		{Filter{Bytes: 1000, Limit: 3}, "00", "02", 3},
		{Filter{}, "00", "29", 30},
	} {
		got, err := l.Filter(ctx, o.LogGroup, c.filter)
		if err != nil || len(got) != c.count || got[0].Message[:2] != c.first || got[len(got)-1].Message[:2] != c.last {
			t.Errorf("%+v: %d records %v", c.filter, len(got), err)
		}
	}
}
