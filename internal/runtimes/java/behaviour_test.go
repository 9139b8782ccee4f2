package java

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// behaviour is a handler with events and what comes of each. The same table is
// put to the official client (official_test.go).
type behaviour struct {
	handler string
	events  []string
	want    []string // answers' bodies; a body that begins with "/" is one posted to that path
	further []runtimetest.Event
}

// one is a behaviour of one event.
func one(handler, event, want string) behaviour {
	return behaviour{handler: handler, events: []string{event}, want: []string{want}}
}

func failed(message, errorType string) string {
	if errorType != "" {
		errorType = fmt.Sprintf(`,"errorType":%q`, errorType)
	}
	return fmt.Sprintf(`/error {"errorMessage":%q%s}`, message, errorType)
}

var binding = []behaviour{
	{handler: "Plain::point", events: []string{
		`{"x":1,"y":2,"label":"l","fixed":"g","next":{"x":3}}`, `{}`, `null`, `{"X":1,"unknown":[{}]}`, `""`, `[]`, `[{"x":5}]`,
		`{x:1,'label':'it\'s'}`, `{"x":"7","y":"","label":8}`, `{"x":007,"y":1.9}`, `{"x":1,"next":""}`, "{\"label\":\"a\tb\"}",
	}, want: []string{
		`{"x":1,"y":2,"label":"l","fixed":"f","next":{"x":3,"fixed":"f","origin":false},"origin":false}`,
		`{"x":0,"fixed":"f","origin":true}`, `null`, `{"x":0,"fixed":"f","origin":true}`, `null`, `null`, `{"x":5,"fixed":"f","origin":false}`,
		`{"x":1,"label":"it's","fixed":"f","origin":false}`, `{"x":7,"label":"8","fixed":"f","origin":false}`,
		`{"x":7,"y":1,"fixed":"f","origin":false}`, `{"x":1,"fixed":"f","origin":false}`, `{"x":0,"label":"a\tb","fixed":"f","origin":true}`,
	}},
	{handler: "Plain::rich", events: []string{
		`{"color":"RED","colors":["GREEN","NONE"],"points":{"a":[{"x":1}]},"numbers":[1,2],"bytes":"AQI=","date":0,"instant":"2026-01-02T03:04:05Z","maybe":"m","exact":1.10,"URL":"u","letter":"c","truth":"true","anything":{"a":[1,2.5,9999999999]}}`,
		`{"color":1,"numbers":5,"date":"2026-01-02T03:04:05.678Z","instant":1.5,"maybe":null,"truth":0}`,
	}, want: nil},
	one("Plain::map", `{"a":1,"b":{"c":[1.5,null,true,"x"]},"n":12345678901234567890}`, `{"a":1,"b":{"c":[1.5,null,true,"x"]},"n":12345678901234567890}`),
	one("Plain::list", `[1,"2",null,3.7]`, `[1,2,null,3]`),
	one("Plain::points", `[{"x":1},{"x":2}]`, ""),
	one("Plain::array", `[1,2]`, `[1,2]`),
	{handler: "Plain::text", events: []string{`"é€\u0001\u2028\/"`, `5`, `true`, `null`, `1.50`}, want: []string{`"é€\u0001` + "\u2028" + `/"`, `"5"`, `"true"`, `null`, `"1.50"`}},
	{handler: "Plain::number", events: []string{`1`, `"41"`, `null`, `1.9`}, want: []string{`2`, `42`, `1`, `2`}},
	{handler: "Plain::half", events: []string{`5`, `"NaN"`, `null`}, want: []string{`2.5`, `"NaN"`, `null`}},
	{handler: "Plain::not", events: []string{`true`, `"false"`, `0`}, want: []string{`false`, `true`, `true`}},
	{handler: "Plain::color", events: []string{`"RED"`, `"other"`, `1`}, want: []string{`"RED"`, `null`, `"GREEN"`}},
	{handler: "Plain::anything", events: []string{`{"a":1}`, `[1]`, `"s"`, `1`, `99999999999`, `1.5`, `true`, `null`}, want: []string{
		`"LinkedHashMap {a=1}"`, `"ArrayList [1]"`, `"String s"`, `"Integer 1"`, `"Long 99999999999"`, `"Double 1.5"`, `"Boolean true"`, `"null"`,
	}},
	one("Plain::nothing", `"x"`, `null`),
	one("Plain::nothingEither", `"x"`, `null`),
	one("Plain::none", `this is not read`, `"none"`),
	one("Plain::fixed", `"x"`, `"static x"`),
	one("Plain::security", `"networkaddress.cache.negative.ttl"`, `"1"`),
	one("Plain::security", `"securerandom.drbg.config"`, `""`),
	one("Plain::inside", `"x/y"`, `"inside x/y"`),
	{handler: "Plain::count", events: []string{`1`, `2`}, want: []string{`"call 1"`, `"call 2"`}},
	{handler: "Plain::date", events: []string{`0`, `"2026-01-02T03:04:05.678Z"`, `"2026-01-02"`, `"Fri, 02 Jan 2026 03:04:05 GMT"`}, want: []string{
		`"0"`, `"1767323045678"`, `"1767312000000"`, `"1767323045000"`,
	}},
	{handler: "Times::echo", events: []string{
		`{"instant":1.5,"offsetDateTime":"2026-01-02T03:04:05+01:00","zonedDateTime":"2026-01-02T03:04:05Z","duration":"PT1H","localDateTime":[2026,1,2,3,4],"localDate":"2026-01-02",` +
			`"localTime":"03:04","monthDay":"--01-02","offsetTime":"03:04Z","period":"P1D","year":2026,"yearMonth":[2026,1],"zoneId":"Europe/Berlin","zoneOffset":"+02:00","month":"MAY",` +
			`"days":{"2026-01-02":"FRIDAY"},"zones":{"2026-01-02T03:04:05Z":"UTC"}}`,
		`{"localDate":"no date"}`, `{"zoneId":""}`,
	}, want: []string{
		`{"instant":1.500000000,"offsetDateTime":1767319445.000000000,"zonedDateTime":1767323045.000000000,"duration":3600.000000000,"localDateTime":[2026,1,2,3,4],"localDate":[2026,1,2],` +
			`"localTime":[3,4],"monthDay":"--01-02","offsetTime":[3,4,"Z"],"period":"P1D","year":2026,"yearMonth":[2026,1],"zoneId":"Europe/Berlin","zoneOffset":"+02:00","month":"MAY",` +
			`"days":{"2026-01-02":"FRIDAY"},"zones":{"2026-01-02T03:04:05Z":"UTC"}}`, "", `{}`,
	}},
	one("Times::zone", `"UTC"`, `"UTC"`),
	one("Times::twice", `"PT2S"`, `4.000000000`),
	{handler: "Plain::maybe", events: []string{`"x"`, `null`}, want: []string{`"x"`, `null`}},
	{handler: "Plain::large", events: []string{`100000`}, want: []string{`"` + strings.Repeat("x", 100000) + `"`}},
}

