package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/store/sqlite"
)

// add is a statement that makes a function's row, of about this many bytes.
func add(name string, size int) string {
	return fmt.Sprintf(`INSERT INTO function (name, document) VALUES ('%s', '{"Name":"%s"}' || printf('%%%dc', ' '))`, name, name, size)
}

// remove is a statement that removes it.
func remove(name string) string { return fmt.Sprintf("DELETE FROM function WHERE name = '%s'", name) }

func makes(statements ...string) sqlite.Member { return sqlite.Member{Statements: statements} }

// names are the functions that are there.
func names(t *testing.T, s *sqlite.Store) string {
	t.Helper()
	var all []string
	err := s.EachFunction(t.Context(), func(f store.Function, _ []lambda.Version) error {
		all = append(all, f.Name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// wantAnswers commits a group and compares what its members were answered (+ made,
// - not) and what is there then.
func wantAnswers(t *testing.T, s *sqlite.Store, answers, there string, members ...sqlite.Member) {
	t.Helper()
	errs, err := sqlite.Commit(t.Context(), s, members...)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, err := range errs {
		got += map[bool]string{true: "+", false: "-"}[err == nil]
	}
	if now := names(t, s); got != answers || now != there {
		t.Errorf("answers %s, there are %q; want %s and %q: %v", got, now, answers, there, errs)
	}
	if err := put(s, "after"); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

// Whatever becomes of one member of a group, the others are made, and each is
// answered what became of itself.
func TestGroups(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	one := func(name string) sqlite.Member { return makes(add(name, 1)) }
	refusedAfter := func(statements ...string) sqlite.Member {
		return sqlite.Member{Statements: statements, Refusal: refused}
	}
	abandoned := sqlite.Member{Context: gone, Statements: []string{add("x", 1)}}
	for name, c := range map[string]struct {
		members        []sqlite.Member
		answers, there string
	}{
		"all are made":              {[]sqlite.Member{one("a"), one("b"), one("c")}, "+++", "a b c"},
		"the first is refused":      {[]sqlite.Member{refusedAfter(add("a", 1)), one("b"), one("c")}, "-++", "b c"},
		"the last is refused":       {[]sqlite.Member{one("a"), one("b"), refusedAfter(add("c", 1), add("d", 1))}, "++-", "a b"},
		"all are refused":           {[]sqlite.Member{refusedAfter(), refusedAfter()}, "--", ""},
		"alone, refused":            {[]sqlite.Member{refusedAfter(add("a", 1))}, "-", ""},
		"a statement that fails":    {[]sqlite.Member{one("a"), makes(add("b", 1), add("a", 1)), one("c")}, "+-+", "a c"},
		"a statement without sense": {[]sqlite.Member{one("a"), makes("INSERT INTO nowhere VALUES (1)"), one("c")}, "+-+", "a c"},
		"nobody waits":              {[]sqlite.Member{one("a"), abandoned, one("c")}, "+-+", "a c"},
		"nobody waits, one refused": {[]sqlite.Member{refusedAfter(), abandoned, one("c")}, "--+", "c"},
		// SQLite does that by itself after some errors: what came before is undone too.
		"a transaction that has ended":        {[]sqlite.Member{one("a"), refusedAfter(add("b", 1), "ROLLBACK"), one("c"), abandoned}, "+-+-", "a c"},
		"a transaction that has ended, alone": {[]sqlite.Member{refusedAfter("ROLLBACK")}, "-", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, filepath.Join(t.TempDir(), "lambent.db"))
			defer s.Close()
			wantAnswers(t, s, c.answers, c.there, c.members...)
		})
	}
}

// In a full database, what is too large fails alone; what makes room does not fail
// with it, and then there is room.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	const large = 1 << 20
	s := open(t, filepath.Join(t.TempDir(), "lambent.db"))
	defer s.Close()
	wantAnswers(t, s, "+", "a", makes(add("a", large)))
	pages, err := sqlite.Pragma(t.Context(), s, "page_count")
	if err != nil {
		t.Fatal(err)
	}
	full := "PRAGMA max_page_count = " + pages
	wantAnswers(t, s, "+--+", "after z", makes(full), makes(add("b", large)), makes(add("c", large), add("d", 1)), makes(remove("a"), add("z", 1)))
	wantAnswers(t, s, "+-++", "after b y z", makes(full), makes(add("c", 2*large)), makes(add("b", large/2)), makes(add("y", 1)))
}

// A queue whose disk is full refuses events, keeps all that it has acknowledged,
// works on, and takes events again when there is room.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lambent.db")
	s := open(t, path)
	if _, err := sqlite.Pragma(t.Context(), s, "max_page_count = 1000"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acknowledged := map[string]int64{} // by request id
	var senders sync.WaitGroup
	for sender := range 8 {
		senders.Go(func() {
			for i := 0; ; i++ {
				e := event(fmt.Sprint(sender, "-", i))
				if err := s.Enqueue(context.Background(), &e); err != nil {
					return
				}
				mu.Lock()
				acknowledged[e.RequestID] = e.Sequence
				mu.Unlock()
			}
		})
	}
	senders.Wait()
	e := event("one more")
	if err := s.Enqueue(t.Context(), &e); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("an event for a full database: %v", err)
	}
	if len(acknowledged) == 0 {
		t.Fatal("nothing was taken")
	}
	all, _, err := s.Claim(t.Context(), "f", time.Now(), len(acknowledged)/2)
	if err != nil || len(all) != len(acknowledged)/2 {
		t.Fatalf("%d events, %v; want %d", len(all), err, len(acknowledged)/2)
	}
	for _, e := range all {
		if err := s.Remove(t.Context(), e.Sequence); err != nil {
			t.Fatalf("remove from a full database: %v", err)
		}
		delete(acknowledged, e.RequestID)
	}
	e = event("room again")
	if err := s.Enqueue(t.Context(), &e); err != nil {
		t.Errorf("an event when there is room: %v", err)
	}
	acknowledged[e.RequestID] = e.Sequence
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	defer s.Close()
	kept, err := s.Events(t.Context(), store.EventFilter{Limit: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range kept {
		if acknowledged[e.RequestID] != e.Sequence {
			t.Errorf("%s was not acknowledged, or removed", e.RequestID)
		}
		delete(acknowledged, e.RequestID)
	}
	if len(acknowledged) > 0 {
		t.Errorf("acknowledged and lost: %v", acknowledged)
	}
}

func event(id string) store.Event {
	now := time.Now()
	return store.Event{RequestID: id, Function: "f", Payload: make([]byte, 20_000), Accepted: now, Due: now}
}

// A disk that is nearly full takes no new events, so that those that are there can be
// finished and dropped; what they leave in the file takes new ones.
func TestDiskNearlyFull(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "lambent.db"))
	defer s.Close()
	if err := s.PutRule(t.Context(), lambda.Rule{Name: "r"}); err != nil {
		t.Fatal(err)
	}
	var sequences []int64
	for i := range 10 {
		e := event(fmt.Sprint(i))
		e.Payload = make([]byte, 1<<20)
		if err := s.EnqueueClaimed(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
		sequences = append(sequences, e.Sequence)
	}
	attempts := func() (errs []error) {
		for i, enqueue := range []func(context.Context, *store.Event) error{s.Enqueue, s.EnqueueClaimed} {
			e := event(fmt.Sprint("attempt ", i))
			errs = append(errs, enqueue(t.Context(), &e))
		}
		e := event("tick")
		_, err := s.Fire(t.Context(), store.Tick{Key: store.RuleKey("r"), At: time.Now()}, []*store.Event{&e})
		return append(errs, err)
	}
	sqlite.SetFree(s, sqlite.Spare/2)
	for i, err := range attempts() {
		if err == nil || !strings.Contains(err.Error(), "the disk has 8 MB left") {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	for _, sequence := range sequences {
		if err := s.Remove(t.Context(), sequence); err != nil {
			t.Fatal(err)
		}
	}
	for i, err := range attempts() {
		if err != nil {
			t.Errorf("attempt %d, with room in the file: %v", i, err)
		}
	}
	sqlite.SetFree(s, sqlite.Spare/8)
	for i, err := range attempts() {
		if err == nil {
			t.Errorf("attempt %d was taken without room for the log", i)
		}
	}
	sqlite.SetFree(s, sqlite.Spare)
	e := event("the first that spoils it")
	e.Payload = make([]byte, 8<<20)
	if err := s.Enqueue(t.Context(), &e); err == nil {
		t.Error("an event was taken that leaves too little")
	}
	sqlite.SetFree(s, 3*sqlite.Spare)
	if err := s.Enqueue(t.Context(), &e); err != nil {
		t.Errorf("an event that leaves enough: %v", err)
	}
}

// Statements that were prepared go on after the tables have changed.
func TestStatementsOutliveTheirTables(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lambent.db")
	s := open(t, path)
	defer s.Close()
	use := func(id string) {
		t.Helper()
		e := event(id)
		if err := s.Enqueue(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
		all, _, err := s.Claim(t.Context(), "f", time.Now(), 10)
		if err != nil || len(all) != 1 || all[0].RequestID != id || len(all[0].Payload) != len(e.Payload) {
			t.Fatalf("claimed %d events, %v", len(all), err)
		}
		all[0].Faults++
		if err := s.Update(t.Context(), all[0]); err != nil {
			t.Fatal(err)
		}
		if all, _, err = s.Claim(t.Context(), "f", time.Now(), 10); err != nil || len(all) != 1 || all[0].Faults != 1 {
			t.Fatalf("claimed %+v, %v after the update", all, err)
		}
		if err := s.Remove(t.Context(), all[0].Sequence); err != nil {
			t.Fatal(err)
		}
	}
	use("before")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, change := range []string{
		"ALTER TABLE queued_event ADD COLUMN more TEXT", "CREATE INDEX queued_event_by_more ON queued_event (more, function)",
		"CREATE TABLE another (a)", "DROP INDEX queued_event_by_more", "ALTER TABLE queued_event DROP COLUMN more", "VACUUM", "ANALYZE",
	} {
		if _, err := db.Exec(change); err != nil {
			t.Fatal(err)
		}
		use(change)
	}
}

// A caller that gives up ends its own wait only: a write that was begun is made, and
// nobody touches what the caller has in hand.
func TestGivenUpWhileWriting(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "lambent.db"))
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	begun, goOn := make(chan struct{}), make(chan struct{})
	answer := make(chan error, 1)
	go func() { answer <- sqlite.SubmitSlowly(ctx, s, "slow", begun, goOn) }()
	<-begun
	other := make(chan error, 1)
	go func() { other <- put(s, "other") }()
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("the one that gave up: %v", err)
	}
	close(goOn)
	if err := <-other; err != nil {
		t.Errorf("the other: %v", err)
	}
	if got := names(t, s); got != "other slow" {
		t.Errorf("there are %q", got)
	}
}
