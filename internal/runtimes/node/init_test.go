package node

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// fault is an error body.
type fault struct {
	Type    string   `json:"errorType"`
	Message string   `json:"errorMessage"`
	Trace   []string `json:"trace"`
}

func parse(t *testing.T, body string) fault {
	t.Helper()
	var f fault
	if err := json.Unmarshal([]byte(body), &f); err != nil {
		t.Fatalf("error body %q: %v", body, err)
	}
	return f
}

// initFaults are handlers that cannot be loaded, and what /init/error must
// carry; {task} and {runtime} stand for folders.
var initFaults = []struct {
	name, handler string
	task          map[string]string
	kind, message string
	modern        string // the message from Node.js 24 on, where it differs
}{
	{"no dot", "app", app(""), "Runtime.MalformedHandlerName", "Bad handler", ""},
	{"parent", "../app.handler", app(""), "Runtime.MalformedHandlerName", "'../app.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.", ""},
	{"no module", "nothing.handler", app(""), "Runtime.ImportModuleError", "Error: Cannot find module 'nothing'\nRequire stack:\n- {runtime}/index.mjs", ""},
	{"no inner module", "app.handler", app("require('nothing')"), "Runtime.ImportModuleError", "Error: Cannot find module 'nothing'\nRequire stack:\n- {task}/app.js\n- {runtime}/index.mjs", "Error: Cannot find module 'nothing'\nRequire stack:\n- {task}/app.js"},
	{"syntax", "app.handler", app("let x = = 1"), "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token '='", ""},
	{"syntax in a module", "app.handler", map[string]string{"app.mjs": "let x = = 1"}, "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token '='", ""},
	{"no handler", "app.handler", app("exports.other = 1"), "Runtime.HandlerNotFound", "app.handler is undefined or not exported", ""},
	{"no function", "app.handler", app("exports.handler = 1"), "Runtime.HandlerNotFound", "app.handler is not a function", ""},
	{"no nested handler", "app.a.b.c", app("exports.a = {}"), "Runtime.HandlerNotFound", "app.a.b.c is undefined or not exported", ""},
	{"exception", "app.handler", app("throw new RangeError('boom')"), "RangeError", "boom", ""},
	{"exception in a module", "app.handler", map[string]string{"app.mjs": "await 0; throw new RangeError('boom')"}, "RangeError", "boom", ""},
	{"odd streaming", "app.handler", app("exports.handler = async () => 1; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request'"), "Runtime.MalformedStreamingHandler", "Only response streaming is supported.", ""},
}

func TestInitFaults(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		modern := f.Runtime == "nodejs24.x"
		exit, title := "exit status 129", "Uncaught Exception"
		if modern {
			exit, title = "exit status 1", "Init Error"
		}
		for _, c := range initFaults {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Handler: c.handler, Task: c.task})
			if len(o.Answers) != 1 || o.Answers[0].Path != "init/error" || o.Exit != exit {
				t.Errorf("%s: %s, posted %+v; want one init/error and %s; %s", c.name, o.Exit, o.Answers, exit, o.Stderr)
				continue
			}
			message := c.message
			if modern && c.modern != "" {
				message = c.modern
			}
			message = strings.NewReplacer("{task}", o.Task, "{runtime}", o.Program.Mounts[1].Source).Replace(message)
			got := parse(t, o.Answers[0].Body)
			if got.Type != c.kind || got.Message != message || o.Answers[0].Header.Get("Lambda-Runtime-Function-Error-Type") != c.kind || len(got.Trace) == 0 {
				t.Errorf("%s: %s, want %s: %s", c.name, o.Answers[0].Body, c.kind, message)
			}
			if !strings.Contains(o.Stdout, "\tERROR\t"+title+" \t{\"errorType\":\""+c.kind+"\",") || strings.Count(o.Stdout, "\n") != 1 {
				t.Errorf("%s: log %q", c.name, o.Stdout)
			}
		}
	})
}

func TestNeverLoaded(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Task: map[string]string{"app.mjs": "await new Promise(() => {})"}})
		if len(o.Answers) != 1 || o.Answers[0].Path != "init/error" || o.Exit != "exit status 13" || parse(t, o.Answers[0].Body).Type != "Runtime.NodeJsExit" {
			t.Errorf("%s, %+v", o.Exit, o.Answers)
		}
	})
}

