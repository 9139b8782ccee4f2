package main

import (
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/conformance/script"
)

// shutdowns proves section 1.7: who hears what when processes are ended, in
// which order and within which time.
func shutdowns() []scenario {
	ends := []script.Step{exit(0)}
	return []scenario{
		{"shutdown-external", function{
			timeout: 2, bootstrap: bootstrap(map[string][]script.Step{"init": {trap()}, "term": ends}),
			extensions: map[string]script.Script{
				"told":   at(map[string][]script.Step{"init": {external("told", "INVOKE", "SHUTDOWN"), trap()}, "shutdown": {sleep(100), note("goodbye")}}),
				"untold": at(map[string][]script.Step{"init": {external("untold"), trap()}}),
			},
		}, playShutdownExternal},
		{"shutdown-stubborn", function{
			timeout: 2, bootstrap: bootstrap(map[string][]script.Step{"init": {trap()}, "term": {{Do: "repeat", Times: 1000, Steps: []script.Step{sleep(20), note("alive")}}}}),
			extensions: map[string]script.Script{
				"slow": at(map[string][]script.Step{"init": {external("slow", "INVOKE", "SHUTDOWN")}, "shutdown": {{Do: "repeat", Times: 1000, Steps: []script.Step{sleep(20), note("alive")}}}}),
			},
		}, playShutdownStubborn},
		{"shutdown-internal", function{
			timeout: 2, bootstrap: bootstrap(map[string][]script.Step{
				"init": {trap(), register("inside", `{"events":[]}`, "in"), async(extNext("in"))},
				"term": {{Do: "repeat", Times: 1000, Steps: []script.Step{sleep(10), note("alive")}}},
			}),
		}, playShutdownInternal},
		{"shutdown-alone", function{
			timeout: 2, bootstrap: bootstrap(map[string][]script.Step{"init": {trap()}, "term": ends}),
		}, func(t *trial) {
			t.invoke(call{payload: script.Event{Steps: []script.Step{hang()}}})
			time.Sleep(afterInternal)
			got := t.collect()
			t.prove("1.7", "without extensions nobody hears SIGTERM", len(got.all("SIGTERM")) == 0 && len(got.all("started")) == 2, "%s", got.labels())
		}},
		spindown(),
	}
}

// After an invocation that failed, its environment takes the next one only when
// its processes have ended; another one might take it before.
const (
	afterExternal = 2500 * time.Millisecond
	afterInternal = time.Second
)

type shutdownEvent struct {
	EventType, ShutdownReason string
	DeadlineMs                int64
}

func playShutdownExternal(t *trial) {
	t.invoke(call{payload: script.Event{Steps: []script.Step{note("begins"), hang()}}})
	time.Sleep(afterExternal)
	t.do(exit(3))
	time.Sleep(afterExternal)
	got := t.collect()
	term := got.of("bootstrap").all("SIGTERM").sorted()
	var told []script.Record
	var events []shutdownEvent
	for _, r := range got.of("told").all("event").sorted() {
		var e shutdownEvent
		if json.Unmarshal([]byte(r.Body), &e) == nil && e.EventType == "SHUTDOWN" {
			told, events = append(told, r), append(events, e)
		}
	}
	if len(term) == 0 || len(events) < 2 {
		t.prove("1.7", "the runtime gets SIGTERM and extensions SHUTDOWN", false, "%s", got.labels())
		return
	}
	t.prove("1.7", "the runtime gets SIGTERM and extensions SHUTDOWN", true, "")
	t.prove("1.7", "the runtime is ended first", term[0].At < told[0].At, "%s", got.labels())
	t.prove("1.7", "after a timeout the reason is timeout", events[0].ShutdownReason == "timeout", "%+v", events)
	t.prove("1.7", "after a crash the reason is failure", events[1].ShutdownReason == "failure", "%+v", events)
	left := time.UnixMilli(events[0].DeadlineMs).Sub(time.UnixMicro(term[0].At))
	t.prove("1.7", "the deadline is two seconds after the beginning", left > 1500*time.Millisecond && left <= 2050*time.Millisecond, "%v", left)
	t.prove("1.7", "an extension has time to end by itself", len(got.of("told").all("goodbye")) >= 2, "%s", got.labels())
	t.prove("1.7", "extensions get no SIGTERM", len(got.of("told").all("SIGTERM"))+len(got.of("untold").all("SIGTERM")) == 0, "%s", got.labels())
	t.prove("1.7", "one that did not ask for SHUTDOWN hears nothing", len(got.of("untold").all("event")) == 0, "%s", got.labels())
	t.prove("3.3", "SHUTDOWN has no identifier", told[0].Header["Lambda-Extension-Event-Identifier"] == "", "%v", told[0].Header)
	var fields map[string]any
	_ = json.Unmarshal([]byte(told[0].Body), &fields)
	t.prove("3.3", "SHUTDOWN has three fields", len(fields) == 3, "%s", told[0].Body)
}

