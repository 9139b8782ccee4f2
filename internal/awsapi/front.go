package awsapi

import (
	"net/http"
	"strings"
)

// HealthPath answers 200 as soon as the server serves.
const HealthPath = "/_lambent/health"

// Front is the one door for all services. AWS gives each service a host name of
// its own; here they share an address, and the service that a request was
// signed for tells them apart.
type Front struct {
	// Services are the handlers by signing name: "lambda", "sts".
	Services map[string]http.Handler
	// Default serves what is not signed, or for a service that is not here:
	// links to packages, callers without credentials.
	Default http.Handler
	// Version is told by the health check.
	Version string
}

// ServeHTTP hands the request to its service.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == HealthPath {
		f.health(w, r)
		return
	}
	if service, ok := f.Services[signedFor(r)]; ok {
		service.ServeHTTP(w, r)
		return
	}
	f.Default.ServeHTTP(w, r)
}

func (f *Front) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", contentJSON)
	_, _ = w.Write(append(appendString([]byte(`{"status":"ok","version":`), f.Version), '}', '\n'))
}

// signedFor is the service in the credential scope of a request,
// AKID/20260102/us-east-1/lambda/aws4_request, from the Authorization header or
// from a presigned query. It only routes; it proves nothing.
func signedFor(r *http.Request) string {
	_, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !ok {
		if r.URL.RawQuery == "" {
			return ""
		}
		scope = r.URL.Query().Get("X-Amz-Credential")
	}
	scope, _, _ = strings.Cut(scope, ",")
	for range 3 { // an access key id holds no slash
		if _, scope, ok = strings.Cut(scope, "/"); !ok {
			return ""
		}
	}
	service, _, _ := strings.Cut(scope, "/")
	return service
}
