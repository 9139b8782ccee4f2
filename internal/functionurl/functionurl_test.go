package functionurl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

const id = "abcdefghijklmnopqrstuvwxyz234567"

var home = lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}

// world is a function behind a URL.
type world struct {
	target  lambda.URLTarget
	result  lambda.Result
	midway  lambda.Result // what a streamed response comes to
	err     error
	ref     lambda.Reference
	inv     lambda.Invocation
	invoked int
	log     bytes.Buffer
}

func newWorld() *world {
	return &world{
		target: lambda.URLTarget{Function: "f", Qualifier: "live", Public: true, URL: lambda.FunctionURL{ID: id, AuthType: "NONE", InvokeMode: "BUFFERED"}},
		result: lambda.Result{Payload: []byte(`{}`), ContentType: "application/json"},
	}
}

func (w *world) URLByID(asked string) (lambda.URLTarget, bool) { return w.target, asked == id }

func (w *world) Invoke(_ context.Context, ref lambda.Reference, inv lambda.Invocation) (lambda.Result, error) {
	w.ref, w.inv, w.invoked = ref, inv, w.invoked+1
	if inv.Stream == nil || w.err != nil || w.result.Fault != nil {
		return w.result, w.err
	}
	inv.Stream.Begin(w.result.ContentType)
	for b := range bytes.Lines(w.result.Payload) { // in pieces
		if _, err := inv.Stream.Write(b); err != nil {
			return lambda.Result{}, err
		}
	}
	return w.midway, nil
}

func (w *world) handler() *Handler {
	return &Handler{
		Home: home, URLs: w, Invoker: w, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC) }, NewID: func() string { return "request-1" },
	}
}

