package lambdaapi

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambent/internal/lambda"
	"lambent/internal/spare"
)

const invokePath = functionsPath + "/f/invocations"

// withFunction is a world that has the function f.
func withFunction() *world {
	w := newWorld()
	w.functions["f"] = &lambda.Version{Function: "f", Number: lambda.Latest, Account: home.Account, Region: home.Region, State: lambda.Active}
	return w
}

func request(t testing.TB, server *httptest.Server, method, path, body string, header map[string]string) (*http.Response, []byte) {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response, answer
}

// TestInvoke is F236.
func TestInvoke(t *testing.T) {
	t.Parallel()
	w := withFunction()
	w.invoke = func(_ context.Context, _ lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
		return lambda.Result{Payload: []byte(`"answer"`), Version: "7", LogTail: []byte("START\nEND\n")}, nil
	}
	server := serve(t, w)
	custom := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"a":1}}`))
	out, err := client(server).Invoke(t.Context(), &sdk.InvokeInput{
		FunctionName: aws.String("f"), Qualifier: aws.String("live"), Payload: []byte(` {"b" : 2} `), LogType: types.LogTypeTail,
		ClientContext: &custom, TenantId: aws.String("blue"),
	})
	if err != nil {
		t.Fatal(err)
	}
	tail, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if out.StatusCode != 200 || string(out.Payload) != `"answer"` || aws.ToString(out.ExecutedVersion) != "7" || out.FunctionError != nil || string(tail) != "START\nEND\n" {
		t.Errorf("the client read %+v, payload %q, tail %q (%v)", out, out.Payload, tail, err)
	}
	inv := w.last(t)
	inv.RequestID, inv.Trace = "", ""
	want := lambda.Invocation{
		Payload: []byte(` {"b" : 2} `), ContentType: "application/json",
		ClientContext: `{"custom":{"a":1}}`, Tenant: "blue", Tail: true,
	}
	if string(inv.Payload) != string(want.Payload) {
		t.Errorf("the function reads %q, want %q", inv.Payload, want.Payload)
	}
	inv.Payload, want.Payload = nil, nil
	if ref := (lambda.Reference{Name: "f", Qualifier: "live"}); w.refs[0] != ref {
		t.Errorf("invoked %+v, want %+v", w.refs[0], ref)
	}
	if !sameInvocation(inv, want) {
		t.Errorf("invoked with\n%+v, want\n%+v", inv, want)
	}
}

func sameInvocation(a, b lambda.Invocation) bool {
	return a.ContentType == b.ContentType && a.ClientContext == b.ClientContext && a.Tenant == b.Tenant && a.Tail == b.Tail
}

func TestInvokeHeaders(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	response, body := request(t, server, "POST", invokePath, "", nil)
	if string(body) != "{}" {
		t.Errorf("a call without payload gave the function %q, want an empty object", body)
	}
	inv := w.last(t)
	if id := response.Header.Get("x-amzn-requestid"); id == "" || id != inv.RequestID {
		t.Errorf("the caller saw request %q, the function %q", id, inv.RequestID)
	}
	if want := (lambda.Reference{Name: "f"}); w.refs[0] != want {
		t.Errorf("invoked %+v, want %+v", w.refs[0], want)
	}
	fresh := regexp.MustCompile(`^Root=1-695735a5-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`)
	if got := response.Header.Get("x-amzn-trace-id"); !fresh.MatchString(got) || got != inv.Trace {
		t.Errorf("trace %q, the function saw %q", got, inv.Trace)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST", "Content-Length": "2", "X-Amz-Function-Error": "", "X-Amz-Log-Result": ""} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
}

func TestTraceIsTakenOver(t *testing.T) {
	t.Parallel()
	const root = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2"
	for given, want := range map[string]string{
		root + ";Parent=2be948a625588e32;Sampled=1": "^" + root + ";Parent=2be948a625588e32;Sampled=1$",
		root:                             "^" + root + ";Parent=[0-9a-f]{16};Sampled=0$",
		root + ";":                       "^" + root + ";Parent=[0-9a-f]{16};Sampled=0$",
		root + ";Sampled=1":              "^" + root + ";Sampled=1;Parent=[0-9a-f]{16}$",
		"":                               "^Root=1-695735a5-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$",
		"nonsense":                       "^Root=1-695735a5-",
		root + "\r\nX-Evil: 1":           "^Root=1-695735a5-",
		root + strings.Repeat("x", 1024): "^Root=1-695735a5-",
	} {
		if got := trace(given, newWorld().now); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("trace %q became %q, want %s", given, got, want)
		}
	}
}

func TestFunctionErrorIsAnAnswer(t *testing.T) {
	t.Parallel()
	w := withFunction()
	w.invoke = func(context.Context, lambda.Reference, lambda.Invocation) (lambda.Result, error) {
		return lambda.Result{Payload: []byte(`{"errorType":"E"}`), Version: lambda.Latest, Fault: &lambda.Fault{Type: "E"}}, nil
	}
	response, body := request(t, serve(t, w), "POST", invokePath, "{}", nil)
	if response.StatusCode != 200 || response.Header.Get("X-Amz-Function-Error") != "Unhandled" || string(body) != `{"errorType":"E"}` {
		t.Errorf("answered %d, function error %q, %s", response.StatusCode, response.Header.Get("X-Amz-Function-Error"), body)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	header := map[string]string{"X-Amz-Invocation-Type": "DryRun"}
	if response, body := request(t, server, "POST", invokePath, "{}", header); response.StatusCode != 204 || len(body) != 0 {
		t.Errorf("DryRun answered %d %q", response.StatusCode, body)
	}
	response, body := request(t, server, "POST", functionsPath+"/nobody/invocations", "{}", header)
	if want := `{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:nobody:$LATEST"}`; response.StatusCode != 404 || string(body) != want {
		t.Errorf("DryRun of nothing answered %d %s, want %s", response.StatusCode, body, want)
	}
	if len(w.calls) != 0 {
		t.Error("DryRun ran the function")
	}
}

