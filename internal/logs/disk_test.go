package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/event"
)

// crashFolder makes the test binary a daemon that writes until it is killed.
const crashFolder = "LAMBENT_TEST_CRASH_FOLDER"

func writeForever(folder string) {
	l, err := Open(Config{Folder: folder})
	if err != nil {
		panic(err)
	}
	o := origin("s")
	for i := 0; ; i++ {
		l.Publish(line(o, time.Now(), fmt.Sprintf("line %d %s\n", i, strings.Repeat("x", i%3000))))
		if i%10 == 0 {
			_ = l.do(context.Background(), func() error { l.drain(); return nil })
		}
		if i == 200 {
			fmt.Println("ready")
		}
	}
}

func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	next := 0
	for round := range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashFolder+"="+folder)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 10))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()

		l := open(t, Config{Folder: folder})
		records := readAll(t, l, "s")
		number := 0
		for _, r := range records[next:] {
			if want := fmt.Sprintf("line %d %s\n", number, strings.Repeat("x", number%3000)); r.Message != want {
				t.Fatalf("round %d: got %.40q, want %.40q", round, r.Message, want)
			}
			number++
		}
		if number < 200 {
			t.Fatalf("round %d: %d lines survived, want at least 200", round, number)
		}
		next = len(records)
		_ = l.Close()
	}
}

// lastSegment is the path of a stream's last segment.
func lastSegment(t *testing.T, folder, stream string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder, escape("/aws/lambda/f"), escape(stream), "*"+segmentSuffix))
	if err != nil || len(all) == 0 {
		t.Fatalf("segments of %s: %v, %v", stream, all, err)
	}
	slices.Sort(all)
	return all[len(all)-1]
}

func TestTornEnds(t *testing.T) {
	t.Parallel()
	whole := appendRecord(nil, 1, 2, []byte("torn"))
	flipped := slices.Clone(whole)
	flipped[recordHead]++
	for name, tail := range map[string][]byte{
		"half a record":    whole[:len(whole)/2],
		"half a head":      whole[:7],
		"no end":           whole[:len(whole)-1],
		"a flipped bit":    flipped,
		"zeros":            make([]byte, 4096),
		"an absurd length": {0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
	} {
		folder := t.TempDir()
		l := open(t, Config{Folder: folder})
		l.Publish(line(origin("s"), time.Now(), "one"))
		_ = l.Close()
		file := lastSegment(t, folder, "s")
		data, _ := os.ReadFile(file)
		if err := os.WriteFile(file, append(data, tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		l = open(t, Config{Folder: folder})
		if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"one"}) {
			t.Errorf("%s, read forward: got %q", name, got)
		}
		page, err := l.Read(t.Context(), "/aws/lambda/f", "s", Query{From: End, Backward: true})
		if err != nil || !slices.Equal(messagesOf(page.Records), []string{"one"}) {
			t.Errorf("%s, read backward: got %q, %v", name, messagesOf(page.Records), err)
		}
		l.Publish(line(origin("s"), time.Now(), "two"))
		if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%s, after an append: got %q", name, got)
		}
		_ = l.Close()
	}
}

// fullDisk is a segment whose disk is full after some bytes.
type fullDisk struct {
	segment
	room *int
}