func (w *world) send(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if !strings.HasPrefix(target, Prefix) {
		r.Host = home.FunctionURLDomain(id)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	w.handler().ServeHTTP(answer, r)
	return answer
}

// seen is the event that the function got.
func (w *world) seen(t *testing.T) event {
	t.Helper()
	var e event
	if err := json.Unmarshal(w.inv.Payload, &e); err != nil {
		t.Fatalf("event %s: %v", w.inv.Payload, err)
	}
	return e
}

// F181, F183, F184.
func TestEvent(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.send("POST", "/pa%2Fth/1?multiQuery=foo&multiQuery=%2Fbar&x=", `{"a": 1}`, "ExTrA-HeadErs", "With WeiRd CaSe", "Multi", "1", "Multi", "2",
		"Cookie", "a=b; c=d", "Content-Type", "application/json; charset=utf-8", "User-Agent", "test/1", "X-Forwarded-For", "9.9.9.9", "X-Amzn-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793")
	want := `{"version":"2.0","routeKey":"$default","rawPath":"/pa%2Fth/1","rawQueryString":"multiQuery=foo&multiQuery=%2Fbar&x=","cookies":["a=b","c=d"],` +
		`"headers":{"content-type":"application/json; charset=utf-8","extra-headers":"With WeiRd CaSe","host":"` + id + `.lambda-url.us-east-1.on.aws","multi":"1,2","user-agent":"test/1",` +
		`"x-amzn-trace-id":"Root=1-5759e988-bd862e3fe1be46a994272793","x-forwarded-for":"9.9.9.9, 192.0.2.1","x-forwarded-port":"80","x-forwarded-proto":"http"},` +
		`"queryStringParameters":{"multiQuery":"foo,/bar","x":""},` +
		`"requestContext":{"accountId":"anonymous","apiId":"` + id + `","domainName":"` + id + `.lambda-url.us-east-1.on.aws","domainPrefix":"` + id + `",` +
		`"http":{"method":"POST","path":"/pa%2Fth/1","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"test/1"},` +
		`"requestId":"request-1","routeKey":"$default","stage":"$default","time":"02/Jan/2026:03:04:05 +0000","timeEpoch":1767323045678},` +
		`"body":"{\"a\": 1}","isBase64Encoded":false}`
	if got := string(w.inv.Payload); got != want {
		t.Errorf("event\n%s\nwant\n%s", got, want)
	}
	if want := (lambda.Reference{Name: "f", Qualifier: "live"}); w.ref != want || w.inv.RequestID != "request-1" || w.inv.Trace != "Root=1-5759e988-bd862e3fe1be46a994272793" {
		t.Errorf("invoked %+v with %s and %s", w.ref, w.inv.RequestID, w.inv.Trace)
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for _, given := range []string{"", "Self=1-2", "Root=1-a\x80", "Root=1-" + strings.Repeat("a", 1100)} {
		answer := w.send("GET", "/", "", "X-Amzn-Trace-Id", given)
		if got := w.inv.Trace; !strings.HasPrefix(got, "Root=1-695735a5-") || !strings.HasSuffix(got, ";Sampled=0") || answer.Header().Get("X-Amzn-Trace-Id") != got {
			t.Errorf("trace %.20q became %q, and %q in the answer", given, got, answer.Header().Get("X-Amzn-Trace-Id"))
		}
	}
}

func TestPathsOfOtherHosts(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for target, want := range map[string]string{Prefix + id + "/a%20b/c?x=1": "/a%20b/c", Prefix + id + "/": "/", Prefix + id: "/"} {
		w.send("GET", target, "")
		if e := w.seen(t); e.RawPath != want || e.Headers["host"] != home.FunctionURLDomain(id) || e.RequestContext.DomainPrefix != id || e.Body != nil {
			t.Errorf("%s: event %s, want the path %s", target, w.inv.Payload, want)
		}
	}
	for host, want := range map[string]bool{
		home.FunctionURLDomain(id): true, home.FunctionURLDomain(id) + ":3001": true, strings.ToUpper(home.FunctionURLDomain(id)): true, "unknown.lambda-url.us-east-1.on.aws": true,
		id + ".lambda-url.eu-west-1.on.aws": false, "127.0.0.1:3001": false, "lambda.us-east-1.amazonaws.com": false, "": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/2015-03-31/functions", nil)
		r.Host = host
		if got := w.handler().Serves(r); got != want {
			t.Errorf("Serves a request for %q: %v, want %v", host, got, want)
		}
	}
}

// F182.
func TestBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		contentType, body, want string
		base64                  bool
	}{
		{"text/plain", "hello", "hello", false},
		{"application/json", `{"a":1}`, `{"a":1}`, false},
		{"application/problem+json", `{}`, `{}`, false},
		{"text/plain", "\xff", "/w==", true},
		{"application/octet-stream", "hello", "aGVsbG8=", true},
		{"multipart/form-data; boundary=x", "--x--", "LS14LS0=", true},
		{"application/x-www-form-urlencoded", "a=b", "YT1i", true},
		{"", "hello", "aGVsbG8=", true},
	} {
		w := newWorld()
		w.send("POST", "/", c.body, "Content-Type", c.contentType)
		if e := w.seen(t); e.Body == nil || *e.Body != c.want || e.IsBase64Encoded != c.base64 {
			t.Errorf("%s %q arrived as %s", c.contentType, c.body, w.inv.Payload)
		}
	}
	w := newWorld()
	if answer := w.send("POST", "/", strings.Repeat("x", lambda.MaxSyncPayload+1)); answer.Code != 413 || w.invoked != 0 {
		t.Errorf("a body too large: %d and %d invocations", answer.Code, w.invoked)
	}
	if answer := w.send("POST", "/", strings.Repeat("x", lambda.MaxSyncPayload-100)); answer.Code != 413 || w.invoked != 0 {
		t.Errorf("an event too large: %d and %d invocations", answer.Code, w.invoked)
	}
}

