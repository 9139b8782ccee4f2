package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/event"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(crashFolder); folder != "" {
		writeForever(folder)
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, cfg Config) *Logs {
	t.Helper()
	if cfg.Folder == "" {
		cfg.Folder = t.TempDir()
	}
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func origin(stream string) *event.Origin {
	return &event.Origin{
		Environment: "e", Function: "f", Version: "$LATEST", MemoryMB: 128, InitType: "on-demand",
		LogGroup: "/aws/lambda/f", LogStream: stream, LogFormat: "Text",
	}
}

func line(o *event.Origin, at time.Time, text string) event.Event {
	return event.Event{Time: at, Origin: o, Record: event.Line{Text: []byte(text), RequestID: "r"}}
}

// invocation is everything that is told of one.
func invocation(o *event.Origin, id string, cold bool, lines ...string) []event.Event {
	now := time.Now()
	var events []event.Event
	say := func(r event.Record) { events = append(events, event.Event{Time: now, Origin: o, Record: r}) }
	report := event.Report{RequestID: id, Status: event.Success, Duration: 3 * time.Millisecond, Billed: 3 * time.Millisecond, MemorySize: 128, MemoryUsed: 36}
	if cold {
		say(event.Created{})
		say(event.InitStart{Phase: event.PhaseInit, RuntimeVersion: "python:3.13.v60", RuntimeVersionARN: "arn:r"})
		say(event.InitRuntimeDone{Phase: event.PhaseInit, Status: event.Success})
		say(event.InitReport{Phase: event.PhaseInit, Status: event.Success, Duration: 10 * time.Millisecond})
		report.Init, report.Billed = 10*time.Millisecond, 13*time.Millisecond
	}
	say(event.Start{RequestID: id, Version: "$LATEST"})
	for _, l := range lines {
		say(event.Line{RequestID: id, Text: []byte(l)})
	}
	say(event.RuntimeDone{RequestID: id, Status: event.Success})
	say(report)
	return events
}

func messagesOf(records []Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Message)
	}
	return all
}

func readAll(t *testing.T, l *Logs, stream string) []Record {
	t.Helper()
	var all []Record
	var q Query
	for {
		page, err := l.Read(t.Context(), "/aws/lambda/f", stream, q)
		if err != nil {
			t.Fatalf("read %s: %v", stream, err)
		}
		if len(page.Records) == 0 {
			return all
		}
		all = append(all, page.Records...)
		q.From = page.Next
	}
}

func TestStreamOfAnEnvironment(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	l := open(t, Config{Folder: folder})
	const name = "2025/11/24/[$LATEST]0123456789abcdef0123456789abcdef"
	o := origin(name)
	for _, e := range slices.Concat(invocation(o, "r1", true, "hello\n"), invocation(o, "r2", false, "a\rb\n", "end")) {
		l.Publish(e)
	}
	want := []string{
		"INIT_START Runtime Version: python:3.13.v60\tRuntime Version ARN: arn:r\n",
		"START RequestId: r1 Version: $LATEST\n", "hello\n", "END RequestId: r1\n",
		"REPORT RequestId: r1\tDuration: 3.00 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 10.00 ms\t\n",
		"START RequestId: r2 Version: $LATEST\n", "a\rb\n", "end", "END RequestId: r2\n",
		"REPORT RequestId: r2\tDuration: 3.00 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t\n",
	}
	if got := messagesOf(readAll(t, l, name)); !slices.Equal(got, want) {
		t.Errorf("stream:\n got %q\nwant %q", got, want)
	}
	_ = l.Close()
	l = open(t, Config{Folder: folder})
	if got := messagesOf(readAll(t, l, name)); !slices.Equal(got, want) {
		t.Errorf("stream after a restart:\n got %q\nwant %q", got, want)
	}
	groups, err := l.Groups(t.Context())
	if err != nil || len(groups) != 1 || groups[0].Name != "/aws/lambda/f" || groups[0].Created.IsZero() {
		t.Errorf("groups: got %v, %v", groups, err)
	}
	streams, err := l.Streams(t.Context(), "/aws/lambda/f")
	if err != nil || len(streams) != 1 || streams[0].Name != name || streams[0].Bytes == 0 {
		t.Errorf("streams: got %v, %v", streams, err)
	}
}

