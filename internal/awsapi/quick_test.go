package awsapi

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is a Serve on a port of its own. end stops it and gives its error.
func served(t *testing.T, handler http.HandlerFunc, grace time.Duration) (address string, end func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, handler, Bounds{}, grace, slog.New(slog.DiscardHandler)) }()
	end = func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	t.Cleanup(func() { _ = end() })
	return l.Addr().String(), end
}

const invocation = "/2015-03-31/functions/f/invocations"

// echo answers with what it understood.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	text := fmt.Sprintf("%s %s %s %s %d %v", r.Method, r.URL, r.Host, r.Header.Get("X-Amz-Log-Type"), len(body), err)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-Newline", "a\r\nb: c")
	if r.URL.Query().Has("length") {
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	}
	_, _ = io.WriteString(w, text[:len(text)/2])
	_, _ = io.WriteString(w, text[len(text)/2:])
}

// TestServeOneConnection: requests of all kinds follow each other on one
// connection, and are answered alike whoever serves them.
func TestServeOneConnection(t *testing.T) {
	t.Parallel()
	address, end := served(t, echo, time.Minute)
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	in := bufio.NewReader(nc)
	post := func(path, more string, body int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: here\r\nX-Amz-Log-Type: Tail\r\nContent-Length: %d\r\n%s\r\n%s", path, body, more, strings.Repeat("x", body))
	}
	plain := post(invocation, "", 5)
	for _, step := range []struct {
		send string
		want []string
	}{
		{plain, []string{"POST " + invocation + " here Tail 5 <nil>"}},
		{post(invocation+"?length", "Connection: keep-alive\r\n", 0), []string{"POST " + invocation + "?length here Tail 0 <nil>"}},
		{post(invocation, "", quickBody), []string{fmt.Sprintf("POST %s here Tail %d <nil>", invocation, quickBody)}},
		{plain + plain + plain, []string{"POST " + invocation + " here Tail 5 <nil>", "POST " + invocation + " here Tail 5 <nil>", "POST " + invocation + " here Tail 5 <nil>"}},
		// From here on the connection is net/http's, the pipelined rest included.
		{plain + "GET /x HTTP/1.1\r\nHost: here\r\n\r\n" + plain, []string{"POST " + invocation + " here Tail 5 <nil>", "GET /x here  0 <nil>", "POST " + invocation + " here Tail 5 <nil>"}},
		{post(invocation, "", quickBody+1), []string{fmt.Sprintf("POST %s here Tail %d <nil>", invocation, quickBody+1)}},
	} {
		if _, err := io.WriteString(nc, step.send); err != nil {
			t.Fatal(err)
		}
		for _, want := range step.want {
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("after %.60q: %v", step.send, err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != want || resp.StatusCode != http.StatusOK || resp.Header.Get("Date") == "" || resp.Header.Get("B") != "" {
				t.Errorf("after %.60q: %s, %q, %v; want %q", step.send, resp.Status, got, err, want)
			}
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// short is a listener that has no descriptor for the next connections.
type short struct {
	net.Listener

	times int
}

func (s *short) Accept() (net.Conn, error) {
	if s.times > 0 {
		s.times--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return s.Listener.Accept()
}

// TestServeShortOfDescriptors: callers who take all descriptors do not end the server.
func TestServeShortOfDescriptors(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, &short{l, 3}, http.HandlerFunc(echo), Bounds{}, time.Minute, slog.New(slog.DiscardHandler))
	}()
	resp, err := http.Post("http://"+l.Addr().String()+invocation, "", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err, <-done)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-done; err != nil || resp.StatusCode != http.StatusOK {
		t.Error(resp.Status, err)
	}
}

// TestServeFunctionURL: what answers at a function URL is somebody's function, whose
// headers must not become others, nor the next answer of a proxy's connection.
func TestServeFunctionURL(t *testing.T) {
	t.Parallel()
	address, _ := served(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X: a\r\nInjected"] = []string{"b"}
	}, time.Minute)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+invocation, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "abc.lambda-url.us-east-1.on.aws"
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("Injected") != "" {
		t.Errorf("the answer has %v", resp.Header)
	}
}

// TestServeHangUp: a caller that is gone ends its request's wait.
func TestServeHangUp(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{"plain": "", "not plain": "TE: trailers\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan struct{})
			begun := make(chan struct{})
			address, _ := served(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				close(begun)
				<-r.Context().Done()
				close(ended)
			}, time.Minute)
			nc, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n%s\r\n{}", invocation, more)
			<-begun
			nc.Close()
			<-ended
		})
	}
}