var choice = []behaviour{
	one("Plain::over", `"x"`, `"with context"`),
	one("Plain::partly", `"x"`, `"one"`),
	one("Plain::wrong", `"x"`, failed("No public method named wrong with appropriate method signature found on class fixtures.Plain", "")),
	one("Plain::hidden", `"x"`, failed("No public method named hidden with appropriate method signature found on class fixtures.Plain", "")),
	{handler: "Plain::copy", events: []string{`any{thing`, `"x"`}, want: []string{`any{thing`, `"x"`}},
	one("Plain::copyWithContext", `[1, 2]`, `[1, 2]`),
	one("Plain::write", `1`, `"written"`),
	one("Plain::writeWithContext", `1`, `"test"`),
	one("Plain::read", `1`, `null`),
	one("Typed", `{"x":4}`, `"point 4"`),
	one("Typed::handleRequest", `{"x":4}`, `"point 4"`),
	one("Typed$Maps", `{"a":"1"}`, `{"a":1}`),
	one("Typed$Streams", ` {"a":1} `, ` {"a":1} `),
	one("Typed$Nothing", `"x"`, `null`),
	one("Typed$Derived", `{"x":4}`, `"derived 4"`),
	one("Typed$Lists", `[{"x":4}]`, `"Point"`),
	one("Typed$Raw", `{"a":1}`, failed("Class fixtures.Typed$Raw does not implement RequestHandler with concrete type parameters", "")),
	one("Typed$Unbound", `{"a":1}`, failed("Class fixtures.Typed$Unbound does not implement RequestHandler with concrete type parameters: parameter T has no upper bound.", "")),
	one("Typed$Bound", `{"x":6}`, `"bound 6"`),
	one("Typed$NoConstructor", `"x"`, failed("Class fixtures.Typed$NoConstructor has no public zero-argument constructor", "java.lang.Exception")),
	one("Typed$InnerClass", `"x"`, failed("Class fixtures.Typed$InnerClass cannot be instantiated because it is a non-static inner class", "java.lang.Exception")),
	one("Plain$Inner::handle", `"x"`, failed("Class fixtures.Plain$Inner cannot be instantiated because it is a non-static inner class", "java.lang.Exception")),
	one("Typed$NoHandler", `"x"`, failed("Class does not implement an appropriate handler interface: fixtures.Typed$NoHandler", "")),
	one("Typed$BadConstructor", `"x"`, `/init/error {"errorMessage":"constructed badly","errorType":"java.lang.IllegalStateException"}`),
	one("Typed$BadMethodConstructor::handle", `"x"`, `/init/error {"errorMessage":"constructed badly","errorType":"java.lang.IllegalStateException"}`),
	one("Typed$BadStatic", `"x"`, `/init/error {"errorMessage":"Error loading class fixtures.Typed$BadStatic","errorType":"java.lang.ExceptionInInitializerError"}`),
	{handler: "Absent", events: []string{`1`, `2`}, want: []string{
		failed("Class not found: fixtures.Absent", "java.lang.ClassNotFoundException"), failed("Class not found: fixtures.Absent", "java.lang.ClassNotFoundException"),
	}},
	one("Plain::", `1`, failed("Invalid handler: `fixtures.Plain::'", "")),
	one("Plain", `1`, failed("Class does not implement an appropriate handler interface: fixtures.Plain", "")),
}

