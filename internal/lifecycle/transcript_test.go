package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// TestTranscripts plays the files of testdata: each line that begins with ">"
// is an event, the lines after it are what the machine must do; "! provisioned"
// makes the environment one of provisioned concurrency. Run with
// UPDATE=1 to write what it does now.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s: the machine does otherwise:\n%s", file, got)
			}
		})
	}
}

var epoch = time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)

func play(t *testing.T, script string) string {
	s := New(Config{Function: "f", Version: "$LATEST", MemoryMB: 128, Timeout: 3 * time.Second, InitLimit: lambda.InitLimit, BillsInit: true})
	now := epoch
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "! provisioned":
			s.Config.Replaced, s.Config.InitLimit = true, lambda.ProvisionedInitLimit(s.Config.Timeout)
			fmt.Fprintln(&out, line)
		case strings.HasPrefix(line, "#") || line == "":
			fmt.Fprintln(&out, line)
		case strings.HasPrefix(line, "> "):
			words := strings.Fields(line[2:])
			d, err := time.ParseDuration(strings.TrimPrefix(words[0], "+"))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			now = now.Add(d)
			fmt.Fprintln(&out, line)
			next, effects, err := Step(s, parseEvent(t, now, s.Incarnation, words[1:]))
			s = next
			write(&out, now, s, effects, err)
		}
	}
	return out.String()
}

func parseEvent(t *testing.T, now time.Time, incarnation int, w []string) Event {
	at := At(now)
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	switch w[0] {
	case "sandbox-ready":
		return SandboxReady{at, w[1:]}
	case "sandbox-failed":
		return SandboxFailed{at}
	case "assigned":
		return Assigned{at, &lambda.Invocation{RequestID: arg(1), Tail: arg(2) == "tail"}}
	case "next":
		return RuntimeNext{at}
	case "answer", "error":
		return RuntimeAnswer{at, arg(1), lambda.Answer{Body: []byte(arg(2)), Failed: w[0] == "error", ErrorType: arg(3)}}
	case "responds":
		return RuntimeResponds{at, arg(1)}
	case "streamed-too-large":
		return RuntimeAnswer{at, arg(1), lambda.Answer{TooLarge: true, Streamed: true}}
	case "too-large":
		return RuntimeAnswer{at, arg(1), lambda.Answer{TooLarge: true}}
	case "init-error":
		return RuntimeInitError{at, lambda.Answer{Failed: true, ErrorType: arg(1), Body: []byte(arg(2))}}
	case "broken":
		return RuntimeBroken{at, arg(1), arg(2)}
	case "register":
		return ExtensionRegister{at, "id-" + arg(1), arg(1), w[2:]}
	case "extension-next":
		return ExtensionNext{at, "id-" + arg(1)}
	case "extension-init-error", "extension-exit-error":
		return ExtensionFailed{at, "id-" + arg(1), w[0] == "extension-exit-error", arg(2)}
	case "start-failed":
		return StartFailed{at, incarnation, process(arg(1)), arg(2), strings.Join(w[3:], " ")}
	case "exited":
		return exitEvent(t, at, incarnation, w)
	case "timer":
		for i, name := range timerNames {
			if name == arg(1) {
				return TimerFired{at, Timer(i)}
			}
		}
	case "killed":
		return Killed{at, incarnation}
	case "kill-failed":
		return KillFailed{at, incarnation}
	case "stop":
		return Stop{at, arg(1), arg(2) == "now"}
	case "destroyed":
		return Destroyed{at}
	}
	t.Fatalf("no such event: %q", w)
	return nil
}

func process(name string) Process {
	if name == "runtime" {
		return Process{}
	}
	return Process{name}
}

type signal string

func (s signal) Signal()        {}
func (s signal) String() string { return string(s) }

func exitEvent(t *testing.T, at At, incarnation int, w []string) Event {
	e := Exited{At: at, Incarnation: incarnation, Process: process(w[1])}
	if code, err := strconv.Atoi(w[2]); err == nil {
		e.Exit = sandbox.Exit{Code: code}
	} else {
		e.Exit = sandbox.Exit{Signal: signal(w[2])}
	}
	e.OutOfMemory = len(w) > 3 && w[3] == "oom"
	return e
}

func write(out *strings.Builder, now time.Time, s State, effects []Effect, err error) {
	if err != nil {
		var r *lambda.Refusal
		if errors.As(err, &r) {
			fmt.Fprintf(out, "  refused: %s: %s\n", r.Type, r.Message)
			return
		}
		fmt.Fprintf(out, "  refused: %v\n", err)
		return
	}
	for _, f := range effects {
		fmt.Fprintf(out, "  %s\n", describe(now, f))
	}
	fmt.Fprintf(out, "  = %s\n", s.Phase)
}

func describe(now time.Time, f Effect) string {
	switch f := f.(type) {
	case Start:
		return fmt.Sprintf("start %s #%d", name(f.Process), f.Incarnation)
	case Signal:
		if f.Kill {
			return "SIGKILL " + name(f.Process)
		}
		return "SIGTERM " + name(f.Process)
	case Offer:
		return fmt.Sprintf("offer %s, deadline +%s", f.Invocation.RequestID, f.Invocation.Deadline.Sub(now))
	case OfferExtension:
		return fmt.Sprintf("offer %s to %s %s %s deadline +%s", f.Event.Type, f.ID, f.Event.RequestID, f.Event.ShutdownReason, f.Event.Deadline.Sub(now))
	case Settle:
		fault := ""
		if f.Result.Fault != nil {
			fault = " fault " + f.Result.Fault.Type
		}
		return fmt.Sprintf("settle %s%s", f.Result.Payload, fault)
	case SettleWith:
		return "settle with error: " + f.Err.Error()
	case Arm:
		return fmt.Sprintf("arm %s +%s", f.Timer, f.At.Sub(now))
	case Disarm:
		return "disarm " + f.Timer.String()
	case Publish:
		return "publish " + record(f.Record)
	case Attribute:
		return "attribute lines to " + strconv.Quote(f.RequestID)
	case KillAll:
		return fmt.Sprintf("kill all #%d", f.Incarnation)
	case Leave:
		return "leave: " + f.Reason
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", f), "lifecycle."))
}

func name(p Process) string {
	if p.Extension == "" {
		return "runtime"
	}
	return p.Extension
}

func record(r event.Record) string {
	switch r := r.(type) {
	case event.InitReport:
		return fmt.Sprintf("initReport %s %s %s %s", r.Phase, r.Status, r.ErrorType, r.Duration)
	case event.InitRuntimeDone:
		return fmt.Sprintf("initRuntimeDone %s %s %s", r.Phase, r.Status, r.ErrorType)
	case event.Extension:
		return fmt.Sprintf("extension %s %s %v %s", r.Name, r.State, r.Events, r.ErrorType)
	case event.Start:
		return "start " + r.RequestID
	case event.RuntimeDone:
		return fmt.Sprintf("runtimeDone %s %s %s %s", r.RequestID, r.Status, r.ErrorType, r.Duration)
	case event.Report:
		return fmt.Sprintf("report %s %s %s duration %s billed %s init %s", r.RequestID, r.Status, r.ErrorType, r.Duration, r.Billed, r.Init)
	case event.InitStart:
		return "initStart " + string(r.Phase)
	case event.Registered:
		return "registered " + r.Extension
	case event.Ready:
		return strings.TrimSpace(fmt.Sprintf("ready %s %s", name(Process{r.Extension}), r.RequestID))
	}
	return strings.TrimPrefix(fmt.Sprintf("%T %+v", r, r), "event.")
}