func TestLevelsOfAStream(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	o := origin("s")
	o.LogFormat, o.ApplicationLevel, o.SystemLevel = "JSON", "WARN", "WARN"
	for _, e := range invocation(o, "r1", true, `{"level":"error","timestamp":"2026-01-01T00:00:00Z"}`, `{"level":"info"}`) {
		l.Publish(e)
	}
	want := []string{`{"level":"error","timestamp":"2026-01-01T00:00:00Z"}`}
	if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadByPages(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	o := origin("s")
	begin := time.Now().Truncate(time.Millisecond)
	const n = 1000
	text := strings.Repeat("x", 10_000) // so that there are several segments
	for i := range n {
		l.Publish(line(o, begin.Add(time.Duration(i)*time.Millisecond), fmt.Sprintf("%d %s", i, text)))
		if i%50 == 0 {
			if err := l.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	segments, _ := segmentsOf(l.folder, streamKey{o.LogGroup, "s"}.folder())
	if len(segments) < 2 {
		t.Fatalf("segments: got %d, want several", len(segments))
	}
	forward := readAll(t, l, "s")
	if len(forward) != n {
		t.Fatalf("records: got %d, want %d", len(forward), n)
	}
	for i, r := range forward {
		if !strings.HasPrefix(r.Message, fmt.Sprintf("%d ", i)) || !r.Time.Equal(begin.Add(time.Duration(i)*time.Millisecond)) || r.Stream != "s" {
			t.Fatalf("record %d: got %.10q of %s at %s", i, r.Message, r.Stream, r.Time)
		}
	}
	var backward []Record
	q := Query{From: End, Backward: true, Limit: 77}
	for {
		page, err := l.Read(t.Context(), o.LogGroup, "s", q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Records) == 0 {
			break
		}
		backward = append(slices.Clone(page.Records), backward...)
		q.From = page.Previous
	}
	if !slices.Equal(messagesOf(backward), messagesOf(forward)) {
		t.Errorf("read backward: %d records that differ from the %d read forward", len(backward), len(forward))
	}
	some, err := l.Read(t.Context(), o.LogGroup, "s", Query{Since: begin.Add(500 * time.Millisecond), Until: begin.Add(503 * time.Millisecond)})
	if err != nil || len(some.Records) != 3 || !strings.HasPrefix(some.Records[0].Message, "500 ") {
		t.Errorf("records of 3 ms: got %d, %v", len(some.Records), err)
	}
	odd, err := l.Read(t.Context(), o.LogGroup, "s", Query{From: forward[3].Position + 1, Backward: true, Limit: 1})
	if err != nil || len(odd.Records) != 1 || !strings.HasPrefix(odd.Records[0].Message, "2 ") {
		t.Errorf("backward from within record 3: got %.20q, %v; want record 2", messagesOf(odd.Records), err)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	a, b := origin("a"), origin("b")
	begin := time.Now().Truncate(time.Millisecond)
	for i := range 10 {
		o := a
		if i%2 == 1 {
			o = b
		}
		l.Publish(line(o, begin.Add(time.Duration(i)*time.Millisecond), fmt.Sprint(i)))
	}
	for name, tc := range map[string]struct {
		f    Filter
		want string
	}{
		"all":    {Filter{}, "0123456789"},
		"first":  {Filter{Limit: 3}, "012"},
		"last":   {Filter{Limit: 3, Newest: true}, "789"},
		"prefix": {Filter{Prefix: "b"}, "13579"},
		"named":  {Filter{Streams: []string{"a"}, Limit: 2}, "02"},
		"range":  {Filter{Since: begin.Add(4 * time.Millisecond), Until: begin.Add(6 * time.Millisecond)}, "45"},
		"match":  {Filter{Match: func(m string) bool { return m == "7" }}, "7"},
	} {
		got, err := l.Filter(t.Context(), "/aws/lambda/f", tc.f)
		if err != nil || strings.Join(messagesOf(got), "") != tc.want {
			t.Errorf("%s: got %q, %v; want %q", name, messagesOf(got), err, tc.want)
		}
	}
	var paged []string
	f := Filter{Limit: 3}
	for {
		got, err := l.Filter(t.Context(), "/aws/lambda/f", f)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			break
		}
		paged = append(paged, messagesOf(got)...)
		f.After = &got[len(got)-1]
	}
	if s := strings.Join(paged, ""); s != "0123456789" {
		t.Errorf("by pages: got %s", s)
	}
	if _, err := l.Filter(t.Context(), "none", Filter{}); !errors.Is(err, ErrNoGroup) {
		t.Errorf("filter of no group: got %v, want %v", err, ErrNoGroup)
	}
	if _, err := l.Read(t.Context(), "/aws/lambda/f", "none", Query{}); !errors.Is(err, ErrNoStream) {
		t.Errorf("read of no stream: got %v, want %v", err, ErrNoStream)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	o := origin("a")
	l.Publish(line(o, time.Now().Add(-time.Hour), "old"))
	l.Publish(line(o, time.Now(), "first"))

	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan string, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- l.Follow(ctx, o.LogGroup, time.Now().Add(-time.Minute), func(r Record) error { got <- r.Message; return nil })
	}()
	if m := <-got; m != "first" {
		t.Fatalf("first record: got %q", m)
	}
	var want []string
	for i := range 50 {
		m := fmt.Sprint(i)
		want = append(want, m)
		l.Publish(line(o, time.Now(), m))
		if i%7 == 0 {
			_ = l.Sync(t.Context())
		}
	}
	var followed []string
	for range want {
		followed = append(followed, <-got)
	}
	if !slices.Equal(followed, want) {
		t.Errorf("followed: got %q, want %q", followed, want)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("end of following: got %v, want %v", err, context.Canceled)
	}
	if len(got) > 0 {
		t.Errorf("a record was handed over twice: %q", <-got)
	}
}

func TestFollowEndsWithLogs(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	ended := make(chan error, 1)
	go func() {
		ended <- l.Follow(t.Context(), "/aws/lambda/f", time.Time{}, func(Record) error { return nil })
	}()
	_ = l.Close()
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("following closed logs: got %v, want %v", err, ErrClosed)
	}
	l.Publish(line(origin("s"), time.Now(), "too late"))
}

func TestTail(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	tails, o := l.Tails(), origin("s")
	tails.Open("r1")
	tails.Open("big")
	for _, e := range slices.Concat(invocation(o, "other", true, "not mine\n"), invocation(o, "r1", true, "mine\n", "unended")) {
		l.Publish(e)
	}
	l.Publish(line(o, time.Now(), "nobody's"))
	want := "START RequestId: r1 Version: $LATEST\nmine\nunendedEND RequestId: r1\n" +
		"REPORT RequestId: r1\tDuration: 3.00 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 10.00 ms\t\n"
	if got := string(tails.Close("r1")); got != want {
		t.Errorf("tail (F274):\n got %q\nwant %q", got, want)
	}
	if got := tails.Close("r1"); got != nil {
		t.Errorf("tail that is closed: got %q", got)
	}
	var lines []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("line %d\n", i))
	}
	for _, e := range invocation(o, "big", false, lines...) {
		l.Publish(e)
	}
	got := string(tails.Close("big"))
	if len(got) != 4096 || !strings.Contains(got, "line 4999\nEND RequestId: big\nREPORT ") {
		t.Errorf("tail of much: %d bytes that end in %q", len(got), got[max(0, len(got)-300):])
	}
	if n := tails.count.Load(); n != 0 {
		t.Errorf("open tails at the end: %d", n)
	}
}

