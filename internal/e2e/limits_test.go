package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestLargePayloads is F244 and the limits of requests and answers: 6 MB each.
func TestLargePayloads(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{memory: 1769, timeout: 60, code: "def handler(event, context):\n    return 'x' * event if isinstance(event, int) else len(event)"})
	const mb = 1 << 20
	for _, size := range []int{6*mb - 2, 5 * mb} {
		payload, fault := s.raw(t, name, `"`+strings.Repeat("x", size)+`"`)
		if string(payload) != fmt.Sprint(size) || fault != "" {
			t.Errorf("an event of %d bytes: %.200s %s", size+2, payload, fault)
		}
	}
	payload, fault := s.raw(t, name, fmt.Sprint(6*mb))
	if len(payload) != 6*mb+2 || fault != "" {
		t.Errorf("an answer of 6 MB: %d bytes, %s: %.200s", len(payload), fault, payload)
	}
	r := s.call(t, name, fmt.Sprint(6*mb+1000))
	if want := `{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}`; r.payload != want || r.fault != "Unhandled" {
		t.Errorf("an answer of more: %.300s (%s)", r.payload, r.fault)
	}
	if again := s.call(t, name, `"abc"`); again.payload != "3" || again.cold() {
		t.Errorf("too large an answer is no reason for a new environment: %+v", again)
	}
	_, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(`"` + strings.Repeat("x", 6*mb) + `"`)})
	var tooLarge *types.RequestTooLargeException
	if !errors.As(err, &tooLarge) {
		t.Errorf("an event of more than 6 MB: %v", err)
	}
}

// TestBadPayloads is F243: what is not JSON is refused before anything runs.
func TestBadPayloads(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    print('ran')\n    return event"})
	for _, payload := range []string{"{", "hello", "\x87x", `{"a": }`, "[1,]", `"` + "\x01" + `"`} {
		_, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload)})
		var bad *types.InvalidRequestContentException
		if !errors.As(err, &bad) || !strings.HasPrefix(bad.ErrorMessage(), "Could not parse request body into json: Could not parse payload into json: ") {
			t.Errorf("%q: %v", payload, err)
		}
	}
	if log := s.log(t, name); log != "" {
		t.Errorf("the function ran:\n%s", log)
	}
	for payload, want := range map[string]string{"": "{}", "null": "null", ` [1, "ä"] `: `[1, "\u00e4"]`, "1e400": ""} {
		got, _ := s.raw(t, name, payload)
		if want != "" && string(got) != want {
			t.Errorf("%q came back as %s, want %s", payload, got, want)
		}
	}
}

// TestHeadersOfAnInvocation: what every answer of Invoke carries.
func TestHeadersOfAnInvocation(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    return context.aws_request_id"})
	resp, err := http.Post(s.url+"/2015-03-31/functions/"+name+"/invocations", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if id := resp.Header.Get("X-Amzn-Requestid"); `"`+id+`"` != string(body) {
		t.Errorf("x-amzn-RequestId is %s, the function's %s", id, body)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Amz-Executed-Version") != "$LATEST" ||
		!strings.HasPrefix(resp.Header.Get("X-Amzn-Trace-Id"), "Root=1-") || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}
