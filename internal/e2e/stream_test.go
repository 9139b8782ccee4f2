package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/e2e/clients"
)

// streamCode streams what the event, or the body of a request to its URL, asks for.
const streamCode = `
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  const url = event.requestContext !== undefined;
  const ask = url ? JSON.parse(event.body) : event;
  if (ask.before) throw new RangeError("before");
  if (url) stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "X-Mine": "yes" }, cookies: ["a=b"] });
  if (ask.type) stream.setContentType(ask.type);
  stream.write("begun\n");
  if (ask.wait) await pause(ask.wait);
  if (ask.exit) process.exit(3);
  if (ask.midway) throw new RangeError("midway");
  if (ask.size) {
    const piece = Buffer.alloc(64 << 10, "x");
    for (let left = ask.size; left > 0; left -= piece.length)
      if (!stream.write(piece.subarray(0, left))) await new Promise((resolve) => stream.once("drain", resolve));
  }
  console.log("at the end");
  stream.end("done\n");
});
`

// streamedResponse is what InvokeWithResponseStream gave.
type streamedResponse struct {
	payload             string
	size                int
	code, details, tail string
	head                *lambda.InvokeWithResponseStreamOutput
}

// callStream invokes and reads to the end; seen is told of every piece.
func (s *server) callStream(t *testing.T, in *lambda.InvokeWithResponseStreamInput, seen func([]byte)) streamedResponse {
	t.Helper()
	return streamFrom(t, s.client(), in, seen)
}

func streamFrom(t *testing.T, client *lambda.Client, in *lambda.InvokeWithResponseStreamInput, seen func([]byte)) streamedResponse {
	t.Helper()
	out, err := client.InvokeWithResponseStream(t.Context(), in)
	if err != nil {
		t.Fatalf("invoke %s: %v", *in.FunctionName, err)
	}
	r := streamedResponse{head: out}
	var text strings.Builder
	complete := false
	for e := range out.GetStream().Events() {
		switch e := e.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			r.size += len(e.Value.Payload)
			if text.Len() < 1<<10 {
				text.Write(e.Value.Payload)
			}
			if seen != nil {
				seen(e.Value.Payload)
			}
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			complete = true
			tail, _ := base64.StdEncoding.DecodeString(aws.ToString(e.Value.LogResult))
			r.code, r.details, r.tail = aws.ToString(e.Value.ErrorCode), aws.ToString(e.Value.ErrorDetails), string(tail)
		}
	}
	if err := out.GetStream().Err(); err != nil || !complete {
		t.Fatalf("the stream of %s ended with %v, complete: %t", *in.FunctionName, err, complete)
	}
	r.payload = text.String()
	return r
}

func streamInput(name, payload string) *lambda.InvokeWithResponseStreamInput {
	return &lambda.InvokeWithResponseStreamInput{FunctionName: &name, Payload: []byte(payload), LogType: types.LogTypeTail}
}

// TestResponseStream: bytes come while the function runs, and the end tells how it
// went.
func TestResponseStream(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 3})
		r := s.callStream(t, streamInput(name, `{"type":"text/plain"}`), nil)
		if r.payload != "begun\ndone\n" || r.code != "" || !strings.Contains(r.tail, "at the end") || !strings.Contains(r.tail, "REPORT RequestId") || aws.ToString(r.head.ExecutedVersion) != "$LATEST" {
			t.Errorf("%+v", r)
		}
		if r := s.callStream(t, streamInput(name, `{"before":true}`), nil); r.payload != "" || r.code != "Unhandled" || !strings.Contains(r.details, `"errorType":"RangeError"`) {
			t.Errorf("failed before: %+v", r)
		}
		if r := s.callStream(t, streamInput(name, `{"midway":true}`), nil); r.payload != "begun\n" || r.code != "Unhandled" || !strings.Contains(r.details, "midway") {
			t.Errorf("failed midway: %+v", r)
		}
		if r := s.callStream(t, streamInput(name, `{"exit":true,"wait":1000}`), nil); r.payload != "begun\n" || r.code != "Unhandled" || r.details == "" {
			t.Errorf("exited: %+v", r)
		}
		begun := false
		r = s.callStream(t, streamInput(name, `{"wait":60000}`), func([]byte) { begun = true })
		if !begun || r.code != "Unhandled" || !strings.Contains(r.details, "Task timed out after 3.00 seconds") || !strings.Contains(r.tail, "Status: timeout") {
			t.Errorf("timed out: %+v", r)
		}
		if r := s.callStream(t, streamInput(name, `{"wait":100}`), nil); r.payload != "begun\ndone\n" || r.code != "" {
			t.Errorf("after all that: %+v", r)
		}
		// Who asks for a response whole gets one.
		if r := s.call(t, name, `{}`); r.payload != "begun\ndone\n" || r.fault != "" {
			t.Errorf("buffered: %+v", r)
		}
		if r := s.call(t, name, `{"size":7000000}`); r.fault != "Unhandled" || !strings.Contains(r.payload, "Function.ResponseSizeTooLarge") {
			t.Errorf("buffered and too large: %+v", r)
		}
	})
}