func TestFloodIsBoundedAndCounted(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	o := origin("s")
	release := make(chan struct{})
	held := make(chan struct{})
	go func() { _ = l.do(context.Background(), func() error { close(held); <-release; return nil }) }()
	<-held // the writer is away
	l.Publish(event.Event{Time: time.Now(), Origin: o, Record: event.Start{RequestID: "r", Version: "1"}})
	const n = 30_000
	for range n {
		l.Publish(line(o, time.Now(), strings.Repeat("x", 99)+"\n"))
	}
	l.Publish(event.Event{Time: time.Now(), Origin: o, Record: event.Report{RequestID: "r", Status: event.Success}})
	if w := l.waiting.Load(); w > queueBytes {
		t.Errorf("bytes that wait: %d, want at most %d", w, queueBytes)
	}
	close(release)
	records := readAll(t, l, "s")
	last := records[len(records)-1].Message
	dropped := n - (len(records) - 4) // START, END, REPORT and the last
	want := fmt.Sprintf("LOGS_DROPPED Records: %d\tBytes: %d\t", dropped, dropped*100)
	if !strings.HasPrefix(last, want) {
		t.Errorf("last record: got %q, want %q…", last, want)
	}
	if got := records[len(records)-2].Message; !strings.HasPrefix(got, "REPORT ") {
		t.Errorf("the report was lost in the flood: got %q", got)
	}
	stats, _ := l.Stats(t.Context())
	if stats.DroppedRecords != int64(dropped) || stats.DroppedBytes != int64(dropped)*100 {
		t.Errorf("stats: got %+v, want %d dropped records", stats, dropped)
	}
	if w := l.waiting.Load(); w != 0 {
		t.Errorf("bytes that wait at the end: %d", w)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	var wg sync.WaitGroup
	const environments, each = 40, 200
	for i := range environments {
		wg.Go(func() {
			o := origin(fmt.Sprint("s", i))
			for j := range each {
				l.Publish(line(o, time.Now(), fmt.Sprint(j)))
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			_, _ = l.Filter(t.Context(), "/aws/lambda/f", Filter{Limit: 10})
			_, _ = l.Streams(t.Context(), "/aws/lambda/f")
		}
	})
	wg.Wait()
	for i := range environments {
		got := readAll(t, l, fmt.Sprint("s", i))
		if len(got) != each {
			t.Fatalf("stream %d: got %d records, want %d", i, len(got), each)
		}
		for j, r := range got {
			if r.Message != fmt.Sprint(j) {
				t.Fatalf("stream %d, record %d: got %q", i, j, r.Message)
			}
		}
	}
}

func TestDeleteAndRetention(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	o := origin("s")
	ctx := t.Context()
	l.Publish(line(o, time.Now(), "a"))
	if err := l.ChangeGroup(ctx, o.LogGroup, func(g *Group) error { g.Retention = 24 * time.Hour; return nil }); err != nil {
		t.Fatal(err)
	}
	if g, err := l.Groups(ctx); err != nil || g[0].Retention != 24*time.Hour {
		t.Errorf("groups: got %v, %v", g, err)
	}
	if err := l.DeleteStream(ctx, o.LogGroup, "s"); err != nil {
		t.Error(err)
	}
	l.Publish(line(o, time.Now(), "b"))
	if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after the stream was deleted: got %q, want b", got)
	}
	if err := l.DeleteGroup(ctx, o.LogGroup); err != nil {
		t.Error(err)
	}
	if err := l.DeleteGroup(ctx, o.LogGroup); !errors.Is(err, ErrNoGroup) {
		t.Errorf("delete again: got %v, want %v", err, ErrNoGroup)
	}
	l.Publish(line(o, time.Now(), "c"))
	if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"c"}) {
		t.Errorf("after the group was deleted: got %q, want c", got)
	}
}