func (f fullDisk) WriteAt(p []byte, off int64) (int, error) {
	if len(p) <= *f.room {
		return f.segment.WriteAt(p, off)
	}
	n, _ := f.segment.WriteAt(p[:*f.room], off)
	return n, syscall.ENOSPC
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	var problems []error
	l := open(t, Config{Problem: func(err error) { problems = append(problems, err) }})
	room := 1 << 20
	if err := l.do(t.Context(), func() error {
		real := l.disk.openFile
		l.disk.openFile = func(name string) (segment, error) {
			s, err := real(name)
			return fullDisk{s, &room}, err
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	o := origin("s")
	publish := func(free int, text string) {
		_ = l.do(t.Context(), func() error { room = free; return nil })
		l.Publish(line(o, time.Now(), text))
		_ = l.Sync(t.Context())
	}
	publish(1<<20, "before")
	publish(10, "lost")
	publish(0, "lost too")
	if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"before"}) {
		t.Errorf("while full: got %q", got)
	}
	publish(1<<20, "after")
	got := messagesOf(readAll(t, l, "s"))
	want := []string{"before", "after", "LOGS_DROPPED Records: 2\tBytes: 12\tReason: Some logs were dropped because they could not be written to disk\n"}
	if !slices.Equal(got, want) {
		t.Errorf("after there was room again:\n got %q\nwant %q", got, want)
	}
	stats, _ := l.Stats(t.Context())
	if stats.WriteErrors != 2 || stats.DroppedRecords != 2 {
		t.Errorf("stats: got %+v, want 2 errors and 2 dropped records", stats)
	}
	if len(problems) != 2 || !errors.Is(problems[0], syscall.ENOSPC) || problems[1] != nil {
		t.Errorf("problems told: got %v, want no space and nil", problems)
	}
}

func TestRetentionInTime(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{Folder: folder, Retention: 24 * time.Hour})
		o := origin("s")
		l.Publish(line(o, time.Now(), "old"))
		if err := l.CreateGroup(t.Context(), Group{Name: "kept", Retention: 1000 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		kept := origin("s")
		kept.LogGroup = "kept"
		l.Publish(line(kept, time.Now(), "kept"))
		_ = l.Sync(t.Context())
		// The file system's clock does not know of the bubble's.
		_ = os.Chtimes(lastSegment(t, folder, "s"), time.Now(), time.Now())
		_ = os.Chtimes(filepath.Join(folder, "kept", "s", segmentName(0)), time.Now(), time.Now())

		time.Sleep(23 * time.Hour)
		synctest.Wait()
		old := readAll(t, l, "s")
		if len(old) != 1 {
			t.Fatalf("before its time: got %q, want one record", messagesOf(old))
		}
		time.Sleep(2*time.Hour + time.Minute)
		synctest.Wait()
		if _, err := l.Read(t.Context(), o.LogGroup, "s", Query{}); !errors.Is(err, ErrNoStream) {
			t.Errorf("after its time: got %v, want %v", err, ErrNoStream)
		}
		if page, err := l.Read(t.Context(), "kept", "s", Query{}); err != nil || len(page.Records) != 1 {
			t.Errorf("a group with a longer retention: got %v, %v", page, err)
		}
		n := 0
		l.queues.Range(func(any, any) bool { n++; return true })
		if n != 0 {
			t.Errorf("queues of silent environments in memory: %d", n)
		}
		_ = l.Close()
	})
}

func TestTotalSizeIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 10 << 20
	l := open(t, Config{MaxBytes: limit})
	busy := origin("busy")
	text := strings.Repeat("x", 100_000)
	var first Position
	for i := range 500 { // 50 MB
		l.Publish(line(busy, time.Now(), text))
		if i%5 == 0 {
			_ = l.Sync(t.Context())
			if s, _ := l.Stats(t.Context()); s.DiskBytes > limit {
				t.Fatalf("bytes on disk: %d, want at most %d", s.DiskBytes, limit)
			}
		}
	}
	records := readAll(t, l, "busy")
	if len(records) == 0 || records[0].Position == first {
		t.Fatalf("got %d records from %d, want the later ones", len(records), records[0].Position)
	}
	if want := Position(500 * (100_000 + recordOverhead)); records[len(records)-1].nextStart != want {
		t.Errorf("end of the stream: got %d, want %d: positions must go on", records[len(records)-1].nextStart, want)
	}
	var onDisk int64
	_ = filepath.Walk(l.folder.Name(), func(_ string, info os.FileInfo, _ error) error {
		if info != nil && !info.IsDir() {
			onDisk += info.Size()
		}
		return nil
	})
	if onDisk > limit+1000 {
		t.Errorf("files on disk: %d bytes, want at most %d", onDisk, limit)
	}
}

func TestManyOpenStreams(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	origins := make([]*event.Origin, maxOpen+50)
	for i := range origins {
		origins[i] = origin(fmt.Sprint("s", i))
	}
	for round := range 3 {
		for _, o := range origins {
			l.Publish(line(o, time.Now(), fmt.Sprint(round)))
		}
		_ = l.Sync(t.Context())
	}
	var open int
	_ = l.do(t.Context(), func() error { open = l.disk.open.Len(); return nil })
	if open > maxOpen {
		t.Errorf("open segments: %d, want at most %d", open, maxOpen)
	}
	for _, o := range origins {
		if got := messagesOf(readAll(t, l, o.LogStream)); !slices.Equal(got, []string{"0", "1", "2"}) {
			t.Fatalf("%s: got %q", o.LogStream, got)
		}
	}
}

// segmentsOpen is how many segments the writer has open, and of how many streams it
// knows the end.
func segmentsOpen(t *testing.T, l *Logs) (open, known int) {
	t.Helper()
	if err := l.do(t.Context(), func() error { open, known = l.disk.open.Len(), len(l.disk.streams); return nil }); err != nil {
		t.Fatal(err)
	}
	return open, known
}