// F185 to F188, F190.
func TestAnswers(t *testing.T) {
	t.Parallel()
	type headers map[string]string
	for name, c := range map[string]struct {
		payload, contentType, mode string
		status                     int
		body                       string
		headers                    headers
	}{
		"object":          {payload: `{"hello": "world"}`, status: 200, body: `{"hello":"world"}`, headers: headers{"Content-Type": "application/json"}},
		"string":          {payload: `"hello"`, status: 200, body: `hello`, headers: headers{"Content-Type": "application/json"}},
		"int":             {payload: `3`, status: 200, body: `3`},
		"float":           {payload: `3.1`, status: 200, body: `3.1`},
		"list":            {payload: `["hello", 3, true]`, status: 200, body: `["hello",3,true]`},
		"null":            {payload: `null`, status: 200, body: `null`},
		"body":            {payload: `{"statusCode":200,"body":"body123"}`, status: 200, body: `body123`, headers: headers{"Content-Type": "application/json"}},
		"JSON as body":    {payload: `{"statusCode":200,"body":"{\"hello\": \"world\"}"}`, status: 200, body: `{"hello": "world"}`},
		"status string":   {payload: `{"statusCode":"418","headers":{"x-custom":"A b","x-number":3}}`, status: 418, headers: headers{"X-Custom": "A b", "X-Number": "3"}},
		"content type":    {payload: `{"statusCode":201,"headers":{"Content-Type":"text/html"},"body":"<p>"}`, status: 201, body: `<p>`, headers: headers{"Content-Type": "text/html"}},
		"base64":          {payload: `{"statusCode":200,"body":"AP8=","isBase64Encoded":true}`, status: 200, body: "\x00\xff"},
		"bad base64":      {payload: `{"statusCode":200,"body":"!","isBase64Encoded":true}`, status: 502, body: "Internal Server Error"},
		"bad status":      {payload: `{"statusCode":"x"}`, status: 502, body: "Internal Server Error"},
		"status too low":  {payload: `{"statusCode":42}`, status: 502, body: "Internal Server Error"},
		"headers no map":  {payload: `{"statusCode":200,"headers":3}`, status: 502, body: "Internal Server Error"},
		"length is ours":  {payload: `{"statusCode":200,"headers":{"content-length":"3","connection":"close"},"body":"hello"}`, status: 200, body: "hello", headers: headers{"Connection": "", "Content-Length": ""}},
		"whole in stream": {payload: `{"statusCode":200,"body":"x"}`, mode: "RESPONSE_STREAM", status: 200, body: `{"statusCode":200,"body":"x"}`},
		"prelude":         {payload: `{"statusCode":201,"headers":{"X-A":"b"}}` + strings.Repeat("\x00", 8) + "raw \x00 body", contentType: streamed, mode: "RESPONSE_STREAM", status: 201, body: "raw \x00 body", headers: headers{"X-A": "b"}},
		"no prelude":      {payload: `raw`, contentType: streamed, mode: "RESPONSE_STREAM", status: 502, body: "Internal Server Error"},
	} {
		w := newWorld()
		w.result.Payload = []byte(c.payload)
		if c.contentType != "" {
			w.result.ContentType = c.contentType
		}
		if c.mode != "" {
			w.target.URL.InvokeMode = c.mode
		}
		answer := w.send("GET", "/", "")
		if answer.Code != c.status || answer.Body.String() != c.body {
			t.Errorf("%s: %s was answered as %d %q, want %d %q", name, c.payload, answer.Code, answer.Body, c.status, c.body)
		}
		for header, want := range c.headers {
			if got := answer.Header().Get(header); got != want {
				t.Errorf("%s: header %s is %q, want %q", name, header, got, want)
			}
		}
	}
	w := newWorld()
	w.result.Payload = []byte(`{"statusCode":200,"cookies":["a=1; Secure","b=2"]}`)
	if got, want := w.send("GET", "/", "").Header()["Set-Cookie"], []string{"a=1; Secure", "b=2"}; !reflect.DeepEqual(got, want) {
		t.Errorf("cookies %q, want %q", got, want)
	}
}