const source = "\\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: "

func TestInvokeRefusals(t *testing.T) {
	t.Parallel()
	w := withFunction()
	w.invoke = func(_ context.Context, ref lambda.Reference, _ lambda.Invocation) (lambda.Result, error) {
		switch ref.Qualifier {
		case "live":
			return lambda.Result{}, &lambda.Error{Kind: lambda.Throttled, Message: "Rate Exceeded.", Reason: "ReservedFunctionConcurrentInvocationLimitExceeded", RetryAfter: 1500 * time.Millisecond}
		case "$LATEST":
			return lambda.Result{}, errors.New("disk on fire at /var/secret")
		}
		return lambda.Result{}, nil
	}
	server := serve(t, w)
	big := strings.Repeat(" ", lambda.MaxSyncPayload+1)
	for _, c := range []struct {
		id, path, body string
		header         map[string]string
		status         int
		code, want     string
	}{
		{"E048", invokePath, "z\x87", nil, 400, "InvalidRequestContentException", `{"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: Invalid UTF-8 start byte 0x87` + source + `3]"}`},
		{"E049", invokePath, "\x99", nil, 400, "InvalidRequestContentException", `{"Type":"User","message":"Could not parse request body into json: Could not parse payload into json: Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')` + source + `1]"}`},
		{"E086", invokePath + "?Qualifier=live", "{}", nil, 429, "TooManyRequestsException", `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`},
		{"ours", invokePath + "?Qualifier=$LATEST", "{}", nil, 500, "ServiceException", `{"Type":"Service","Message":"An error occurred and the request cannot be processed."}`},
		{"too large", invokePath, big, nil, 413, "RequestTooLargeException", `{"Type":"User","message":"6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)"}`},
		{"unknown type", invokePath, "{}", map[string]string{"X-Amz-Invocation-Type": "Later"}, 400, "ValidationException", `{"message":"1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"}`},
		{"tenant", invokePath, "{}", map[string]string{"X-Amz-Tenant-Id": "!"}, 400, "ValidationException", `{"message":"1 validation error detected: Value '!' at 'tenantId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9\\._:\\/=+\\-@ ]+"}`},
		{"empty qualifier", invokePath + "?Qualifier=", "{}", nil, 400, "ValidationException", ""},
		{"context", invokePath, "{}", map[string]string{"X-Amz-Client-Context": "*"}, 400, "InvalidRequestContentException", `{"Type":"User","message":"Client context must be a valid Base64-encoded JSON object."}`},
		{"context", invokePath, "{}", map[string]string{"X-Amz-Client-Context": strings.Repeat("A", 3584)}, 400, "InvalidRequestContentException", ""},
		{"durable", invokePath, "{}", map[string]string{"X-Amz-Durable-Execution-Name": "d"}, 501, "NotImplementedException", ""},
		{"E074", functionsPath + "/arn:aws:lambda:eu-west-1:111111111111:function:f/invocations", "{}", nil, 404, "ResourceNotFoundException", `{"Type":"User","Message":"Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"}`},
	} {
		response, body := request(t, server, "POST", c.path, c.body, c.header)
		if response.StatusCode != c.status || response.Header.Get("x-amzn-errortype") != c.code || c.want != "" && string(body) != c.want {
			t.Errorf("%s: answered %d %s\n%s\nwant %d %s\n%s", c.id, response.StatusCode, response.Header.Get("x-amzn-errortype"), body, c.status, c.code, c.want)
		}
		if c.id == "E086" && response.Header.Get("Retry-After") != "2" {
			t.Errorf("Retry-After is %q, want 2", response.Header.Get("Retry-After"))
		}
		if c.id == "ours" && !strings.Contains(w.log.String(), "disk on fire") {
			t.Errorf("our log does not say why: %s", w.log.String())
		}
	}
	if n := strings.Count(w.log.String(), "\n"); n != 1 {
		t.Errorf("%d log lines, want one for our error and none for the callers':\n%s", n, w.log.String())
	}
}