// TestClosedWithItsEnvironment: nothing stays open for an environment that is gone, and
// what is said of it later is kept all the same.
func TestClosedWithItsEnvironment(t *testing.T) {
	t.Parallel()
	l := open(t, Config{})
	ends, stays, silent := origin("ends"), origin("stays"), origin("silent")
	l.Publish(line(stays, time.Now(), "a"))
	l.Publish(line(ends, time.Now(), "a"))
	_ = l.Sync(t.Context())
	l.Publish(event.Event{Origin: ends, Record: event.Gone{}})
	l.Publish(event.Event{Origin: silent, Record: event.Gone{}})
	_ = l.Sync(t.Context())
	if open, known := segmentsOpen(t, l); open != 1 || known != 1 {
		t.Errorf("one of two environments is gone: %d segments open of %d streams, want 1 of 1", open, known)
	}
	n := 0
	l.queues.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d queues, want 1", n)
	}
	l.Publish(line(ends, time.Now(), "b"))
	l.Publish(event.Event{Origin: ends, Record: event.Gone{}}) // with what waits before it
	_ = l.Sync(t.Context())
	if open, known := segmentsOpen(t, l); open != 1 || known != 1 {
		t.Errorf("with a late line: %d segments open of %d streams, want 1 of 1", open, known)
	}
	if got := messagesOf(readAll(t, l, "ends")); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q, want both lines", got)
	}
}

// TestClosedWhenSilent: a stream that nobody writes to gives its descriptor back soon,
// and is written on where it ended.
func TestClosedWhenSilent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l := open(t, Config{Folder: folder})
		l.Publish(line(origin("s"), time.Now(), "a"))
		time.Sleep(time.Second)
		if open, _ := segmentsOpen(t, l); open != 1 {
			t.Errorf("%d segments open, want 1", open)
		}
		time.Sleep(closeAfter + maintenance)
		if open, known := segmentsOpen(t, l); open != 0 || known != 1 {
			t.Errorf("after a while: %d segments open of %d streams, want 0 of 1", open, known)
		}
		l.Publish(line(origin("s"), time.Now(), "b"))
		_ = l.Sync(t.Context())
		time.Sleep(idleAfter + maintenance)
		if open, known := segmentsOpen(t, l); open != 0 || known != 0 {
			t.Errorf("after a long while: %d segments open of %d streams, want none", open, known)
		}
		if got := messagesOf(readAll(t, l, "s")); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got %q, want both lines", got)
		}
		_ = l.Close()
	})
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"/aws/lambda/f", "2025/11/24/[$LATEST]0123", "..", ".", ".hidden", "a b", "é", "A", "a", "!a", "~x", "%41", "a@b", "\x00",
		strings.Repeat("Z", 512), "group.json", "x/../../y",
	} {
		file := escape(name)
		if strings.ContainsAny(file, "/\\ \x00ABCZ@~") && !strings.Contains(file, "%") && !strings.HasPrefix(file, hashedPrefix) || len(file) > maxEscaped || file[0] == '.' {
			t.Errorf("escape of %.20q is no safe file name: %q", name, file)
		}
		back, ok := unescape(file)
		if hashed := strings.HasPrefix(file, hashedPrefix); hashed == ok || ok && back != name {
			t.Errorf("escape of %.20q is %q, and back %q, %v", name, file, back, ok)
		}
	}
}

func TestLongNames(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := origin(strings.Repeat("S", 512))
	o.LogGroup = strings.Repeat("G", 512)
	l := open(t, Config{Folder: folder})
	l.Publish(line(o, time.Now(), "x"))
	groups, err := l.Groups(t.Context())
	if err != nil || len(groups) != 1 || groups[0].Name != o.LogGroup {
		t.Errorf("groups: got %v, %v", groups, err)
	}
	streams, err := l.Streams(t.Context(), o.LogGroup)
	if err != nil || len(streams) != 1 || streams[0].Name != o.LogStream {
		t.Errorf("streams: got %v, %v", streams, err)
	}
}

func FuzzUnescape(f *testing.F) {
	f.Add("%2Faws%2Flambda%2F!foo")
	f.Fuzz(func(t *testing.T, file string) {
		if name, ok := unescape(file); ok && escape(name) != file {
			t.Fatalf("unescape of %q is %q, whose escape is %q", file, name, escape(name))
		}
	})
}

func FuzzReadRecord(f *testing.F) {
	f.Add(appendRecord(appendRecord(nil, 1, 2, []byte("hello")), 3, 4, []byte("world")))
	f.Fuzz(func(t *testing.T, data []byte) {
		end := validEnd(bytes.NewReader(data), int64(len(data)))
		if end > int64(len(data)) {
			t.Fatalf("valid end of %d bytes: %d", len(data), end)
		}
		for off := int64(0); off < end; {
			_, next, _, ok := readRecord(bytes.NewReader(data), off, nil)
			if begin, back := recordBefore(bytes.NewReader(data), next); !ok || !back || begin != off {
				t.Fatalf("record at %d of %q does not lead back", off, data)
			}
			off = next
		}
	})
}
