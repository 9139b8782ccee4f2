package main

import (
	"fmt"
	"strings"
	"time"

	"lambent/conformance/script"
)

// deliveries proves section 4.2: when records come, how, and what becomes of
// those that cannot.
func deliveries() []scenario {
	return []scenario{
		{"delivery-by-time", function{bootstrap: plain(), extensions: map[string]script.Script{
			"soon":  watcher("soon", telemetryPath, 8080, wanted(8080, ofTypes("function"))),
			"later": watcher("later", telemetryPath, 8081, wanted(8081, ofTypes("function"), buffering("timeoutMs", 1500))),
			"lines": simple(external("lines"), script.Step{Do: "listen", Port: 8082, Label: "lines", Protocol: "TCP"},
				put(telemetryPath, wanted(8082, to(map[string]any{"protocol": "TCP", "port": 8082})))),
		}}, playByTime},
		{"delivery-by-amount", function{bootstrap: plain(), memory: 256, timeout: 20, extensions: map[string]script.Script{
			"items": simple(external("items"), script.Step{Do: "listen", Port: 8080, Label: "items", Quiet: true},
				put(telemetryPath, wanted(8080, ofTypes("function"), buffering("timeoutMs", 30_000)))),
			"bytes": simple(external("bytes"), script.Step{Do: "listen", Port: 8081, Label: "bytes", Quiet: true},
				put(telemetryPath, wanted(8081, ofTypes("function"), buffering("timeoutMs", 30_000), buffering("maxItems", 10_000)))),
		}}, playByAmount},
		{"delivery-refused", function{bootstrap: plain(), extensions: map[string]script.Script{
			"moody": simple(external("moody"), script.Step{Do: "listen", Port: 8080, Label: "moody", Code: 500, Times: 2},
				put(telemetryPath, wanted(8080, ofTypes("function")))),
			"other": simple(external("other"), script.Step{Do: "listen", Port: 8081, Label: "other", Code: 204},
				put(telemetryPath, wanted(8081, ofTypes("function")))),
		}}, playRefused},
		{"delivery-slow", function{bootstrap: plain(), memory: 256, timeout: 30, extensions: map[string]script.Script{
			"slow": simple(external("slow"), script.Step{Do: "listen", Port: 8080, Label: "slow", Millis: 700, Quiet: true},
				put(telemetryPath, wanted(8080, ofTypes("function", "platform")))),
		}}, playSlow},
		{"delivery-freeze", function{bootstrap: plain(), extensions: map[string]script.Script{
			"ticking": simple(external("ticking"), script.Step{Do: "tick", Millis: 20, Label: "gap"},
				script.Step{Do: "listen", Port: 8080, Label: "ticking", Millis: 150}, put(telemetryPath, wanted(8080, ofTypes("function")))),
		}}, playFreeze},
		{"delivery-before-shutdown", function{bootstrap: plain(), timeout: 2, extensions: map[string]script.Script{
			"last": at(map[string][]script.Step{
				"init":     {external("last", "SHUTDOWN"), listen(8080, "last"), put(telemetryPath, wanted(8080, buffering("timeoutMs", 30_000)))},
				"shutdown": {sleep(800), note("goodbye")},
			}),
		}}, playBeforeShutdown},
	}
}

func playByTime(t *trial) {
	a := t.do(note("printing"), printed("line\n", 1), sleep(600), note("looked"), sleep(1800))
	got := t.collect()
	printing, looked := got.timeOf("bootstrap", "printing"), got.timeOf("bootstrap", "looked")
	soon, later := received(got, "soon"), received(got, "later")
	t.prove("4.2", "a batch leaves when its time is up", len(soon) > 0 && soon[0].at < looked, "%v", soon)
	t.prove("4.2", "a batch does not leave before its time", len(later) > 0 && later[0].at > printing+1_300_000, "%v, printed at %d", later, printing)
	d := got.one("delivery:soon")
	t.prove("4.2", "records come as a JSON array by POST", d.Header["Method"] == "POST" && strings.HasPrefix(d.Header["Content-Type"], "application/json") && d.Count > 0, "%v", d.Header)
	t.prove("4.2", "the destination's host is the one that was asked for", d.Header["Host"] == "sandbox.localdomain:8080", "%v", d.Header)
	lines := got.all("delivery:lines")
	connections := map[int]bool{}
	whole := true
	for _, l := range lines {
		connections[l.Count] = true
		whole = whole && strings.HasPrefix(l.Body, "{") && strings.HasSuffix(l.Body, "}\n")
	}
	t.prove("4.2", "records come one to a line by TCP", len(lines) > 3 && whole, "%d lines", len(lines))
	t.prove("4.2", "the connection is kept", len(connections) == 1, "%d connections", len(connections))
	t.prove("4.2", "subscribing does not keep lines out of the log", strings.Contains(a.log, "line\n"), "%s", a.log)
}

