package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"lambent/conformance/script"
)

// row is a case in a table: a request, and the answer that it must get.
type row struct {
	section, rule string
	step          script.Step
	status        int               // 0: not looked at
	errorType     string            // of the JSON body; a pattern
	message       string            // of the JSON body; a pattern
	body          string            // a pattern of the whole body
	header        map[string]string // patterns
}

// label of a row's record is its rule.
func label(section, rule string) string { return section + " " + rule }

// steps are the requests of a table.
func steps(rows []row) []script.Step {
	var out []script.Step
	for _, r := range rows {
		s := r.step
		s.Label = label(r.section, r.rule)
		out = append(out, s)
	}
	return out
}

// check proves the rows of a table from what was noted.
func (t *trial) check(rows []row, got records) {
	for _, r := range rows {
		problem := r.problem(got.one(label(r.section, r.rule)))
		t.prove(r.section, r.rule, problem == "", "%s", problem)
	}
}

// problem tells what is wrong with an answer, if anything.
func (r row) problem(got script.Record) string {
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if got.Error != "" {
		complain("%s", got.Error)
	}
	if r.status != 0 && got.Status != r.status {
		complain("status %d, want %d", got.Status, r.status)
	}
	var said struct{ ErrorType, ErrorMessage string }
	_ = json.Unmarshal([]byte(got.Body), &said)
	if r.errorType != "" && !matches(r.errorType, said.ErrorType) {
		complain("errorType %q, want %s", said.ErrorType, r.errorType)
	}
	if r.message != "" && !matches(r.message, said.ErrorMessage) {
		complain("errorMessage %q, want %s", said.ErrorMessage, r.message)
	}
	if r.body != "" && !matches(r.body, got.Body) {
		complain("body %.300q, want %s", got.Body, r.body)
	}
	for name, pattern := range r.header {
		if !matches(pattern, got.Header[name]) {
			complain("%s: %q, want %s", name, got.Header[name], pattern)
		}
	}
	if len(wrong) > 0 && got.Body != "" && r.body == "" {
		complain("the body is %.300q", got.Body)
	}
	return strings.Join(wrong, "; ")
}

// matches tells whether the whole text is as the pattern says.
func matches(pattern, text string) bool {
	return regexp.MustCompile(`(?s)\A(?:` + pattern + `)\z`).MatchString(text)
}

const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

// okBody is what AWS answers to what it takes.
const okBody = `\{"status":"OK"\}\n`

// The steps that scenarios are made of.

func get(path string) script.Step { return request("GET", path, "") }

func post(path, body string) script.Step { return request("POST", path, body) }

func request(method, path, body string) script.Step {
	return script.Step{Do: "request", Method: method, Path: path, Body: body}
}

const (
	runtimePath   = "/2018-06-01/runtime/"
	extensionPath = "/2020-01-01/extension/"
)

func respond(body string) script.Step { return post(runtimePath+"invocation/${id}/response", body) }
func fail(body string) script.Step    { return post(runtimePath+"invocation/${id}/error", body) }

// with adds headers, given as name and value in turn.
func with(s script.Step, headers ...string) script.Step {
	h := map[string]string{}
	for name, value := range s.Header {
		h[name] = value
	}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = headers[i+1]
	}
	s.Header = h
	return s
}

// named gives a step a label, so that its outcome is noted.
func named(name string, s script.Step) script.Step {
	s.Label = name
	return s
}

// within bounds a request that may never be answered.
func within(millis int, s script.Step) script.Step {
	s.Millis = millis
	return s
}

func sleep(millis int) script.Step { return script.Step{Do: "sleep", Millis: millis} }
func note(name string) script.Step { return script.Step{Do: "note", Label: name} }
func exit(code int) script.Step    { return script.Step{Do: "exit", Code: code} }
func hang() script.Step            { return script.Step{Do: "hang"} }
func trap() script.Step            { return script.Step{Do: "trap"} }

func async(steps ...script.Step) script.Step { return script.Step{Do: "async", Steps: steps} }

// register registers an extension and keeps its identifier as the variable.
func register(name, body, variable string) script.Step {
	s := named("register", with(post(extensionPath+"register", body), "Lambda-Extension-Name", name))
	s.Save = map[string]string{variable: "Lambda-Extension-Identifier"}
	return s
}

// external registers the extension of this name for these events, as ext.
func external(name string, events ...string) script.Step {
	list, _ := json.Marshal(map[string][]string{"events": append([]string{}, events...)}) // strings always encode
	return register(name, string(list), "ext")
}

// extNext asks for the next event of the extension whose identifier a variable holds.
func extNext(variable string) script.Step {
	return with(get(extensionPath+"event/next"), "Lambda-Extension-Identifier", "${"+variable+"}")
}

// at makes a script of the steps at each moment.
func at(moments map[string][]script.Step) script.Script { return script.Script{Moments: moments} }

// simple is a script that only has an init.
func simple(init ...script.Step) script.Script {
	return at(map[string][]script.Step{"init": init})
}

// plain is a bootstrap that does nothing but what events ask for.
func plain() *script.Script {
	s := simple()
	return &s
}

func bootstrap(moments map[string][]script.Step) *script.Script {
	s := at(moments)
	return &s
}
