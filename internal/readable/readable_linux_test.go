package readable_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"lambent/internal/readable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func watcher(t *testing.T) *readable.Watcher {
	t.Helper()
	w, err := readable.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// pipe is a pipe whose reading end is watched; each call of ready is told.
func pipe(t *testing.T, w *readable.Watcher) (r, to *os.File, one *readable.Watch, told chan bool) {
	t.Helper()
	r, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); to.Close() })
	of, err := readable.Of(r)
	if err != nil {
		t.Fatal(err)
	}
	told = make(chan bool, 10)
	if one, err = w.Watch(of, func() { told <- true }); err != nil {
		t.Fatal(err)
	}
	return r, to, one, told
}

func say(t *testing.T, to *os.File) {
	t.Helper()
	if _, err := to.WriteString("x"); err != nil {
		t.Fatal(err)
	}
}

// passed returns when the watcher has told of all that was to be told before.
func passed(t *testing.T, w *readable.Watcher) {
	t.Helper()
	_, to, one, told := pipe(t, w)
	say(t, to)
	<-told
	one.Stop()
}

// TestTellsOnce: what can be read is told once, and again when that is asked for,
// though nothing new has come; so is an end.
func TestTellsOnce(t *testing.T) {
	t.Parallel()
	w := watcher(t)
	r, to, one, told := pipe(t, w)
	passed(t, w)
	if len(told) > 0 {
		t.Fatal("told of nothing")
	}
	say(t, to)
	<-told
	say(t, to)
	passed(t, w)
	if len(told) > 0 {
		t.Fatal("told twice")
	}
	if err := one.Again(); err != nil {
		t.Fatal(err)
	}
	<-told
	if _, err := r.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := one.Again(); err != nil {
		t.Fatal(err)
	}
	passed(t, w)
	if len(told) > 0 {
		t.Fatal("told of what had been read")
	}
	to.Close()
	<-told
	if one.Stop() {
		t.Error("Stop was in time, though ready had been called")
	}
}

// TestStop: who was in time is never told, and nothing begins again.
func TestStop(t *testing.T) {
	t.Parallel()
	w := watcher(t)
	_, to, one, told := pipe(t, w)
	if !one.Stop() {
		t.Error("Stop was too late, though nothing could be read")
	}
	if one.Stop() {
		t.Error("a second Stop was in time too")
	}
	if err := one.Again(); err == nil {
		t.Error("a watch that was stopped begins again")
	}
	say(t, to)
	passed(t, w)
	if len(told) > 0 {
		t.Error("told after Stop")
	}
}

// TestClosed: a descriptor that is closed is told of by an error, once.
func TestClosed(t *testing.T) {
	t.Parallel()
	w := watcher(t)
	r, to, one, told := pipe(t, w)
	say(t, to)
	<-told
	r.Close()
	if err := one.Again(); err == nil {
		t.Error("a closed descriptor can be watched again")
	}
	if one.Stop() {
		t.Error("Stop says that ready would have been called")
	}
	of, err := readable.Of(to)
	if err != nil {
		t.Fatal(err)
	}
	to.Close()
	if _, err := w.Watch(of, func() { told <- true }); err == nil {
		t.Error("a closed descriptor can be watched")
	}
}

// TestMany: each of many is told of, by itself.
func TestMany(t *testing.T) {
	t.Parallel()
	w := watcher(t)
	const many = 200
	var ends [many]*os.File
	var tolds [many]chan bool
	for i := range many {
		_, ends[i], _, tolds[i] = pipe(t, w)
	}
	for i := 0; i < many; i += 2 {
		say(t, ends[i])
	}
	for i := 0; i < many; i += 2 {
		<-tolds[i]
	}
	for i := 1; i < many; i += 2 {
		if len(tolds[i]) > 0 {
			t.Errorf("number %d was told of, and nothing came", i)
		}
	}
}
