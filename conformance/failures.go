package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"lambent/conformance/script"
)

// sayError is what an extension says before it ends.
func sayError(phase string) script.Step {
	return named("said", with(post(extensionPath+phase+"/error", `{"errorMessage":"m","errorType":"t"}`), identifierHeader, "${ext}", errorTypeHeader, "Extension.Mine"))
}

// extensionFailures proves what becomes of an invocation whose extension fails.
func extensionFailures() []scenario {
	prefix := "RequestId: " + uuid + " Error: "
	failing := func(name, section, rule, want string, s script.Script) scenario {
		return scenario{"extension-" + name, function{bootstrap: plain(), extensions: map[string]script.Script{"bad": s}}, func(t *trial) {
			// The function does not answer before the extension is gone.
			a := t.invoke(call{payload: script.Event{Steps: []script.Step{sleep(4000)}}})
			errorType, message := a.failure()
			got := errorType + ": " + message
			t.prove(section, rule, a.fault == "Unhandled" && matches(want, got), "%s, want %s", a, want)
			t.prove("7.2", rule+", and REPORT has the type", strings.Contains(a.log, "Error Type: "+errorType), "%s", a.log)
			time.Sleep(afterExternal)
			starts := t.invoke(call{payload: script.Event{Collect: true}}).records().of("bad").all("started")
			t.prove("1.6", rule+", and processes start anew", len(starts) >= 2, "%d starts", len(starts))
		}}
	}
	// Init is tried again inside the invocation; the third is for the collecting.
	init := func(well script.Step, bad ...script.Step) script.Script {
		return at(map[string][]script.Step{"init": append([]script.Step{well}, bad...), "init#3": {well}})
	}
	reg := external("bad", "INVOKE", "SHUTDOWN")
	invoke := func(bad ...script.Step) script.Script {
		return at(map[string][]script.Step{"init": {reg}, "invoke#1": bad})
	}
	unregistered := at(map[string][]script.Step{"init": {exit(4)}, "init#3": {reg}})
	all := []scenario{
		failing("exits-unregistered", "1.8", "an extension that exits before it registers fails the Init", "Extension.Crash: "+prefix+"exit status 4", unregistered),
		failing("exits-in-init", "1.8", "an extension that exits in Init fails it", "Extension.Crash: "+prefix+"exit status 7", init(reg, exit(7))),
		failing("ends-in-init", "1.8", "an extension that ends well in Init fails it", "Extension.Crash: "+prefix+"exit code 0", init(reg, exit(0))),
		failing("killed-in-init", "1.8", "an extension that dies by a signal in Init fails it", "Extension.Crash: "+prefix+"signal: killed", init(reg, script.Step{Do: "signal", Code: 9})),
		stated("InitError", failing("init-error", "3.4", "init/error and an exit fail the Init", "Extension.InitError: "+prefix+"exit status 1", init(reg, sayError("init"), exit(1)))),
		stated("ExitError", failing("exit-error-in-init", "3.4", "exit/error may come in Init", "Extension.ExitError: "+prefix+"exit status 1", init(reg, sayError("exit"), exit(1)))),
		failing("exits-in-invoke", "1.8", "an extension that exits in an invocation fails it", "Extension.Crash: "+prefix+"exit status 7", invoke(exit(7))),
		failing("ends-in-invoke", "1.8", "an extension that ends well in an invocation fails it", "Extension.Crash: "+prefix+"exit code 0", invoke(exit(0))),
		failing("exit-error", "3.4", "exit/error and an exit fail the invocation", "Extension.ExitError: "+prefix+"exit status 1", invoke(sayError("exit"), exit(1))),
	}
	return append(append(all, idleCrash()), launchFailures()...)
}

// stated also proves what the log says of the extension's state.
func stated(state string, s scenario) scenario {
	play := s.play
	s.play = func(t *trial) {
		play(t)
		t.proveLog("3.5", "then its state is "+state, `EXTENSION\tName: bad\tState: `+state+`\tEvents: \[INVOKE, SHUTDOWN\]\tError Type: Extension.Mine`)
	}
	return s
}

