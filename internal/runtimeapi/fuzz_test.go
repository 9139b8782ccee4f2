package runtimeapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"lambent/internal/lambda"
	"lambent/internal/runtimeapi"
)

var heads = []string{
	"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nUser-Agent: a b\r\n\r\n",
	"POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nContent-Length: 2\r\nContent-Type: a\r\n\r\n{}",
	"POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n",
	"POST /x?y#z HTTP/1.0\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	"PUT http://h:1/2022-07-01/telemetry HTTP/1.1\nlambda-extension-identifier:\t x \t\nExpect: 100-continue\n\n",
	"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\n folded: x\r\n\r\n",
	"\r\nGET / HTTP/1.1\r\n\r\n",
	"GET / HTTP/1.1\r\nLambda-Extension-Name: \r\nLambda-Extension-Name: b\r\n\r\n",
	"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
	"GET / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n",
	"A / HTTP/1.1\r\nX: \x00\r\n\r\n",
}

// FuzzHead compares the request parser with net/http's: what ours takes, that
// one takes too, and both understand the same. Ours may refuse more.
func FuzzHead(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h), 3)
	}
	f.Fuzz(func(t *testing.T, sent []byte, piece int) {
		if piece > 0 && !runtimeapi.ResumesRight(sent, piece) {
			t.Fatalf("the end of the head depends on how %q arrives", sent)
		}
		got, rest, ok := runtimeapi.ParseHead(sent)
		if !ok {
			return
		}
		want, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(sent), 1<<20))
		if err != nil {
			if theirs(err) {
				return
			}
			t.Fatalf("ours takes %q, net/http says %v", sent, err)
		}
		compareHeads(t, sent, got, want)
		if got.Length >= 0 && int64(len(rest)) >= got.Length {
			body, err := io.ReadAll(want.Body)
			if err != nil || !bytes.Equal(body, rest[:got.Length]) {
				t.Fatalf("of %q the body is %q, net/http reads %q, %v", sent, rest[:got.Length], body, err)
			}
		}
	})
}

// theirs tells whether net/http refuses for a reason that is none here: it
// unescapes paths, which our routes do not need, and checks the host, which
// means nothing on a connection that has one.
func theirs(err error) bool {
	for _, reason := range []string{"invalid URL escape", "invalid URI", "malformed Host", "parse ", "too many", "bad trailer key"} {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

func compareHeads(t *testing.T, sent []byte, got runtimeapi.Head, want *http.Request) {
	t.Helper()
	if got.Method != want.Method || got.Minor != want.ProtoMinor {
		t.Fatalf("of %q the request is %s 1.%d, net/http reads %s 1.%d", sent, got.Method, got.Minor, want.Method, want.ProtoMinor)
	}
	path := want.URL.EscapedPath()
	if want.URL.Opaque == "" && strings.HasPrefix(path, "/") && got.Path != path && !strings.ContainsAny(got.Path, "%#") && utf8.ValidString(got.Path) && printable(got.Path) && !strings.ContainsAny(got.Path, "\"<>[]^`{|}\\") {
		t.Fatalf("of %q the path is %q, net/http reads %q", sent, got.Path, path)
	}
	chunked := len(want.TransferEncoding) > 0
	if got.Chunked != chunked || !chunked && max(got.Length, 0) != want.ContentLength {
		t.Fatalf("of %q the body is %d (chunked %t), net/http reads %d (%t)", sent, got.Length, got.Chunked, want.ContentLength, chunked)
	}
	if want.Close && !got.Closing {
		t.Fatalf("of %q the connection goes on, net/http would end it", sent)
	}
	for name, value := range got.Fields {
		if firstValue(want.Header[http.CanonicalHeaderKey(name)]) != value {
			t.Fatalf("of %q the header %s is %q, net/http reads %q", sent, name, value, want.Header[http.CanonicalHeaderKey(name)])
		}
	}
}

func firstValue(values []string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func printable(s string) bool {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return true
}

// FuzzConnection throws bytes at a server: whatever comes, it answers or
// closes, says every broken answer once, and nothing of it stays.
func FuzzConnection(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h), []byte("GET /2018-06-01/ping HTTP/1.1\r\n\r\n"))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		synctest.Test(t, func(t *testing.T) {
			env := newEnvironment()
			env.invocations <- &lambda.Invocation{RequestID: "r"}
			server, pipes, stop := start(env, env)
			c := pipes.peer()
			c.send(string(first))
			synctest.Wait()
			c.send(string(second))
			synctest.Wait()
			c.Close()
			<-c.done
			synctest.Wait()
			if n := server.Buffered(); n != 0 {
				t.Fatalf("%d bytes are still held", n)
			}
			stop()
		})
	})
}