func TestModulePlaces(t *testing.T) {
	t.Parallel()
	const cjs, esm = "exports.handler = async () => 'cjs'", "export const handler = async () => 'esm'"
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		for _, c := range []struct {
			name, handler, want string
			task                map[string]string
		}{
			{"js", "app.handler", `"cjs"`, app(cjs)},
			{"cjs", "app.handler", `"cjs"`, map[string]string{"app.cjs": cjs}},
			{"mjs", "app.handler", `"esm"`, map[string]string{"app.mjs": esm}},
			{"await", "app.handler", `"late"`, map[string]string{"app.mjs": "const v = await Promise.resolve('late'); export const handler = async () => v"}},
			{"type module", "app.handler", `"esm"`, map[string]string{"app.js": esm, "package.json": `{"type": "module"}`}},
			{"type commonjs below", "lib/app.handler", `"cjs"`, map[string]string{"lib/app.js": cjs, "lib/package.json": `{}`, "package.json": `{"type": "module"}`}},
			{"folder", "src/deep/app.handler", `"cjs"`, map[string]string{"src/deep/app.js": cjs}},
			{"nested export", "app.a.b", `"nested"`, app("exports.a = { b: async () => 'nested' }")},
			{"this of a nested export", "app.a.b", `false`, app("exports.a = { b: async function () { 'use strict'; return this === exports.a } }")},
			{"no extension", "app.handler", `"cjs"`, map[string]string{"app": cjs}},
			{"js before mjs", "app.handler", `"cjs"`, map[string]string{"app.js": cjs, "app.mjs": esm}},
			{"folder module", "app.handler", `"cjs"`, map[string]string{"app/index.js": cjs}},
			{"package", "app.handler", `"cjs"`, map[string]string{"node_modules/app/index.js": cjs}},
			{"import of a package", "app.handler", `"dep"`, map[string]string{"app.mjs": "import d from 'dep'; export const handler = async () => d", "node_modules/dep/index.js": "module.exports = 'dep'"}},
		} {
			o := runtimetest.Run(t, runtimetest.Job{Set: set, Runtime: f.Runtime, Handler: c.handler, Task: c.task})
			if len(o.Answers) != 1 || o.Answers[0].Body != c.want {
				t.Errorf("%s: %s, answers %+v, want %s; %s %s", c.name, o.Exit, o.Answers, c.want, o.Stdout, o.Stderr)
			}
		}
	})
}

func TestLayerModules(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		major := strings.TrimSuffix(strings.TrimPrefix(string(f.Runtime), "nodejs"), ".x")
		o := runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Task: app("exports.handler = async () => [require('one'), require('two')]"),
			Layer: map[string]string{
				"nodejs/node_modules/one/index.js":                   "module.exports = 'plain'",
				"nodejs/node" + major + "/node_modules/one/index.js": "module.exports = 'major'",
				"nodejs/node_modules/two/index.js":                   "module.exports = 'plain'",
			},
		})
		if len(o.Answers) != 1 || o.Answers[0].Body != `["major","plain"]` {
			t.Errorf("answers %+v, %s", o.Answers, o.Stdout)
		}
	})
}

func TestWrapper(t *testing.T) {
	t.Parallel()
	each(t, 16, 24, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, runtimetest.Job{
			Set: set, Runtime: f.Runtime, Wrapper: "wrapper",
			Layer: map[string]string{"wrapper": "#!/bin/sh\nexport FROM_WRAPPER=yes NODE_OPTIONS=\"--require $(dirname \"$0\")/hook.js\"\nexec \"$@\"\n", "hook.js": "globalThis.hooked = 1"},
			Task:  app("exports.handler = async () => [process.env.FROM_WRAPPER, hooked]"),
		})
		if len(o.Answers) != 1 || o.Answers[0].Body != `["yes",1]` {
			t.Errorf("%s, answers %+v, %s", o.Exit, o.Answers, o.Stderr)
		}
	})
}

// stamp hides what differs from run to run.
var stamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z`)