// F179, F180.
func TestWhoMayUseAURL(t *testing.T) {
	t.Parallel()
	const signed = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260102/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=x"
	for name, c := range map[string]struct {
		auth   string
		public bool
		header string
		query  string
		ok     bool
	}{
		"public":             {auth: "NONE", public: true, ok: true},
		"without permission": {auth: "NONE"},
		"signed, but closed": {auth: "NONE", header: signed},
		"not signed":         {auth: "AWS_IAM", public: true},
		"signed":             {auth: "AWS_IAM", header: signed, ok: true},
		"presigned":          {auth: "AWS_IAM", query: "?X-Amz-Credential=AKIAEXAMPLE%2F20260102%2Fus-east-1%2Flambda%2Faws4_request", ok: true},
	} {
		w := newWorld()
		w.target.URL.AuthType, w.target.Public = c.auth, c.public
		answer := w.send("GET", "/"+c.query, "", "Authorization", c.header)
		if !c.ok {
			if answer.Code != 403 || answer.Header().Get("X-Amzn-Errortype") != "AccessDeniedException" || answer.Body.String() != forbidden || w.invoked != 0 {
				t.Errorf("%s: %d %s and %d invocations, want a refusal", name, answer.Code, answer.Body, w.invoked)
			}
			continue
		}
		if answer.Code != 200 || w.invoked != 1 {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
		if e := w.seen(t); (c.auth == "AWS_IAM") != (e.RequestContext.Authorizer != nil && e.RequestContext.Authorizer.IAM.AccessKey == "AKIAEXAMPLE" && e.RequestContext.AccountID == home.Account) {
			t.Errorf("%s: event %s", name, w.inv.Payload)
		}
	}
	w := newWorld()
	answer := w.send("GET", Prefix+"unknown/", "")
	if answer.Code != 403 || answer.Body.String() != `{"Message":null}` || answer.Header().Get("X-Amzn-Errortype") != "AccessDeniedException" || answer.Header().Get("Content-Type") != "application/json" {
		t.Errorf("an unknown URL: %d %v %s", answer.Code, answer.Header(), answer.Body)
	}
}

// F189 and the ways to the function that fail.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  *lambda.Fault
		err    error
		status int
		body   string
		logged bool
	}{
		"fault":     {fault: &lambda.Fault{Type: "Unhandled"}, status: 502, body: "Internal Server Error"},
		"throttled": {err: lambda.Errorf(lambda.Throttled, "Rate Exceeded."), status: 429, body: `{"Message":"Rate Exceeded."}`},
		"pending":   {err: lambda.Errorf(lambda.Conflict, "state"), status: 502, body: "Internal Server Error"},
		"ours":      {err: errors.New("disk on fire"), status: 502, body: "Internal Server Error", logged: true},
	} {
		w := newWorld()
		w.result.Fault, w.err = c.fault, c.err
		answer := w.send("GET", "/", "")
		if answer.Code != c.status || answer.Body.String() != c.body || strings.Contains(w.log.String(), "disk on fire") != c.logged {
			t.Errorf("%s: %d %s with the log %q", name, answer.Code, answer.Body, w.log.String())
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	age, yes := 60, true
	w := newWorld()
	w.result.Payload = []byte(`{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*","X-A":"b"}}`)
	w.target.Public = false
	w.target.URL.CORS = &lambda.CORS{
		AllowOrigins: []string{"https://a.example", "https://*.b.example"}, AllowMethods: []string{"GET", "PUT"}, AllowHeaders: []string{"x-a"},
		ExposeHeaders: []string{"x-b", "x-c"}, AllowCredentials: &yes, MaxAgeSeconds: &age,
	}
	preflight := w.send("OPTIONS", "/", "", "Origin", "https://a.example", "Access-Control-Request-Method", "PUT")
	want := map[string]string{
		"Access-Control-Allow-Origin": "https://a.example", "Access-Control-Allow-Methods": "GET,PUT", "Access-Control-Allow-Headers": "x-a", "Access-Control-Max-Age": "60",
		"Access-Control-Expose-Headers": "x-b,x-c", "Access-Control-Allow-Credentials": "true", "Vary": "Origin",
	}
	for header, value := range want {
		if got := preflight.Header().Get(header); got != value {
			t.Errorf("preflight: %s is %q, want %q", header, got, value)
		}
	}
	if preflight.Code != 200 || w.invoked != 0 {
		t.Errorf("a preflight was answered %d with %d invocations", preflight.Code, w.invoked)
	}
	w.target.Public = true
	for origin, allowed := range map[string]bool{"https://a.example": true, "https://x.b.example": true, "https://b.example": false, "https://evil.example": false} {
		answer := w.send("GET", "/", "", "Origin", origin)
		want := "*" // the function's own, where the configuration has no say
		if allowed {
			want = origin
		}
		if got := answer.Header()["Access-Control-Allow-Origin"]; len(got) != 1 || got[0] != want || answer.Header().Get("X-A") != "b" {
			t.Errorf("a page of %s got %v", origin, answer.Header())
		}
	}
	w.target.URL.CORS = nil
	before := w.invoked
	if w.send("OPTIONS", "/", "", "Origin", "https://a.example", "Access-Control-Request-Method", "PUT"); w.invoked != before+1 {
		t.Error("without a configuration a preflight is the function's matter")
	}
}

// Over a real connection, where Go's server reads and writes the headers.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.result.Payload = []byte(`{"statusCode":201,"body":"made"}`)
	server := httptest.NewServer(w.handler())
	defer server.Close()
	response, err := server.Client().Post(server.URL+Prefix+id+"/x%2Fy?a=b", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != 201 || string(body) != "made" || response.Header.Get("X-Amzn-Requestid") != "request-1" || !strings.HasPrefix(response.Header.Get("X-Amzn-Trace-Id"), "Root=1-") {
		t.Errorf("%d %s %v %v", response.StatusCode, body, response.Header, err)
	}
	e := w.seen(t)
	if _, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":"); e.Headers["x-forwarded-port"] != port || e.RawPath != "/x%2Fy" || *e.Body != "hello" {
		t.Errorf("event %s", w.inv.Payload)
	}
}