// TestResponseStreamOfOthers: a function that knows nothing of streams answers one
// who wants one, and refusals are those of Invoke.
func TestResponseStreamOfOthers(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    assert event != 'fail', 'on purpose'\n    return event"})
	if r := s.callStream(t, streamInput(name, `[1,"é"]`), nil); r.payload != `[1, "\u00e9"]` || r.code != "" || !strings.Contains(r.tail, "END RequestId") {
		t.Errorf("%+v", r)
	}
	if r := s.callStream(t, streamInput(name, `"fail"`), nil); r.payload != "" || r.code != "Unhandled" || !strings.Contains(r.details, "on purpose") {
		t.Errorf("%+v", r)
	}
	in := streamInput(name, `{}`)
	in.InvocationType = types.ResponseStreamingInvocationTypeDryRun
	if out, err := s.client().InvokeWithResponseStream(t.Context(), in); err != nil || out.StatusCode != http.StatusNoContent {
		t.Errorf("dry run: %+v, %v", out, err)
	}
	if _, err := s.client().InvokeWithResponseStream(t.Context(), streamInput("nowhere", `{}`)); err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") {
		t.Errorf("a function that is not there: %v", err)
	}
}

// TestLongResponseStream: much more goes than fits a buffered response, and a
// caller who leaves in the middle leaves the function alone.
func TestLongResponseStream(t *testing.T) {
	t.Parallel()
	s := start(t, "--stream-rate", "0")
	name := s.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 60})
	const size = 30 << 20
	if r := s.callStream(t, streamInput(name, fmt.Sprintf(`{"size":%d}`, size)), nil); r.size != size+len("begun\ndone\n") || r.code != "" {
		t.Errorf("%d bytes of %d, %s %s", r.size, size, r.code, r.details)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	out, err := s.client().InvokeWithResponseStream(ctx, streamInput(name, fmt.Sprintf(`{"size":%d}`, size)))
	if err != nil {
		t.Fatal(err)
	}
	<-out.GetStream().Events()
	leave()
	_ = out.GetStream().Close()
	// The environment is back when the function is done with what nobody read.
	if r := s.callStream(t, streamInput(name, `{}`), nil); r.payload != "begun\ndone\n" || r.code != "" {
		t.Errorf("after a caller who left: %+v", r)
	}
}

// TestTooLongResponseStream: 200 MB are the end, and the server holds next to
// nothing of them.
func TestTooLongResponseStream(t *testing.T) {
	t.Parallel()
	s := own(t, dataDir(t), "--stream-rate", "0")
	name := s.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 120})
	s.callStream(t, streamInput(name, `{}`), nil)
	const limit = 200 << 20
	before := s.peak(t)
	r := s.callStream(t, streamInput(name, fmt.Sprintf(`{"size":%d}`, limit)), nil)
	if grown := s.peak(t) - before; grown > 40<<10 {
		t.Errorf("the server's memory grew by %d KB", grown)
	}
	if r.size != limit || r.code != "Unhandled" || !strings.Contains(r.details, "Function.ResponseSizeTooLarge") || !strings.Contains(r.details, "209715200") {
		t.Errorf("%d bytes, %s %s", r.size, r.code, r.details)
	}
}

// peak is the most memory that the server has had, in KB.
func (s *server) peak(t *testing.T) (kilobytes int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0 // a system that does not tell
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes
}

