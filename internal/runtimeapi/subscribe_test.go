package runtimeapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"lambent/internal/lambda"
	"lambent/internal/runtimeapi"
)

// TestSubscriptionIsChecked goes through the rules of docs/environment.md §4.1
// and §4.5, one wrong word at a time.
func TestSubscriptionIsChecked(t *testing.T) {
	t.Parallel()
	const good = `"types":["platform","function","extension"],`
	http := func(more string) string {
		return `{` + good + `"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/p"` + more + `}}`
	}
	buffering := func(b string) string {
		return `{` + good + `"buffering":` + b + `,"destination":{"protocol":"TCP","port":8080}}`
	}
	for _, c := range []struct{ path, body, problem string }{
		{"/2022-07-01/telemetry", http(""), ""},
		{"/2022-07-01/telemetry", http(`,"method":"POST","encoding":"JSON"`), ""},
		{"/2022-07-01/telemetry", http(`,"method":"PUT"`), "destination method is not supported"},
		{"/2020-08-15/logs", http(`,"method":"PUT"`), ""},
		{"/2022-07-01/telemetry", http(`,"encoding":"XML"`), "destination encoding is not supported"},
		{"/2022-07-01/telemetry", `{"schemaVersion":"2022-12-13",` + http("")[1:], ""},
		{"/2022-07-01/telemetry", `{"schemaVersion":"2020-08-15",` + http("")[1:], "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"},
		{"/2020-08-15/logs", `{"schemaVersion":"2020-08-15",` + http("")[1:], ""},
		{"/2020-08-15/logs", `{"schemaVersion":"2022-07-01",` + http("")[1:], "schemaVersion should be one of 2020-08-15, 2021-03-18"},
		{"/2022-07-01/telemetry", `{"types":["kernel"],"destination":{"protocol":"TCP","port":1}}`, `type "kernel" is not supported`},
		{"/2022-07-01/telemetry", `{"destination":{"protocol":"TCP","port":1}}`, "types should not be empty"},
		{"/2022-07-01/telemetry", `[]`, "Invalid JSON format"},
		{"/2022-07-01/telemetry", buffering(`{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}`), ""},
		{"/2022-07-01/telemetry", buffering(`{"maxItems":10000,"maxBytes":1048576,"timeoutMs":30000}`), ""},
		{"/2022-07-01/telemetry", buffering(`{"maxItems":999}`), "maxItems should be between 1000 and 10000"},
		{"/2022-07-01/telemetry", buffering(`{"maxItems":10001}`), "maxItems should be between 1000 and 10000"},
		{"/2022-07-01/telemetry", buffering(`{"maxBytes":262143}`), "maxBytes should be between 262144 and 1048576"},
		{"/2022-07-01/telemetry", buffering(`{"maxBytes":1048577}`), "maxBytes should be between 262144 and 1048576"},
		{"/2022-07-01/telemetry", buffering(`{"timeoutMs":24}`), "timeoutMs should be between 25 and 30000"},
		{"/2022-07-01/telemetry", buffering(`{"timeoutMs":30001}`), "timeoutMs should be between 25 and 30000"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"UDP","port":8080}`), "destination protocol should be HTTP or TCP"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"TCP"}`), "destination port is not valid"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"TCP","port":65536}`), "destination port is not valid"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"TCP","port":9001}`), "port 9001 is reserved"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"HTTP","URI":"http://sandbox:9001"}`), "port 9001 is reserved"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"HTTP","URI":"http://sandbox:1"}`), ""},
		{"/2022-07-01/telemetry", destination(`{"protocol":"HTTP","URI":"http://sandbox.localdomain"}`), "URI port is not provided"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"HTTP","URI":"https://sandbox.localdomain:1"}`), "destination URI is not valid"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"HTTP","URI":"http://example.com:80"}`), "destination URI host should be sandbox.localdomain"},
		{"/2022-07-01/telemetry", destination(`{"protocol":"HTTP","URI":"%"}`), "destination URI is not valid"},
	} {
		if problem := subscribe(t, c.path, c.body); problem != c.problem {
			t.Errorf("PUT %s %s was answered %q, want %q", c.path, c.body, problem, c.problem)
		}
	}
}

