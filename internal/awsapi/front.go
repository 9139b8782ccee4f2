package awsapi

import (
	"bytes"
	"net/http"
	"strings"

	"lambent/internal/lambda"
)

// HealthPath answers 200 as soon as the server serves.
const HealthPath = "/_lambent/health"

// Front is the one door for all services. AWS gives each service a host name of
// its own; here they share an address, and the service that a request was
// signed for tells them apart.
type Front struct {
	// Services are the handlers by signing name: "lambda", "sts".
	Services map[string]http.Handler
	// Elsewhere gives who answers for a service that is not here. It may be nil; then
	// Default serves those too.
	Elsewhere func(service string) http.Handler
	// Default serves what is for no service by name: links to packages, callers
	// without credentials.
	Default http.Handler
	// Version is told by the health check.
	Version string

	// Gate knows callers; without one nobody is refused.
	Gate Gate
	Home lambda.Home
	// Role finds the ARN of a role, with its path. It may be nil.
	Role func(name string) (arn string, found bool)
	// Judging names the services that ask the gate themselves what a caller may do.
	// For the others it is asked here.
	Judging map[string]bool
	// Open tells which requests prove themselves in another way to Default, such as
	// links that carry a signature of ours. It may be nil.
	Open func(*http.Request) bool
}

// ServeHTTP hands the request to its service.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == HealthPath {
		f.health(w, r)
		return
	}
	if f.Open != nil && f.Open(r) {
		f.Default.ServeHTTP(w, r) // and nobody else, whatever service it names: nobody has asked who calls
		return
	}
	name, service, ok := f.route(r)
	// Where nobody is refused, Lambda never asks who calls.
	if f.Gate != nil && (f.Gate.Enforced() || ok && name != "lambda") {
		admitted, err := f.admit(w, r, name)
		if err != nil {
			refuse(w, r, err)
			return
		}
		r = admitted
	}
	service.ServeHTTP(w, r)
}

// route finds who serves a request, and whether that is a service that is here.
func (f *Front) route(r *http.Request) (name string, service http.Handler, here bool) {
	if name = signedFor(r); name == "" {
		name = addressedTo(r)
	}
	if service, here = f.Services[name]; here {
		return name, service, true
	}
	if name != "" && f.Elsewhere != nil {
		if h, ok := r.Body.(*held); ok { // a proxy may read on when it has answered; a connection's own body is the next request's then
			r.Body = &held{bytes.NewReader(h.text), h.text}
		}
		return name, f.Elsewhere(name), false
	}
	return name, f.Default, false
}

// admit lets a request in, and for services that do not judge asks what it is for.
func (f *Front) admit(w http.ResponseWriter, r *http.Request, service string) (*http.Request, error) {
	r, err := Admit(f.Gate, w, r)
	if err != nil || f.Judging[service] {
		return r, err
	}
	who, _ := CallerOf(r.Context())
	if !f.Gate.Enforced() {
		return r, nil
	}
	serving, here := f.Services[service]
	if here { // who judges reads what the service will read, signed or not
		if r, err = hold(w, r); err != nil {
			return r, err
		}
	}
	n := neighbours{f.Home, f.Role}
	acts := append([]lambda.Act{n.act(service, serving, r)}, n.reaches(service, r)...)
	if !here {
		acts = append(acts, elsewhere(service, r)...)
	}
	for _, act := range acts {
		if err := f.Gate.Authorize(r.Context(), who, act); err != nil {
			return r, err
		}
	}
	return r, nil
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
// from a presigned query. It only routes; it proves nothing. But it finds the
// credential that package sigv4 does: what was signed for one service must not reach
// another one.
func signedFor(r *http.Request) string {
	scope := credentialOf(r.Header.Get("Authorization"))
	if scope == "" {
		if r.URL.RawQuery == "" {
			return ""
		}
		scope = r.URL.Query().Get("X-Amz-Credential")
	}
	for range 3 { // an access key id holds no slash
		var ok bool
		if _, scope, ok = strings.Cut(scope, "/"); !ok {
			return ""
		}
	}
	service, _, _ := strings.Cut(scope, "/")
	return service
}

// credentialOf is the Credential of an Authorization header.
func credentialOf(header string) string {
	_, fields, _ := strings.Cut(header, " ")
	for field := range strings.SplitSeq(fields, ",") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(field), "Credential="); ok && value != "" {
			return value
		}
	}
	return ""
}