// TestGoStreams: a reader that a function with AWS's Go client returns goes to its
// caller as it is read, and its error with it.
func TestGoStreams(t *testing.T) {
	t.Parallel()
	c := clients.All()[0]
	archive := c.Package(t)
	s := start(t)
	name := s.deploy(t, function{runtime: "provided.al2023", handler: c.Handler, archives: archive, timeout: 10})
	if r := s.callStream(t, streamInput(name, `{"op":"stream"}`), nil); r.payload != "onetwo" || r.code != "" {
		t.Errorf("%+v", r)
	}
	if r := s.callStream(t, streamInput(name, `{"op":"stream","message":"on purpose"}`), nil); r.payload != "one" || r.code != "Unhandled" || !strings.Contains(r.details, `"errorMessage":"on purpose"`) {
		t.Errorf("failed midway: %+v", r)
	}
}

// TestURLStreams: the head of a response is the function's, its body comes as it is
// written, and one that fails midway is cut.
func TestURLStreams(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 3})
	if _, err := s.client().AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: aws.String("everybody"), Action: aws.String("lambda:InvokeFunctionUrl"),
		Principal: aws.String("*"), FunctionUrlAuthType: types.FunctionUrlAuthTypeNone,
	}); err != nil {
		t.Fatal(err)
	}
	made, err := s.client().CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{
		FunctionName: &name, AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream,
	})
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(*made.FunctionUrl, "https://"), ".")
	ask := func(what string) (*http.Response, *bufio.Reader) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/_lambent/url/"+id+"/", strings.NewReader(what))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response, bufio.NewReader(response.Body)
	}
	response, body := ask(`{}`)
	all, err := io.ReadAll(body)
	if err != nil || response.StatusCode != 201 || response.Header.Get("X-Mine") != "yes" || response.Header.Get("Set-Cookie") != "a=b" || string(all) != "begun\ndone\n" {
		t.Errorf("%d %v %q, %v", response.StatusCode, response.Header, all, err)
	}
	for _, what := range []string{`{"midway":true}`, `{"wait":60000}`, `{"exit":true,"wait":1000}`} {
		response, body := ask(what)
		first, err := body.ReadString('\n')
		if response.StatusCode != 201 || first != "begun\n" || err != nil {
			t.Errorf("%s: %d %q, %v", what, response.StatusCode, first, err)
		}
		if rest, err := io.ReadAll(body); err == nil {
			t.Errorf("%s: the body has an end, after %q", what, rest)
		}
	}
	if response, _ := ask(`{"before":true}`); response.StatusCode != 502 {
		t.Errorf("failed before: %d", response.StatusCode)
	}
}

// boto3Stream reads a stream by boto3.
const boto3Stream = `
import base64, boto3, sys
client = boto3.client("lambda")
answer = client.invoke_with_response_stream(FunctionName=sys.argv[1], Payload=b'{"midway":true}', LogType="Tail")
assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST", answer
payload, end = b"", None
for event in answer["EventStream"]:
    assert end is None
    if "PayloadChunk" in event:
        payload += event["PayloadChunk"]["Payload"]
    else:
        end = event["InvokeComplete"]
assert payload == b"begun\n", payload
assert end["ErrorCode"] == "Unhandled" and "midway" in end["ErrorDetails"], end
assert b"REPORT" in base64.b64decode(end["LogResult"]), end
answer = client.invoke_with_response_stream(FunctionName=sys.argv[1], Payload=b'{}')
assert list(answer["EventStream"])[-1] == {"InvokeComplete": {}}
print("done")
`

// TestResponseStreamByBoto3 is the same by boto3, unmodified.
func TestResponseStreamByBoto3(t *testing.T) {
	t.Parallel()
	python := filepath.Join(prepared(t, "venv"), "bin", "python")
	s := start(t)
	name := s.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 10})
	out, err := s.command(t.Context(), python, "-c", boto3Stream, name).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "done" {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestStreamedEvent: a function that streams may be invoked by an event, and its
// records tell how much it streamed.
func TestStreamedEvent(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 10, logging: &types.LoggingConfig{
		LogFormat: types.LogFormatJson, SystemLogLevel: types.SystemLogLevelDebug,
	}})
	if _, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, InvocationType: types.InvocationTypeEvent, Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	s.waitLog(t, name, `"producedBytes":11`)
	s.callStream(t, streamInput(name, `{"size":100000}`), nil)
	log := s.waitLog(t, name, `"producedBytes":100011`)
	if !strings.Contains(log, `"name":"responseDuration"`) || !strings.Contains(log, `"name":"responseLatency"`) {
		t.Errorf("no spans:\n%s", log)
	}
}