// TestServeDrains: what is in progress when the server stops is answered, when
// it has grace, and broken off when it has none.
func TestServeEndsPlainConnections(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"grace": time.Minute, "none": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, answer := make(chan struct{}), make(chan struct{})
			address, end := served(t, func(w http.ResponseWriter, r *http.Request) {
				close(begun)
				select {
				case <-answer:
					_, _ = io.WriteString(w, "done")
				case <-r.Context().Done():
				}
			}, grace)
			idle, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Close()
			nc, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n", invocation)
			<-begun
			stopped := make(chan error, 1)
			go func() { stopped <- end() }()
			if _, err := idle.Read(make([]byte, 1)); err == nil {
				t.Error("the idle connection got an answer")
			}
			if grace > 0 {
				close(answer)
			}
			got, err := io.ReadAll(nc)
			if grace > 0 && !bytes.HasSuffix(got, []byte("done")) {
				t.Errorf("answer %q, %v; want done", got, err)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestServePanic ends the connection and nothing else.
func TestServePanic(t *testing.T) {
	t.Parallel()
	address, _ := served(t, func(http.ResponseWriter, *http.Request) { panic("oh") }, time.Minute)
	for range 2 {
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n", invocation)
		if got, err := io.ReadAll(nc); err != nil || len(got) > 0 {
			t.Errorf("read %q, %v; want the connection's end", got, err)
		}
		nc.Close()
	}
}

func TestPlainInvocation(t *testing.T) {
	t.Parallel()
	line := "POST " + invocation + " HTTP/1.1\r\n"
	for head, want := range map[string]bool{
		line + "Host: a\r\n": true,
		line + "host: a\r\nConnection: Keep-Alive\r\ncontent-length: 7": true,
		line:                            false, // no Host
		line + "Host: a\r\nHost: b\r\n": false,
		line + "Host: abc.Lambda-URL.us-east-1.on.aws:3001\r\n":                        false, // whose answer may have any header
		line + "Host: lambda.us-east-1.amazonaws.com\r\n":                              true,
		line + "Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n":                 false,
		line + "Host: a\r\nContent-Length: +1\r\n":                                     false,
		line + "Host: a\r\nContent-Length: 65537\r\n":                                  false,
		line + "Host: a\r\nTransfer-Encoding: chunked\r\n":                             false,
		line + "Host: a\r\nConnection: close\r\n":                                      false,
		line + "Host: a\r\nExpect: 100-continue\r\n":                                   false,
		line + "Host: a\r\n folded\r\n":                                                false,
		line + "Host: a\r\nX: a\nb\r\n":                                                false,
		line + "Host: a\r\nX : a\r\n":                                                  false,
		"POST " + invocation + " HTTP/1.0\r\nHost: a\r\n":                              false,
		"GET " + invocation + " HTTP/1.1\r\nHost: a\r\n":                               false,
		"POST /2015-03-31/functions HTTP/1.1\r\nHost: a\r\n":                           false,
		"POST /2015-03-31/functions/f/invocations/../x HTTP/1.1\r\nHost: a\r\n":        false,
		"POST /2015-03-31/functions/f/x?/invocations HTTP/1.1\r\nHost: a\r\n":          false,
		"POST /2015-03-31/functions/f/invocations?Qualifier=1 HTTP/1.1\r\nHost: a\r\n": true,
	} {
		if got := plainInvocation([]byte(head)); got != want {
			t.Errorf("plain(%q) is %t, want %t", head, got, want)
		}
	}
}

// FuzzPlainInvocation: whatever is taken for plain, net/http reads in the same way.
func FuzzPlainInvocation(f *testing.F) {
	for _, text := range []string{
		"POST " + invocation + " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n",
		"POST " + invocation + "?a=b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nX-Y: z\r\n",
		"POST " + invocation + "?a%20=b?&c HTTP/1.1\r\nhost: a.b:80\r\nx-amz-a:  1\t\r\nX-Amz-A: 2\r\nPragma: no-cache\r\n",
		"POST /2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST/invocations HTTP/1.1\r\nHost: [::1]:9\r\n",
		"POST " + invocation + "?a b HTTP/1.1\r\nHost: a\r\n",
		"POST /2015-03-31/functions/arn%3Aaws/invocations? HTTP/1.1\r\nHost: a\r\nX:\r\n",
	} {
		f.Add([]byte(text))
	}
	q := newQuickRequest(f.Context())
	f.Fuzz(func(t *testing.T, head []byte) {
		if !plainInvocation(head) || !bytes.HasSuffix(head, []byte("\r\n")) {
			return
		}
		head = append(bytes.Clone(head), "\r\n"...)
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err == nil && (r.Method != http.MethodPost || !r.ProtoAtLeast(1, 1) || r.Close || len(r.TransferEncoding) > 0 || r.ContentLength < 0 || r.ContentLength > quickBody) {
			t.Errorf("%q is read as %+v", head, r)
		}
		if !q.read(head) {
			return // net/http judges
		}
		if err != nil {
			t.Fatalf("%q was taken, and net/http says %v", head, err)
		}
		same(t, head, q.Request, r)
	})
}

// same compares all that a handler can ask of a request.
func same(t *testing.T, head []byte, got, want *http.Request) {
	t.Helper()
	for what, pair := range map[string][2]any{
		"method": {got.Method, want.Method}, "URL": {got.URL, want.URL}, "header": {got.Header, want.Header},
		"protocol": {fmt.Sprint(got.Proto, got.ProtoMajor, got.ProtoMinor), fmt.Sprint(want.Proto, want.ProtoMajor, want.ProtoMinor)},
		"length":   {got.ContentLength, want.ContentLength}, "host": {got.Host, want.Host}, "target": {got.RequestURI, want.RequestURI},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s of %q is %v, net/http says %v", what, head, pair[0], pair[1])
		}
	}
}

// TestQuickRequestAllocatesLittle: the head's text, and nothing for what is in it.
func TestQuickRequestAllocatesLittle(t *testing.T) {
	head := []byte("POST " + invocation + "?Qualifier=1 HTTP/1.1\r\nHost: here:9001\r\nUser-Agent: aws-sdk-go-v2/1.41.0 os/linux\r\n" +
		"Content-Length: 23\r\nAmz-Sdk-Invocation-Id: 5f1c\r\nAmz-Sdk-Request: attempt=1; max=3\r\nAuthorization: AWS4-HMAC-SHA256 Credential=a\r\n" +
		"Content-Type: application/octet-stream\r\nX-Amz-Date: 20261121T000000Z\r\nAccept-Encoding: gzip\r\n\r\n")
	q := newQuickRequest(t.Context())
	if n := testing.AllocsPerRun(100, func() {
		if !q.read(head) {
			t.Fatal("not taken")
		}
	}); n > 1 {
		t.Errorf("a head makes %v allocations, want 1", n)
	}
	if got := q.Header.Get("Authorization"); got != "AWS4-HMAC-SHA256 Credential=a" || q.URL.Query().Get("Qualifier") != "1" || len(q.Header) != 8 {
		t.Errorf("read %+v", q.Request)
	}
}
