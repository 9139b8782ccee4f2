package awsapi

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestSecured: handlers learn that a request came over TLS, and only then, whoever
// serves its connection.
func TestSecured(t *testing.T) {
	t.Parallel()
	known := httptest.NewTLSServer(nil) // for its certificate
	known.Close()
	for _, scheme := range []string{"http", "https"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if scheme == "https" {
			listener = tls.NewListener(listener, &tls.Config{Certificates: known.TLS.Certificates, NextProtos: []string{"http/1.1"}})
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = fmt.Fprint(w, r.TLS != nil && r.TLS.HandshakeComplete)
			}), Bounds{}, time.Second, slog.New(slog.DiscardHandler))
		}()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // its own server
		for _, path := range []string{"/2015-03-31/functions/f/invocations", "/other", "/2015-03-31/functions/f/invocations"} {
			resp, err := client.Post(scheme+"://"+address+path, "application/json", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprint(scheme == "https"); string(text) != want {
				t.Errorf("%s %s: secured %s, want %s", scheme, path, text, want)
			}
		}
		client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