// idleCrash is an extension that dies while the environment waits: as a process
// that is frozen cannot, it does so when it is thawed.
func idleCrash() scenario {
	s := at(map[string][]script.Step{"init": {external("bad", "SHUTDOWN"), async(sleep(800), exit(5))}, "init#2": {external("bad", "SHUTDOWN")}})
	return scenario{"extension-dies-beside", function{bootstrap: plain(), extensions: map[string]script.Script{"bad": s}}, func(t *trial) {
		a := t.do(sleep(3000))
		errorType, _ := a.failure()
		t.prove("1.8", "an extension that does not follow invocations and exits in one fails it", errorType == "Extension.Crash", "%s", a)
		time.Sleep(afterExternal)
		b := t.do()
		t.prove("1.6", "the next invocation goes well", b.fault == "", "%s", b)
	}}
}

func launchFailures() []scenario {
	eleven := map[string]script.Script{}
	for i := range 11 {
		name := fmt.Sprintf("x%02d", i)
		eleven[name] = simple(external(name))
	}
	text, _ := interpreted(simple())
	return []scenario{
		{"extension-not-executable", function{bootstrap: plain(), layerFiles: map[string]string{"extensions/text": notExecutable + text}}, func(t *trial) {
			a := t.do()
			errorType, message := a.failure()
			t.prove("1.8", "an extension that may not be executed fails the Init", errorType == "Extension.LaunchError" && strings.Contains(message, "permission denied"), "%s", a)
			t.proveLog("7.2", "its EXTENSION line says why", `EXTENSION\tName: text\tState: LaunchError\tEvents: \[\]\tError Type: PermissionDenied`)
		}},
		{"extension-not-a-program", function{bootstrap: plain(), layerFiles: map[string]string{"extensions/noise": "\x01\x02\x03"}}, func(t *trial) {
			a := t.do()
			errorType, _ := a.failure()
			t.prove("1.8", "a file that is no program fails the Init", errorType == "Extension.LaunchError", "%s", a)
			t.proveLog("7.2", "its EXTENSION line says UnknownError", `EXTENSION\tName: noise\tState: LaunchError\tEvents: \[\]\tError Type: UnknownError`)
		}},
		{"extension-eleven", function{bootstrap: plain(), extensions: eleven, memory: 256}, func(t *trial) {
			a := t.do()
			errorType, _ := a.failure()
			t.prove("1.2", "the eleventh file fails the Init", errorType == "Extension.LaunchError", "%s", a)
			t.proveLog("1.2", "its EXTENSION line says TooManyExtensions", `EXTENSION\tName: x10\tState: LaunchError\tEvents: \[\]\tError Type: TooManyExtensions`)
		}},
	}
}

// proveLog proves that something is logged.
func (t *trial) proveLog(section, rule, pattern string) string {
	log, err := t.awaitLog(pattern)
	if err == errNoLogs {
		t.skip(section, rule, err.Error())
		return ""
	}
	t.prove(section, rule, err == nil, "%v", err)
	return log
}

// initFailures are the Inits that are too slow, all of which take ten seconds.
func initFailures() []scenario {
	slow := func(name, rule string, boot *script.Script, extensions map[string]script.Script, more func(*trial, string)) scenario {
		return scenario{"init-" + name, function{bootstrap: boot, extensions: extensions, timeout: 3}, func(t *trial) {
			a := t.do()
			errorType, message := a.failure()
			t.prove("1.3", rule, errorType == "Sandbox.Timedout" && strings.HasSuffix(message, "Task timed out after 3.00 seconds"), "%s", a)
			t.prove("1.3", rule+", at ten seconds and then at the timeout", a.took > 12*time.Second, "%v", a.took)
			log := t.proveLog("1.4", rule+", and INIT_REPORT says timeout", `INIT_REPORT Init Duration: 1\d{4}\.\d\d ms\tPhase: init\tStatus: timeout`)
			if more != nil && log != "" {
				more(t, log)
			}
		}}
	}
	return []scenario{
		slow("runtime-hangs", "a runtime that never asks for its event runs into the limit", bootstrap(map[string][]script.Step{"init": {hang()}}), nil, nil),
		slow("extension-hangs", "so does an extension that registers and never asks", plain(), map[string]script.Script{
			"bad": simple(external("bad", "INVOKE"), hang()),
		}, nil),
		slow("extension-unregistered", "so does one that never registers", &script.Script{Tell: true}, map[string]script.Script{
			"bad": {Moments: map[string][]script.Step{"init": {hang()}}, Tell: true},
		}, func(t *trial, log string) {
			started := regexp.MustCompile(`RECORD .*"process":"bootstrap"`).FindString(log)
			t.prove("1.2", "the runtime is not started before every extension has registered", started == "", "%s", started)
		}),
	}
}