func playShutdownStubborn(t *trial) {
	t.invoke(call{payload: script.Event{Steps: []script.Step{hang()}}})
	time.Sleep(afterExternal)
	got := t.collect().sorted()
	term := got.of("bootstrap").one("SIGTERM")
	alive, slow := got.of("bootstrap").all("alive"), got.of("slow").all("alive")
	if len(alive) == 0 || len(slow) == 0 {
		t.prove("1.7", "a runtime and an extension that do not end are killed", false, "%s", got.labels())
		return
	}
	span := func(r records) time.Duration { return time.Duration(r[len(r)-1].At-term.At) * time.Microsecond }
	t.prove("1.7", "a runtime has 30 % of the window", span(alive) > 400*time.Millisecond && span(alive) < 900*time.Millisecond, "%v", span(alive))
	t.prove("1.7", "the extensions hear it after that", slow[0].At > alive[len(alive)-1].At-20_000, "%s", got.labels())
	t.prove("1.7", "extensions have two seconds in all", span(slow) > 1700*time.Millisecond && span(slow) < 2400*time.Millisecond, "%v", span(slow))
}

func playShutdownInternal(t *trial) {
	t.invoke(call{payload: script.Event{Steps: []script.Step{hang()}}})
	time.Sleep(afterInternal)
	got := t.collect().sorted()
	term := got.one("SIGTERM")
	alive := got.all("alive")
	t.prove("1.7", "an internal extension makes the runtime hear SIGTERM", term.Error == "", "%s", got.labels())
	if len(alive) == 0 {
		t.prove("1.7", "with internal extensions alone the window is 500 ms", false, "%s", got.labels())
		return
	}
	span := time.Duration(alive[len(alive)-1].At-term.At) * time.Microsecond
	t.prove("1.7", "with internal extensions alone the window is 500 ms", span > 70*time.Millisecond && span < 400*time.Millisecond, "%v", span)
}

// spindown ends an environment by changing its function.
func spindown() scenario {
	tell := func(s script.Script) script.Script { s.Tell = true; return s }
	boot := tell(at(map[string][]script.Step{"init": {trap()}, "term": {exit(0)}}))
	return scenario{"shutdown-spindown", function{bootstrap: &boot, extensions: map[string]script.Script{
		"told": tell(at(map[string][]script.Step{"init": {external("told", "SHUTDOWN")}, "shutdown": {note("goodbye")}})),
	}}, func(t *trial) {
		t.do()
		_, err := t.client.UpdateFunctionConfiguration(t.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &t.function, Description: aws.String("changed")})
		if err != nil {
			t.broken = err
			return
		}
		rules := []string{"an environment that is not wanted any more ends with the reason spindown", "then the runtime hears SIGTERM first"}
		got, log, ok := t.awaitTold(`goodbye`, "1.7", rules...)
		if !ok {
			return
		}
		event := got.of("told").one("event")
		t.prove("1.7", rules[0], matches(`\{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":\d{13}\}`, event.Body), "%+v\n%s", event, log)
		t.prove("1.7", rules[1], got.before([2]string{"bootstrap", "SIGTERM"}, [2]string{"told", "event"}), "%s", got.labels())
	}}
}
