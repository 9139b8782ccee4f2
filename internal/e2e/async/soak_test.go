package async

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/ownapi"
)

var soak = flag.Duration("soak", 3*time.Second, "how long TestSoak works; the figures mean something from minutes on")

// pooled is how long a soak is that has time to wait until nothing is kept ahead
// any more. In a shorter one nothing is: how much would depend on the last minutes.
const pooled = 20 * time.Minute

// load is the mixed work of TestSoak.
type load struct {
	*server
	zip  []byte
	tree string    // of control groups
	rec  *recorder // of the asynchronous function
	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup

	mu   sync.Mutex
	sent map[string]bool // mu; asynchronous events that were acknowledged

	calls, events, updates, kills, refused atomic.Int64
}

// TestSoak works for a while, with idle expiry, updates and functions that are
// killed, and then wants everything to be as before: nothing lost, and the server's
// memory, descriptors, goroutines, processes, mounts and control groups where they were.
func TestSoak(t *testing.T) {
	options := []string{quick, "--idle-timeout", "2s"}
	if *soak < pooled {
		options = append(options, "--boot-pool-memory", "0")
	}
	l := &load{server: launch(t, t.TempDir(), options...), sent: map[string]bool{}, zip: zipped(t)}
	defer l.server.stop()
	l.rec = l.deploy(t, "events", nil)
	for _, name := range []string{"calls", "bursts", "updated", "killed"} {
		l.server.deploy(t, name, func(in *lambda.CreateFunctionInput) { in.Environment = nil })
	}
	l.work(t, max(*soak/6, 2*time.Second)) // what is made once, by need
	before := l.quiet(t)
	l.work(t, *soak)
	after := l.quiet(t)
	t.Logf("%d calls, %d events, %d updates, %d kills, %d refused while overloaded", l.calls.Load(), l.events.Load(), l.updates.Load(), l.kills.Load(), l.refused.Load())
	t.Logf("before: %+v", before)
	t.Logf("after:  %+v", after)
	after.judge(t, before)
	ran := map[string]int{}
	for _, r := range l.rec.runs() {
		ran[r.id]++
	}
	twice := 0
	for id := range l.sent {
		if ran[id] == 0 {
			t.Errorf("event %s was acknowledged and never run", id)
		}
		if ran[id] > 1 {
			twice++
		}
	}
	if len(ran) != len(l.sent) || twice > 0 {
		t.Errorf("%d events were run, %d of them more than once; %d were sent", len(ran), twice, len(l.sent))
	}
}

// work puts the load on the server for so long.
func (l *load) work(t *testing.T, d time.Duration) {
	l.ctx, l.stop = context.WithTimeout(t.Context(), d)
	defer l.stop()
	for range 2 {
		l.repeat(t, 5*time.Millisecond, func() error { return l.call("calls", `{"n": 1}`, "") })
		l.repeat(t, 10*time.Millisecond, l.event)
	}
	l.repeat(t, 5*time.Second, l.burst)
	l.repeat(t, 4*time.Second, l.update)
	l.repeat(t, time.Second, func() error { l.kills.Add(1); return l.call("killed", `{"exit": true}`, "Unhandled") })
	l.repeat(t, 6*time.Second, l.create)
	if l.tree == "" {
		l.findTree(t)
	}
	l.all.Wait()
}

// repeat does something again and again until the work ends. Being refused for lack
// of room is no failure.
func (l *load) repeat(t *testing.T, pause time.Duration, do func() error) {
	l.all.Go(func() {
		for l.ctx.Err() == nil {
			err := do()
			var busy *types.TooManyRequestsException
			if errors.As(err, &busy) {
				l.refused.Add(1)
			} else if err != nil && l.ctx.Err() == nil {
				t.Error(err)
				return
			}
			select {
			case <-time.After(pause):
			case <-l.ctx.Done():
			}
		}
	})
}

func (l *load) call(name, payload, fault string) error {
	out, err := l.Invoke(l.ctx, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
	if err != nil {
		return err
	}
	l.calls.Add(1)
	if got := aws.ToString(out.FunctionError); got != fault {
		return fmt.Errorf("%s answered %s %s", name, got, out.Payload)
	}
	return nil
}

// event is one asynchronous event.
func (l *load) event() error {
	// It is not given up: what is acknowledged must be counted.
	id, err := l.send(context.WithoutCancel(l.ctx), "events", `{"n": 1}`)
	if err != nil {
		return err
	}
	l.events.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id] = true
	return nil
}

// burst needs environments that idle away until the next.
func (l *load) burst() error {
	failed := make(chan error, 8)
	for range cap(failed) {
		go func() { failed <- l.call("bursts", `{"n": 1}`, "") }()
	}
	var err error
	for range cap(failed) {
		err = errors.Join(err, <-failed)
	}
	return err
}

// update changes a function and invokes it meanwhile.
func (l *load) update() error {
	n := strconv.FormatInt(l.updates.Add(1), 10)
	_, err := l.UpdateFunctionConfiguration(l.ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("updated"), Environment: &types.Environment{Variables: map[string]string{"ROUND": n}},
	})
	if err != nil {
		return err
	}
	if err := l.call("updated", `{"n": 1}`, ""); err != nil {
		return err
	}
	return lambda.NewFunctionUpdatedV2Waiter(l).Wait(l.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("updated")}, time.Minute)
}

