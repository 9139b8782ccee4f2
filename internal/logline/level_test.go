package logline

import (
	"encoding/json"
	"testing"

	"lambent/internal/event"
)

func TestLineLevel(t *testing.T) {
	t.Parallel()
	const stamp = `"timestamp":"2024-11-02T16:51:31.587199Z"`
	for text, want := range map[string]Level{
		`plain`: Info,
		`{"level": "debug", "msg": "my debug log", ` + stamp + `}`:            Debug,
		`{` + stamp + `,"level":"WARNING"}` + "\n":                            Warn,
		` {"Level":"Trace","time":"2024-11-02T16:51:31+01:00"} `:              Trace,
		`{"level":"FATAL",` + stamp + `}`:                                     Fatal,
		`{"level":"CRITICAL",` + stamp + `}`:                                  Fatal,
		`{"level":"loud",` + stamp + `}`:                                      Info,
		`{"level":30,` + stamp + `}`:                                          Info,
		`{"message":"no level",` + stamp + `}`:                                Info,
		`{"level":"ERROR"}`:                                                   Info, // no time
		`{"level":"ERROR","timestamp":"yesterday"}`:                           Info,
		`{"level":"ERROR",` + stamp:                                           Info, // not JSON
		`{"a":{"level":"ERROR"},` + stamp + `}`:                               Info, // not at the top
		`{"a":"}\"level\":","b":[{"x":1},"]"],"level":"ERROR",` + stamp + `}`: Error,
		`["level"]`: Info,
		`{}`:        Info,
	} {
		if got := LineLevel(event.Line{Text: []byte(text)}); got != want {
			t.Errorf("level of %s: got %s, want %s", text, got, want)
		}
	}
	framed := event.Line{Text: []byte(`{"level":"ERROR"}`), Framed: true, JSON: true}
	if got := LineLevel(framed); got != Error {
		t.Errorf("level of an object whose frame has the time: got %s, want ERROR", got)
	}
	framed.Level = "DEBUG"
	if got := LineLevel(framed); got != Debug {
		t.Errorf("level when the frame has one: got %s, want DEBUG", got)
	}
}

func TestWanted(t *testing.T) {
	t.Parallel()
	line := func(level string) event.Line { return event.Line{Text: []byte("x"), Framed: true, Level: level} }
	for _, tc := range []struct {
		name   string
		origin event.Origin
		record event.Record
		want   bool
	}{
		{"text has no levels", event.Origin{LogFormat: "Text", ApplicationLevel: "FATAL"}, line("DEBUG"), true},
		{"default is INFO", event.Origin{LogFormat: "JSON"}, line("DEBUG"), false},
		{"default is INFO, plain", event.Origin{LogFormat: "JSON"}, event.Line{Text: []byte("print")}, true},
		{"WARN and plain", event.Origin{LogFormat: "JSON", ApplicationLevel: "WARN"}, event.Line{Text: []byte("print")}, false},
		{"TRACE takes all", event.Origin{LogFormat: "JSON", ApplicationLevel: "TRACE"}, line("TRACE"), true},
		{"extensions have no level", event.Origin{LogFormat: "JSON", ApplicationLevel: "FATAL"}, event.Line{Extension: true}, true},
		{"start at INFO", event.Origin{LogFormat: "JSON", SystemLevel: "INFO"}, event.Start{}, true},
		{"start at WARN", event.Origin{LogFormat: "JSON", SystemLevel: "WARN"}, event.Start{}, false},
		{"good report at WARN", event.Origin{LogFormat: "JSON", SystemLevel: "WARN"}, event.Report{Status: event.Success}, false},
		{"bad report at WARN", event.Origin{LogFormat: "JSON", SystemLevel: "WARN"}, event.Report{Status: event.Timeout}, true},
		{"runtimeDone at INFO", event.Origin{LogFormat: "JSON"}, event.RuntimeDone{Status: event.Success}, false},
		{"runtimeDone at DEBUG", event.Origin{LogFormat: "JSON", SystemLevel: "DEBUG"}, event.RuntimeDone{Status: event.Success}, true},
		{"failed runtimeDone", event.Origin{LogFormat: "JSON", SystemLevel: "WARN"}, event.RuntimeDone{Status: event.Error}, true},
		{"initStart with a version", event.Origin{LogFormat: "JSON"}, event.InitStart{RuntimeVersion: "python:3.13.v1"}, true},
		{"initStart without", event.Origin{LogFormat: "JSON"}, event.InitStart{}, false},
		{"initRuntimeDone", event.Origin{LogFormat: "JSON"}, event.InitRuntimeDone{Status: event.Success}, false},
		{"on-demand initReport", event.Origin{LogFormat: "JSON", InitType: "on-demand"}, event.InitReport{Status: event.Success}, false},
		{"provisioned initReport", event.Origin{LogFormat: "JSON", InitType: "provisioned-concurrency"}, event.InitReport{Status: event.Success}, true},
		{"failed initReport", event.Origin{LogFormat: "JSON", InitType: "on-demand", SystemLevel: "WARN"}, event.InitReport{Status: event.Timeout}, true},
		{"extension", event.Origin{LogFormat: "JSON"}, event.Extension{}, true},
		{"failed extension at WARN", event.Origin{LogFormat: "JSON", SystemLevel: "WARN"}, event.Extension{ErrorType: "x"}, true},
		{"dropped at WARN", event.Origin{LogFormat: "JSON", SystemLevel: "WARN"}, event.LogsDropped{}, true},
		{"ours is nobody's line", event.Origin{LogFormat: "JSON", SystemLevel: "DEBUG"}, event.Frozen{}, false},
	} {
		if got := Wanted(event.Event{Origin: &tc.origin, Record: tc.record}); got != tc.want {
			t.Errorf("%s: got %v, want %v", tc.name, got, tc.want)
		}
	}
}

func FuzzLineLevel(f *testing.F) {
	f.Add([]byte(`{"a":"}\"level\":","b":[{"x":1},"]"],"level":"ERROR","time":"2024-11-02T16:51:31Z"}`))
	f.Add([]byte(`{"a" : -1.5e3 , "b":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		LineLevel(event.Line{Text: text})
		if !IsObject(text) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q counts as an object: %v", text, err)
		}
		members(text, func(_, value []byte) {
			if !json.Valid(value) {
				t.Fatalf("member of %q is %q", text, value)
			}
		})
	})
}
