// Program extension is an external Lambda extension whose behaviour a test
// chooses by a function's variables. It says all that it does on its standard
// output, and writes its steps to /tmp/order, where the function can read them.
//
// EXTENSION_EVENTS are the events that it subscribes to, and EXTENSION the words
// of what it does otherwise than a good extension would. A variable of the same
// name with "_" and the extension's own name behind it is for that one alone.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"time"
)

func main() {
	x := &extension{name: filepath.Base(os.Args[0])}
	x.words = strings.Fields(x.setting("EXTENSION"))
	x.run()
}

type extension struct {
	name   string
	words  []string
	ident  string
	memory []byte
}

func (x *extension) setting(name string) string {
	if own, ok := os.LookupEnv(name + "_" + x.name); ok {
		return own
	}
	return os.Getenv(name)
}

func (x *extension) does(word string) bool { return slices.Contains(x.words, word) }

// step says what happens, in the log and in the file that all share.
func (x *extension) step(format string, args ...any) {
	text := x.name + " " + fmt.Sprintf(format, args...)
	fmt.Println(text)
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "order"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		fmt.Println(x.name, err)
		return
	}
	defer f.Close()
	fmt.Fprintln(f, text)
}

func (x *extension) run() {
	x.step("started")
	if x.does("tell-signals") {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		go func() {
			for s := range signals {
				x.step("signal %v", s)
			}
		}()
	}
	x.misbehave("start")
	if x.does("slow-register") {
		time.Sleep(300 * time.Millisecond)
	}
	x.register()
	x.prepare()
	for {
		x.handle(x.next())
	}
}

// misbehave exits or hangs when the words say so of the moment.
func (x *extension) misbehave(moment string) {
	switch {
	case x.does("exit-at-" + moment):
		x.step("exits")
		os.Exit(7)
	case x.does("end-at-" + moment):
		x.step("ends")
		os.Exit(0)
	case x.does("hang-at-" + moment):
		x.step("hangs")
		time.Sleep(time.Hour)
	case x.does("fail-at-" + moment):
		kind := "exit"
		if moment == "init" {
			kind = "init"
		}
		code, body := x.call("POST", kind+"/error", `{"errorMessage":"no luck","errorType":"Extension.NoLuck"}`,
			"Lambda-Extension-Function-Error-Type", "Extension.NoLuck")
		x.step("told %s/error: %d %s", kind, code, strings.TrimSpace(body))
		os.Exit(1)
	}
}

func (x *extension) register() {
	events := strings.FieldsFunc(x.setting("EXTENSION_EVENTS"), func(r rune) bool { return r == ',' })
	body, _ := json.Marshal(map[string][]string{"events": events}) // strings always encode
	code, answer := x.call("POST", "register", string(body), "Lambda-Extension-Name", x.name, "Lambda-Extension-Accept-Feature", "accountId")
	x.step("registered %d %s", code, strings.TrimSpace(answer))
}

// prepare is what is done between registering and the first Next.
func (x *extension) prepare() {
	x.misbehave("init")
	if x.does("slow-init") {
		time.Sleep(700 * time.Millisecond)
	}
	if x.does("variables") {
		all := os.Environ()
		sort.Strings(all)
		text, _ := json.Marshal(all) // strings always encode
		x.step("variables %s", text)
	}
	if x.does("memory") {
		x.memory = bytes.Repeat([]byte{1}, 60<<20)
	}
	if x.does("telemetry") {
		x.subscribe()
	}
	x.step("ready")
}

type event struct {
	EventType, RequestID, InvokedFunctionArn, ShutdownReason string

	DeadlineMs int64
}

func (x *extension) next() event {
	code, body := x.call("GET", "event/next", "")
	var e event
	if err := json.Unmarshal([]byte(body), &e); err != nil || code != http.StatusOK {
		x.step("next gave %d %s", code, body)
		os.Exit(9)
	}
	return e
}

func (x *extension) handle(e event) {
	left := time.Until(time.UnixMilli(e.DeadlineMs)).Milliseconds()
	if e.EventType == "SHUTDOWN" {
		x.step("SHUTDOWN %s left %d", e.ShutdownReason, left)
		x.misbehave("shutdown")
		x.step("goodbye")
		os.Exit(0)
	}
	x.step("INVOKE %s %s left %d", e.RequestID, e.InvokedFunctionArn, left)
	x.misbehave("invoke")
	if x.does("late") {
		time.Sleep(700 * time.Millisecond)
		x.step("is done")
	}
}

// call speaks the Extensions API. The connection may stand still for hours, so
// there is no time limit.
func (x *extension) call(method, path, body string, headers ...string) (int, string) {
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/" + path
	return x.send(method, url, body, headers...)
}

func (x *extension) send(method, url, body string, headers ...string) (int, string) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		x.step("%v", err)
		os.Exit(9)
	}
	req.Header.Set("Lambda-Extension-Identifier", x.ident)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		x.step("%v", err)
		os.Exit(9)
	}
	defer resp.Body.Close()
	if id := resp.Header.Get("Lambda-Extension-Identifier"); id != "" {
		x.ident = id
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		x.step("%v", err)
		os.Exit(9)
	}
	return resp.StatusCode, string(text)
}

// subscribe asks for platform and function telemetry, and prints what comes.
func (x *extension) subscribe() {
	ln, err := net.Listen("tcp", "0.0.0.0:8123")
	if err != nil {
		x.step("%v", err)
		os.Exit(9)
	}
	receive := func(_ http.ResponseWriter, r *http.Request) {
		var records []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&records); err != nil {
			x.step("%v", err)
		}
		for _, record := range records {
			x.step("telemetry %s", record)
		}
	}
	go func() { _ = http.Serve(ln, http.HandlerFunc(receive)) }()
	code, answer := x.send("PUT", "http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2022-07-01/telemetry",
		`{"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},
		"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8123"}}`)
	x.step("subscribed %d %s", code, strings.TrimSpace(answer))
}