func TestLargestPayloadPasses(t *testing.T) {
	t.Parallel()
	body := `"` + strings.Repeat("x", lambda.MaxSyncPayload-2) + `"`
	response, answer := request(t, serve(t, withFunction()), "POST", invokePath, body, nil)
	if response.StatusCode != 200 || string(answer) != body {
		t.Errorf("answered %d with %d bytes", response.StatusCode, len(answer))
	}
}

func TestChunkedPayloadIsBounded(t *testing.T) {
	t.Parallel()
	server := serve(t, withFunction())
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+invokePath, io.LimitReader(blanks{}, lambda.MaxSyncPayload+10))
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	if want := "6291466 byte payload is too large"; response.StatusCode != 413 || !strings.Contains(string(body), want) {
		t.Errorf("answered %d %s, want 413 with %q", response.StatusCode, body, want)
	}
}

type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestPanicIsAServiceException(t *testing.T) {
	t.Parallel()
	w := withFunction()
	w.invoke = func(context.Context, lambda.Reference, lambda.Invocation) (lambda.Result, error) { panic("bug") }
	response, body := request(t, serve(t, w), "POST", invokePath, "{}", nil)
	if response.StatusCode != 500 || response.Header.Get("x-amzn-errortype") != "ServiceException" || strings.Contains(string(body), "bug") {
		t.Errorf("answered %d %s", response.StatusCode, body)
	}
	if log := w.log.String(); !strings.Contains(log, "bug") || !strings.Contains(log, response.Header.Get("x-amzn-requestid")) {
		t.Errorf("the log lacks the panic or its request: %s", log)
	}
}

