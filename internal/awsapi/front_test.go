package awsapi

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

func TestFront(t *testing.T) {
	t.Parallel()
	front := &Front{Services: map[string]http.Handler{"lambda": named("lambda"), "sts": named("sts")}, Default: named("default"), Version: `1.0"`}
	scope := "Credential=AKID/20260102/us-east-1/"
	for _, c := range []struct{ target, authorization, want string }{
		{"/", "AWS4-HMAC-SHA256 " + scope + "sts/aws4_request, SignedHeaders=host, Signature=0", "sts"},
		{"/", "AWS4-HMAC-SHA256 " + scope + "lambda/aws4_request,SignedHeaders=host", "lambda"},
		{"/", "AWS4-HMAC-SHA256 " + scope + "s3/aws4_request", "default"},
		{"/", "", "default"},
		{"/", "Bearer x", "default"},
		{"/", "AWS4-HMAC-SHA256 Credential=AKID", "default"},
		{"/?X-Amz-Credential=AKID%2F20260102%2Fus-east-1%2Fsts%2Faws4_request", "", "sts"},
		{HealthPath, "", "{\"status\":\"ok\",\"version\":\"1.0\\\"\"}\n"},
	} {
		r, w := httptest.NewRequest(http.MethodGet, c.target, nil), httptest.NewRecorder()
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		front.ServeHTTP(w, r)
		if w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s with %q came to %d %s, want %s", c.target, c.authorization, w.Code, w.Body, c.want)
		}
	}
	if got := ask(front, "POST", HealthPath, "x"); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST to the health check answered %d", got.Code)
	}
}

// TestElsewhere: a service that is not here is recognised by signature, target or
// host, and one that is here is served, however it is named.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	front := &Front{
		Services: map[string]http.Handler{"lambda": named("lambda"), "logs": named("logs")}, Default: named("default"),
		Elsewhere: func(service string) http.Handler { return named("elsewhere: " + service) },
	}
	scope := "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/"
	for _, c := range []struct{ host, name, value, want string }{
		{"127.0.0.1:3001", "Authorization", scope + "s3/aws4_request, SignedHeaders=host", "elsewhere: s3"},
		{"sqs.us-east-1.amazonaws.com", "Authorization", scope + "logs/aws4_request, SignedHeaders=host", "logs"},
		{"127.0.0.1:3001", "X-Amz-Target", "Logs_20140328.DescribeLogGroups", "logs"},
		{"127.0.0.1:3001", "X-Amz-Target", "DynamoDB_20120810.ListTables", "elsewhere: dynamodb"},
		{"127.0.0.1:3001", "X-Amz-Target", "secretsmanager.GetSecretValue", "elsewhere: secretsmanager"},
		{"sqs.eu-central-1.amazonaws.com:443", "", "", "elsewhere: sqs"},
		{"bucket.s3.us-gov-west-1.amazonaws.com", "", "", "elsewhere: s3"},
		{"sts.amazonaws.com", "", "", "elsewhere: sts"},
		{"dynamodb.cn-north-1.amazonaws.com.cn", "", "", "elsewhere: dynamodb"},
		{"lambda.us-east-1.amazonaws.com", "", "", "lambda"},
		{"localhost:3001", "", "", "default"},
		{"us-east-1.amazonaws.com", "", "", "elsewhere: us-east-1"},
	} {
		r, w := httptest.NewRequest(http.MethodPost, "/", nil), httptest.NewRecorder()
		r.Host = c.host
		if c.name != "" {
			r.Header.Set(c.name, c.value)
		}
		front.ServeHTTP(w, r)
		if w.Body.String() != c.want {
			t.Errorf("%s with %s %q came to %s, want %s", c.host, c.name, c.value, w.Body, c.want)
		}
	}
}

// TestServeDrains: a request in progress gets its answer, then Serve returns.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	began, finish := make(chan struct{}), make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		_, _ = io.WriteString(w, "done")
	})
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, handler, Bounds{}, time.Minute, slog.New(slog.DiscardHandler)) }()
	answered := make(chan string, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		response, err := client.Get("http://" + listener.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		answered <- string(text)
	}()
	<-began
	stop()
	close(finish)
	if got := <-answered; got != "done" {
		t.Errorf("the request in progress got %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

// TestServeBreaksOff: what does not end within the grace is broken off.
func TestServeBreaksOff(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	began := make(chan struct{})
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
	})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, handler, Bounds{}, time.Millisecond, slog.New(slog.DiscardHandler))
	}()
	failed := make(chan error, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		response, err := client.Get("http://" + listener.Addr().String())
		if err == nil {
			_ = response.Body.Close()
		}
		failed <- err
	}()
	<-began
	stop()
	if err := <-failed; err == nil {
		t.Error("the request that would not end was answered")
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
