package awsapi

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWithoutBrowsers(t *testing.T) {
	t.Parallel()
	guarded := WithoutBrowsers(echoing("served"), "lambent.example.com")
	for _, c := range []struct {
		host, header, value string
		served              bool
	}{
		{"127.0.0.1:3001", "", "", true},
		{"[::1]:3001", "", "", true},
		{"::1", "", "", true},
		{"192.0.2.7", "", "", true},
		{"localhost:3001", "", "", true},
		{"LOCALHOST.:3001", "", "", true},
		{"bucket.s3.us-east-1.amazonaws.com", "", "", true},
		{"id.lambda-url.us-east-1.on.aws", "", "", true},
		{"localhost.localstack.cloud:4566", "", "", true},
		{"lambent", "", "", true}, // of a container network
		{"host.docker.internal:3001", "", "", true},
		{"lambent.default.svc.cluster.local", "", "", true},
		{"Lambent.example.com:3001", "", "", true},
		{"", "", "", true},
		{"127.0.0.1:3001", "Sec-Fetch-Site", "none", true}, // typed
		{"127.0.0.1:3001", "Sec-Fetch-Mode", "cors", true}, // node's own fetch

		{"127.0.0.1:3001", "Origin", "https://evil.example", false},
		{"127.0.0.1:3001", "Origin", "null", false},
		{"127.0.0.1:3001", "Origin", "", false},
		{"127.0.0.1:3001", "Origin", "http://127.0.0.1:3001", false}, // pages at this address are those of functions
		{"127.0.0.1:3001", "Sec-Fetch-Site", "cross-site", false},
		{"127.0.0.1:3001", "Sec-Fetch-Site", "same-origin", false},
		{"evil.example:3001", "", "", false}, // which points at 127.0.0.1 now
		{"127.0.0.1.evil.example", "", "", false},
		{"evilamazonaws.com", "", "", false},
		{"x.lambent.example.com", "", "", false},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader("body"))
		r.Host = c.host
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		if served := w.Code == 200; served != c.served || !served && (w.Code != 403 || !strings.Contains(w.Body.String(), "callers are not verified")) {
			t.Errorf("%s %s %q: %d %s", c.host, c.header, c.value, w.Code, w.Body)
		}
	}
}