var failures = []behaviour{
	one("Plain::fail", `"some_error_msg"`, ""),
	one("Plain::failWithoutMessage", `"x"`, ""),
	one("Plain::failChecked", `"x"`, ""),
	{handler: "Plain::failOften", events: []string{`1`, `2`}, want: nil},
	one("Plain::error", `"x"`, ""),
	{handler: "Plain::outOfMemory", events: []string{`1`, `2`}, want: nil},
	one("Plain::deep", `1`, ""),
	one("Plain::text", `{"a":1}`, ""),
	one("Plain::point", `{"x":`, ""),
	{handler: "Plain::interrupt", events: []string{`1`, `2`}, want: []string{`"call 1"`, `"call 2"`}},
	one("Plain::exit", `3`, ""),
}

// post is what was posted, in short: the body of an answer, or the path and
// body of an error.
func post(a runtimetest.Answer) string {
	if strings.HasSuffix(a.Path, "/response") {
		return a.Body
	}
	if a.Path == "init/error" {
		return "/init/error " + a.Body
	}
	return "/error " + a.Body
}

func posts(o runtimetest.Outcome) []string {
	var list []string
	for _, a := range o.Answers {
		list = append(list, post(a))
	}
	return list
}

// TestBehaviour goes through the tables (F248) with the oldest Java; that the others do
// the same is sampled, because every line is a start of a virtual machine.
func TestBehaviour(t *testing.T) {
	t.Parallel()
	list := here(t)
	oldest := list[len(list)-1].Runtime
	each(t, func(t *testing.T, f runtimes.Found) {
		table := slices.Concat(binding, choice)
		if f.Runtime != oldest {
			table = slices.Concat(binding[:3], choice[:3])
		}
		for _, b := range table {
			got := posts(runtimetest.Run(t, job(f, b.handler, b.events...)))
			for i, want := range b.want {
				if i >= len(got) || want != "" && got[i] != want {
					t.Errorf("%s given %s: %q, want %s", b.handler, b.events[i], got, want)
					break
				}
			}
		}
	})
}

// The cause of a failure travels as a header, which cannot have every character.
// AWS's client ends there; the invocation must be answered once all the same.
func TestUnprintableMessageIsReported(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		got := posts(runtimetest.Run(t, job(f, "Plain::failUnprintably", `1`, `2`)))
		for i, want := range []string{`/error {"errorMessage":"a\u007fb\u0000\n1",`, `/error {"errorMessage":"a\u007fb\u0000\n2",`} {
			if i >= len(got) || !strings.HasPrefix(got[i], want) {
				t.Fatalf("posted %q, want %s…", got, want)
			}
		}
	})
}

// An invocation whose answer is refused would be handed out again: the handler
// must not run for ever. The test's API refuses the path that such an id makes.
func TestRefusedAnswerEndsTheProcess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, handler := range []string{"Plain::text", "Plain::fail"} {
			j := job(f, handler)
			j.Events = []runtimetest.Event{{ID: "not a path", Payload: `"x"`}, {Payload: `"y"`}}
			o := runtimetest.Run(t, j)
			if o.Exit != "exit status 1" || len(o.Answers) != 0 || !strings.Contains(o.Stderr, "the Runtime API answered 400 to POST invocation/not a path/") {
				t.Errorf("%s: %s after %q; %s", handler, o.Exit, posts(o), o.Stderr)
			}
		}
	})
}

var logs = []behaviour{
	one("Plain::log", `"x"`, `"done"`),
	one("Plain::print", `"x"`, `"done"`),
}

var contexts = []behaviour{
	{handler: "Plain::context", further: []runtimetest.Event{
		{},
		{ID: "other", Header: map[string]string{
			"Lambda-Runtime-Deadline-Ms":      strconv.FormatInt(time.Now().Add(-time.Minute).UnixMilli(), 10),
			"Lambda-Runtime-Trace-Id":         "",
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}`,
			"Lambda-Runtime-Client-Context":   `{"client":{"app_title":"t","installation_id":"n"},"custom":{"c":"d"},"env":{"platform":"Android"}}`,
		}},
	}},
	{handler: "Plain::point", further: []runtimetest.Event{{
		Payload: `{"x":1,"label":"<a>","next":{"y":2}}`,
		Header:  map[string]string{"Lambda-Runtime-Client-Context": `{"env":{"platform":"Android"}}`},
	}}},
	{handler: "Plain::tenant", further: []runtimetest.Event{{Header: map[string]string{"Lambda-Runtime-Aws-Tenant-Id": "blue"}}}},
	{handler: "Plain::property", events: []string{`"user.dir"`, `"com.amazonaws.xray.traceHeader"`, `"networkaddress.cache.negative.ttl"`}},
	{handler: "Plain::env", events: []string{`"_HANDLER"`, `"_X_AMZN_TRACE_ID"`, `"AWS_EXECUTION_ENV"`}},
}
