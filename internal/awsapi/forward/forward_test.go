package forward

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func forwarder(t *testing.T, upstream string) *Forwarder {
	t.Helper()
	f, err := New(upstream, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestUnchanged: whatever a signature may cover arrives as it was sent, and the
// answer comes back as it was given.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body string
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, body = r, string(text)
		w.Header().Set("X-Amz-Id-2", "x")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "answer")
	}))
	defer upstream.Close()
	server := httptest.NewServer(forwarder(t, upstream.URL+"/base/").To("s3"))
	defer server.Close()

	r, _ := http.NewRequest(http.MethodPut, server.URL+"/bucket/a%2Fb%20c+d?x=1;2&y", strings.NewReader("5;chunk-signature=x\r\nhello\r\n"))
	r.Host = "bucket.s3.us-east-1.amazonaws.com"
	headers := map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKIA/20260102/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
		"X-Amz-Date":    "20260102T030405Z", "Accept-Encoding": "identity", "User-Agent": "test", "X-Forwarded-For": "10.1.2.3",
		"Content-Encoding": "aws-chunked",
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode != http.StatusTeapot || string(text) != "answer" || answer.Header.Get("X-Amz-Id-2") != "x" {
		t.Errorf("answer %d %s %v", answer.StatusCode, text, answer.Header)
	}
	if got.RequestURI != "/base/bucket/a%2Fb%20c+d?x=1;2&y" || got.Host != r.Host || body != "5;chunk-signature=x\r\nhello\r\n" ||
		got.ContentLength != int64(len(body)) || got.Method != http.MethodPut {
		t.Errorf("upstream got %s %s of %s, %d bytes %q", got.Method, got.RequestURI, got.Host, got.ContentLength, body)
	}
	for name, value := range headers {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
		}
	}
}

// TestStreams: what the upstream has written is read before it has ended.
func TestStreams(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-more
	}))
	defer upstream.Close()
	server := httptest.NewServer(forwarder(t, upstream.URL).To("logs"))
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(answer.Body, first); err != nil || string(first) != "first" {
		t.Errorf("read %q %v", first, err)
	}
	close(more)
}

func TestNoUpstream(t *testing.T) {
	t.Parallel()
	const (
		message = "The service %s is not available in Lambent. With lambent serve --upstream URL its requests are forwarded to another endpoint."
		code    = "NotImplementedException"
	)
	for _, c := range []struct{ service, header, value, typ, want string }{
		{"dynamodb", "X-Amz-Target", "DynamoDB_20120810.ListTables", "application/x-amz-json-1.1", `{"__type":"` + code + `","message":"` + message + `"}`},
		{"sqs", "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", "text/xml",
			"<ErrorResponse><Error><Type>Receiver</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error><RequestId>ID</RequestId></ErrorResponse>"},
		{"s3", "", "", "application/xml", "<Error><Code>" + code + "</Code><Message>" + message + "</Message><RequestId>ID</RequestId></Error>"},
		{"monitoring", "Smithy-Protocol", "rpc-v2-cbor", "application/cbor", "\xA2\x79\x00\x06__type\x79\x00\x17" + code + "\x79\x00\x07message\x79\x00\x85" + message},
		{"batch", "", "", "application/json", `{"__type":"` + code + `","message":"` + message + `"}`},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		(&Forwarder{}).To(c.service).ServeHTTP(w, r)
		got := strings.ReplaceAll(w.Body.String(), w.Header().Get("X-Amzn-Requestid"), "ID")
		if want := strings.ReplaceAll(c.want, "%s", c.service); w.Code != http.StatusNotImplemented || w.Header().Get("Content-Type") != c.typ || got != want {
			t.Errorf("%s: %d %s %q, want %s %q", c.service, w.Code, w.Header().Get("Content-Type"), got, c.typ, want)
		}
	}
}

func TestUpstreams(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"127.0.0.1:5000", "ftp://x", "http://", "http://x/?a", "http://%", "http://user:secret@x"} {
		if _, err := New(bad, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	var loop http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { loop.ServeHTTP(w, r) }))
	loop = forwarder(t, server.URL).To("s3") // to itself
	ask := func(want int) {
		t.Helper()
		w := httptest.NewRecorder()
		loop.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != want {
			t.Errorf("%d %s, want %d", w.Code, w.Body, want)
		}
	}
	ask(http.StatusLoopDetected)
	server.Close()
	ask(http.StatusBadGateway)
}