// create makes a function, runs it and deletes it.
func (l *load) create() error {
	name := fmt.Sprint("new-", time.Now().UnixNano())
	code, err := l.GetFunctionConfiguration(l.ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("calls")})
	if err != nil {
		return err
	}
	_, err = l.CreateFunction(l.ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: code.Runtime, Handler: code.Handler, Role: code.Role, Code: &types.FunctionCode{ZipFile: l.zip},
	})
	if err != nil {
		return err
	}
	if err := lambda.NewFunctionActiveV2Waiter(l).Wait(l.ctx, &lambda.GetFunctionInput{FunctionName: &name}, time.Minute); err != nil {
		return err
	}
	return errors.Join(l.call(name, `{"n": 1}`, ""), func() error {
		_, err := l.DeleteFunction(context.WithoutCancel(l.ctx), &lambda.DeleteFunctionInput{FunctionName: &name})
		return err
	}())
}

// maxLogs is how many files of logs the server keeps open when no environment is
// left: those of functions whose last words came when they were gone.
const maxLogs = 4

// figures are what must not grow. Logs are files of logs among the descriptors.
type figures struct {
	MemoryKB, Descriptors, Logs, Goroutines, Processes, Mounts, Groups int
}

func (f figures) judge(t *testing.T, before figures) {
	t.Helper()
	for _, c := range []struct {
		what                string
		before, after, more int
	}{
		// The heap's size at rest varies by what the collector found last.
		{"resident memory (KB)", before.MemoryKB, f.MemoryKB, before.MemoryKB/3 + 16<<10},
		{"descriptors", before.Descriptors, f.Descriptors, 4},
		{"files of logs", 0, f.Logs, maxLogs},
		{"goroutines", before.Goroutines, f.Goroutines, 4},
		{"processes", before.Processes, f.Processes, 0},
		{"mounts", before.Mounts, f.Mounts, 0},
		{"control groups", before.Groups, f.Groups, 0},
	} {
		if c.after > c.before+c.more {
			t.Errorf("%s: %d before, %d after", c.what, c.before, c.after)
		}
	}
}

// quiet waits until all environments have expired and the queue is empty, and
// measures the server.
func (l *load) quiet(t *testing.T) figures {
	t.Helper()
	eventually(t, "an empty queue", func() bool { return l.queued(t, false).Total == 0 })
	eventually(t, "the end of all environments", func() bool { return l.environments(t) == 0 })
	for end := time.Now().Add(pooled); *soak >= pooled && len(children(l.cmd.Process.Pid)) > 0 && time.Now().Before(end); {
		time.Sleep(time.Second) // the pool empties after ten minutes
	}
	var last figures
	same := 0
	l.http.CloseIdleConnections()
	eventually(t, "rest", func() bool { // what ends beside the road ends soon
		now := l.measure(t)
		now.MemoryKB = 0
		if now == last {
			same++
		} else {
			last, same = now, 0
		}
		time.Sleep(100 * time.Millisecond)
		return same >= 20
	})
	return l.measure(t)
}

func (l *load) measure(t *testing.T) (f figures) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", l.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Skip("no /proc here")
	}
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d kB", &f.MemoryKB)
	}
	for line := range strings.Lines(l.metrics(t)) {
		_, _ = fmt.Sscanf(line, "go_goroutines %d", &f.Goroutines)
	}
	descriptors, err := os.ReadDir(proc + "fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		if to, _ := os.Readlink(proc + "fd/" + d.Name()); strings.Contains(to, "/data/logs/") {
			f.Logs++
		} else {
			f.Descriptors++
		}
	}
	mounts, err := os.ReadFile(proc + "mounts")
	if err != nil {
		t.Fatal(err)
	}
	f.Mounts = strings.Count(string(mounts), "\n")
	f.Processes, f.Groups = len(children(l.cmd.Process.Pid)), l.groups()
	return f
}

// environments is how many there are.
func (l *load) environments(t *testing.T) int {
	t.Helper()
	resp, err := http.Get(l.url + "/_lambent/environments")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []ownapi.Environment
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// children lists the processes below one.
func children(pid int) (all []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			if id, err := strconv.Atoi(child); err == nil {
				all = append(append(all, id), children(id)...)
			}
		}
	}
	return all
}

var treeName = regexp.MustCompile(`lambent-[0-9a-f]{8}`)

// findTree learns the name of the control groups below which the server's
// sandboxes live, from a process in one.
func (l *load) findTree(t *testing.T) {
	t.Helper()
	if l.server.driver != "namespace" {
		return
	}
	eventually(t, "a process in a control group", func() bool {
		for _, pid := range children(l.cmd.Process.Pid) {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
			if l.tree = treeName.FindString(string(text)); l.tree != "" {
				return true
			}
		}
		return false
	})
}

// groups counts the control groups of the server's sandboxes.
func (l *load) groups() (n int) {
	if l.tree == "" {
		return 0
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, l.tree) {
			n++
		}
		return nil // groups come and go while one looks
	})
	return n
}