// FuzzChunks compares bodies in chunks with what net/http makes of them.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("2\r\n{}\r\n0\r\n\r\n"))
	f.Add([]byte("2;a\r\n{}\r\nA  \r\n0123456789\r\n000\r\nLambda-Runtime-Function-Error-Type: x\r\n\r\n"))
	f.Add([]byte("2\n{}\n0\n\n"))
	f.Add([]byte("ffffffffffffffff\r\nx"))
	f.Fuzz(func(t *testing.T, chunks []byte) {
		head := "POST /2018-06-01/runtime/invocation/r/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		var got []byte
		answered := false
		synctest.Test(t, func(t *testing.T) {
			env := newEnvironment()
			keeper := &keeper{environment: env}
			_, pipes, stop := startWith(runtimeapi.Config{Runtime: keeper, Extensions: env})
			c := pipes.peer()
			c.send(head + string(chunks))
			synctest.Wait()
			c.Close()
			<-c.done
			stop()
			if len(keeper.answers) > 0 {
				answered, got = !keeper.answers[0].Failed && !keeper.answers[0].TooLarge, keeper.answers[0].Body
			}
		})
		if !answered {
			return
		}
		want, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), bytes.NewReader(chunks))))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(want.Body)
		if err != nil && !strings.Contains(err.Error(), "trailer") && !strings.Contains(err.Error(), "too much non-data") {
			t.Fatalf("ours reads %q of %q, net/http says %v", got, chunks, err)
		}
		if err == nil && !bytes.Equal(got, body) {
			t.Fatalf("ours reads %q of %q, net/http reads %q", got, chunks, body)
		}
	})
}

// FuzzErrorCause: what comes out is always a cause that fits.
func FuzzErrorCause(f *testing.F) {
	f.Add([]byte(`{"working_directory":"/","exceptions":[{"message":"m","type":"t","stack":[{"path":"p","line":1,"label":"l"}]}],"paths":["a"],"message":"m"}`), 1)
	f.Add([]byte(`{"message":"<\u0001\ud800"}`), 20000)
	f.Fuzz(func(t *testing.T, sent []byte, times int) {
		for _, s := range [][]byte{sent, blow(sent, times)} {
			got := runtimeapi.ErrorCause(s)
			if got == "" {
				continue
			}
			if len(got) > lambda.MaxErrorCause || !json.Valid([]byte(got)) || runtimeapi.ErrorCause([]byte(got)) == "" {
				t.Fatalf("of %d bytes the cause is not one, or too long: %d bytes", len(s), len(got))
			}
		}
	})
}

// blow makes the texts and lists of a cause longer.
func blow(sent []byte, times int) []byte {
	var c map[string]any
	if json.Unmarshal(sent, &c) != nil || times < 1 || times > 100_000 {
		return nil
	}
	for name, v := range c {
		switch v := v.(type) {
		case string:
			c[name] = strings.Repeat(v, min(times, 1+200_000/(len(v)+1)))
		case []any:
			long := v
			for len(long) < times && len(long) < 5_000 && len(v) > 0 {
				long = append(long, v...)
			}
			c[name] = long
		}
	}
	b, _ := json.Marshal(c)
	return b
}