func destination(d string) string { return `{"types":["platform"],"destination":` + d + `}` }

// subscribe puts a subscription and returns the message of its refusal.
func subscribe(t *testing.T, path, body string) (problem string) {
	t.Helper()
	_, answer := exchange(t, fmt.Sprintf("PUT %s HTTP/1.1\r\nLambda-Extension-Identifier: 5f2a7a34-0f5b-4b0c-9d55-1d1f6f5a7b10\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body))
	if answer == `"OK"` {
		return ""
	}
	var said struct {
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal([]byte(answer), &said); err != nil || said.Message == "" {
		t.Fatalf("the answer is %q", answer)
	}
	return said.Message
}

// exchange says one thing to a server of its own and returns head and body of
// the answer.
func exchange(t *testing.T, said string) (head, body string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		env := newEnvironment()
		_, pipes, stop := start(env, env)
		p := pipes.peer()
		p.send(said)
		synctest.Wait()
		got, _ := p.received()
		head, body, _ = strings.Cut(got, "\r\n\r\n")
		p.Close()
		<-p.done
		stop()
	})
	return head, body
}

// TestDocumentsAreBounded: an extension's documents are small.
func TestDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(" ", 256<<10+1)
	for _, said := range []string{
		"POST /2020-01-01/extension/register HTTP/1.1\r\nLambda-Extension-Name: e\r\n",
		"PUT /2022-07-01/telemetry HTTP/1.1\r\nLambda-Extension-Identifier: 5f2a7a34-0f5b-4b0c-9d55-1d1f6f5a7b10\r\n",
	} {
		head, _ := exchange(t, said+fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long), long))
		if !strings.HasPrefix(head, "HTTP/1.1 413 ") {
			t.Errorf("%q with a long document was answered %q, want 413", said, head)
		}
		head, _ = exchange(t, said+"Transfer-Encoding: chunked\r\n\r\nx\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 400 ") {
			t.Errorf("%q with a broken document was answered %q, want 400", said, head)
		}
	}
}

// TestErrorCauseIsCropped: docs/environment.md §2.4. Lists lose their ends
// before texts do.
func TestErrorCauseIsCropped(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return strings.Repeat("x", n) }
	paths := func(n, size int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = text(size)
		}
		return list
	}
	type cause struct {
		Exceptions       []any    `json:"exceptions"`
		WorkingDirectory string   `json:"working_directory"`
		Paths            []string `json:"paths"`
		Message          string   `json:"message"`
	}
	for _, c := range []struct {
		name         string
		sent         cause
		paths, texts int // of what comes out
	}{
		{"fits", cause{Paths: paths(60, 1000), Message: "m"}, 60, 1},
		{"eight tenths fit", cause{Paths: paths(80, 1000), Message: "m"}, 64, 1},
		{"two tenths fit", cause{Paths: paths(300, 1000), Message: "m"}, 60, 1},
		{"no list fits", cause{Paths: paths(400, 1000), Message: "m"}, 0, 1},
		{"texts are cropped", cause{Message: text(100_000), WorkingDirectory: text(100_000)}, 0, 30720},
	} {
		sent, err := json.Marshal(c.sent)
		if err != nil {
			t.Fatal(err)
		}
		var got cause
		if err := json.Unmarshal([]byte(runtimeapi.ErrorCause(sent)), &got); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(got.Paths) != c.paths || len(got.Message) != c.texts {
			t.Errorf("%s: %d paths and a message of %d bytes are left, want %d and %d", c.name, len(got.Paths), len(got.Message), c.paths, c.texts)
		}
	}
	if got := runtimeapi.ErrorCause([]byte(`{"other":1}`)); got != "" {
		t.Errorf("what is no cause became %q", got)
	}
	if lambda.MaxErrorCause != 64<<10 {
		t.Errorf("the limit is %d", lambda.MaxErrorCause)
	}
}