// Whatever a request holds, the function gets JSON and the caller an answer.
func FuzzRequest(f *testing.F) {
	f.Add("/a%2Fb", "x=1&x=%2F", "text/plain", "a=b; c", "Root=1-5759e988", "10.0.0.1:5", []byte("hello"))
	f.Add(Prefix+id, ";&%zz", "multipart/form-data", "", "", "", []byte("\xff"))
	f.Fuzz(func(t *testing.T, path, query, contentType, cookie, trace, remote string, body []byte) {
		w := newWorld()
		r := &http.Request{
			Method: "POST", Proto: "HTTP/1.1", Host: home.FunctionURLDomain(id), RemoteAddr: remote, RequestURI: path + "?" + query,
			URL: &url.URL{Path: path, RawQuery: query}, Body: io.NopCloser(bytes.NewReader(body)),
			Header: http.Header{"Content-Type": {contentType}, "Cookie": {cookie}, "X-Amzn-Trace-Id": {trace}},
		}
		answer := httptest.NewRecorder()
		w.handler().ServeHTTP(answer, r.WithContext(t.Context()))
		if w.invoked == 1 && !json.Valid(w.inv.Payload) {
			t.Errorf("the function got %q", w.inv.Payload)
		}
		if w.invoked == 1 && len(body) > 0 {
			e := w.seen(t)
			if got := []byte(*e.Body); !e.IsBase64Encoded && !bytes.Equal(got, body) {
				t.Errorf("the body %q arrived as %q", body, got)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{}`, `"x"`, `{"statusCode":200}`, `{"statusCode":"418","headers":{"a":1},"body":{}}`, ``, `{"statusCode":200,"body":"!","isBase64Encoded":true}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, read := range []func([]byte) (response, error){readAnswer, readStream} {
			if answer, err := read(payload); err == nil && (answer.status < 200 || answer.status > 599) {
				t.Errorf("%q was read as status %d", payload, answer.status)
			}
		}
		w := newWorld()
		w.result.Payload = payload
		if code := w.send(http.MethodGet, "/", "").Code; code < 200 || code > 599 {
			t.Errorf("%q was answered with %d", payload, code)
		}
	})
}