// TestCallerWhoHangsUpIsNoNews: the invocation's context ends with the caller,
// and nothing is logged.
func TestCallerWhoHangsUpIsNoNews(t *testing.T) {
	t.Parallel()
	w := withFunction()
	ctx, hangUp := context.WithCancel(t.Context())
	w.invoke = func(ctx context.Context, _ lambda.Reference, _ lambda.Invocation) (lambda.Result, error) {
		hangUp()
		<-ctx.Done()
		return lambda.Result{}, ctx.Err()
	}
	api := newAPI(t, w)
	api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", invokePath, strings.NewReader("{}")))
	if w.log.Len() != 0 {
		t.Errorf("logged %s", w.log.String())
	}
}

func newAPI(t testing.TB, w *world) *API {
	t.Helper()
	api, err := New(Config{
		Home: home, Catalog: w, Invoker: w, Queue: w, Resolver: w, Content: w, Endpoint: func() string { return "http://here" },
		SigningKey: []byte("a key of sixteen"), Log: slog.New(slog.NewTextHandler(&w.log, nil)), Now: func() time.Time { return w.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// ready is an invoker that costs nothing.
type ready struct{ result lambda.Result }

func (r ready) Invoke(context.Context, lambda.Reference, lambda.Invocation) (lambda.Result, error) {
	return r.result, nil
}

// discard is a ResponseWriter that costs as little as net/http's own.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// gone is a ResponseWriter whose caller has hung up.
type gone struct{ discard }

func (g *gone) Write([]byte) (int, error) { return 0, net.ErrClosed }

// TestSpareAnswers: a buffer serves again only when the answer in it is out, and when
// it was made for this caller alone, which the report of a failed Init is not.
func TestSpareAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault *lambda.Fault
		to    http.ResponseWriter
	}{
		"the caller hung up":  {nil, &gone{discard{http.Header{}}}},
		"the function failed": {&lambda.Fault{Type: "Runtime.ExitError"}, &discard{http.Header{}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, buffers := make([]byte, spare.Large), new(spare.Buffers)
			api := newAPI(t, withFunction())
			api.Invoker, api.Spare = ready{lambda.Result{Payload: answer, Fault: c.fault, Version: lambda.Latest}}, buffers
			api.ServeHTTP(c.to, httptest.NewRequest("POST", invokePath, strings.NewReader("{}")))
			if n := len(c.to.Header()["X-Amz-Executed-Version"]); n != 1 {
				t.Fatalf("answered %v", c.to.Header())
			}
			if next := buffers.Take(spare.Large); &next[0] == &answer[0] {
				t.Error("the buffer serves the next one")
			}
		})
	}
}

// invocation returns a function that makes one Invoke, without net/http.
func invocation(t testing.TB) func() {
	api := newAPI(t, newWorld())
	api.Invoker = ready{lambda.Result{Payload: []byte(`{"ok":true}`), Version: lambda.Latest}}
	const event = `{"key1":"value1","key2":[1,2,3],"key3":{"nested":"text"}}`
	r := httptest.NewRequest("POST", invokePath, nil)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
	r.ContentLength = int64(len(event))
	w := &discard{http.Header{}}
	return func() {
		r.Body = io.NopCloser(strings.NewReader(event))
		clear(w.header)
		api.ServeHTTP(w, r)
		if len(w.header["X-Amz-Executed-Version"]) != 1 {
			t.Fatalf("answered %v", w.header)
		}
	}
}

// BenchmarkInvoke is what the edge adds to an invocation.
func BenchmarkInvoke(b *testing.B) {
	call := invocation(b)
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}

// TestInvokeAllocatesLittle keeps the hot path from growing unnoticed. It is not
// parallel: other tests' allocations would count.
func TestInvokeAllocatesLittle(t *testing.T) {
	call := invocation(t)
	const allowed = 20
	if n := testing.AllocsPerRun(100, call); n > allowed {
		t.Errorf("an invocation costs the edge %v allocations, more than %d", n, allowed)
	}
}