func playByAmount(t *trial) {
	t.do(printed("short\n", 1000), sleep(700), note("items"))
	t.do(printed(strings.Repeat("long ", 200)+"\n", 300), sleep(700), note("bytes"))
	got := t.collect().sorted()
	items := got.timeOf("bootstrap", "items")
	early, first := 0, 0
	for _, d := range got.all("delivery:items") {
		if d.At < items {
			early += d.Count
			first = max(first, d.Count)
		}
	}
	t.prove("4.2", "a batch leaves when it has enough items", early >= 1000, "%d came", early)
	t.prove("4.2", "a batch has no more items than were asked for", first <= 1000, "%d in one", first)
	before, total, most := 0, 0, 0.0
	for _, d := range got.all("delivery:bytes") {
		if d.At < items {
			before++
		}
		total += d.Count
		most = max(most, d.Millis)
	}
	t.prove("4.2", "few bytes do not make a batch leave", before == 0, "%d batches", before)
	t.prove("4.2", "a batch leaves when it has enough bytes", total > 0, "none came")
	t.prove("4.2", "a batch is no bigger than twice the bytes that were asked for", most > 262_144/2 && most < 2*262_144+65_536, "%v bytes", most)
}

func playRefused(t *trial) {
	t.do(printed("first\n", 1), sleep(900))
	got := t.await(func(r records) bool { return len(r.all("delivery:moody")) >= 3 })
	var bodies []string
	for _, d := range got.all("delivery:moody").sorted() {
		bodies = append(bodies, d.Body)
	}
	same := len(bodies) >= 3 && bodies[0] == bodies[1] && bodies[1] == bodies[2]
	t.prove("4.2", "a batch that was refused comes again", same, "%q", bodies)
	other := got.all("delivery:other")
	times := map[string]int{}
	for _, d := range other {
		times[d.Body]++
	}
	t.prove("4.2", "any 2xx consumes a batch", len(other) > 0 && len(times) == len(other), "%v", times)
}

func playSlow(t *trial) {
	a := t.do(printed(strings.Repeat("much ", 20)+"\n", 30_000), note("printed"))
	t.prove("4.2", "a slow receiver does not slow the function", a.fault == "" && a.took < 15*time.Second, "%s", a)
	for range 3 { // the queue has to empty before what was lost can be told
		t.do(printed("more\n", 1), sleep(2000))
	}
	got := t.collect()
	total := 0
	for _, d := range got.all("delivery:slow") {
		total += d.Count
	}
	t.prove("4.2", "what a slow receiver cannot take is dropped", total > 0 && total < 30_000, "%d came", total)
	lost := received(got, "slow")
	t.proveFields("4.3", "platform.logsDropped", lost, []field{
		{"has the reason", "reason", ".+"}, {"has the records", "droppedRecords", `[1-9]\d*`}, {"has the bytes", "droppedBytes", `[1-9]\d*`},
	})
}

func playFreeze(t *trial) {
	t.invoke(call{payload: script.Event{Steps: []script.Step{printed("in flight 1\n", 1), sleep(40)}}, early: true})
	time.Sleep(1200 * time.Millisecond)
	t.invoke(call{payload: script.Event{Steps: []script.Step{printed("in flight 2\n", 1), sleep(40)}}, early: true})
	time.Sleep(1200 * time.Millisecond)
	t.do(sleep(700))
	got := t.collect()
	var longest float64
	for _, r := range got.all("gap") {
		longest = max(longest, r.Millis)
	}
	t.prove("1.1", "an environment without an invocation is frozen", longest > 900, "the longest gap is %v ms", longest)
	t.prove("1.1", "background work goes on with the next invocation", len(got.all("started")) == 2, "%s", got.labels())
	all := strings.Join(received(got, "ticking").texts("function"), "")
	for i := 1; i <= 2; i++ {
		line := fmt.Sprintf("in flight %d\n", i)
		t.prove("4.2", "a batch on its way is not lost by a freeze, nor sent twice ("+fmt.Sprint(i)+")", strings.Count(all, line) == 1, "%q", all)
	}
}

func playBeforeShutdown(t *trial) {
	t.invoke(call{payload: script.Event{Steps: []script.Step{printed("last words\n", 1), hang()}}})
	time.Sleep(afterExternal)
	got := t.collect()
	list := received(got, "last")
	goodbye := got.timeOf("last", "goodbye")
	t.prove("4.2", "what is buffered comes before the processes end", len(list) > 0 && list[0].at < goodbye, "%s; %s", list.types(), got.labels())
	t.prove("4.2", "the report of the invocation is among it", len(list.of("platform.report")) > 0, "%s", list.types())
	t.prove("4.2", "so are the function's last lines", strings.Contains(strings.Join(list.texts("function"), ""), "last words\n"), "%s", list.types())
}
