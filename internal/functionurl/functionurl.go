// Package functionurl serves function URLs: plain HTTP becomes an event of
// payload format 2.0, and what the function answers becomes HTTP again
// (developer guide, "Invoking Lambda function URLs").
//
// A request is for a function URL when its Host is the URL's,
// <id>.lambda-url.<region>.on.aws, or when its path begins with Prefix and the
// id, which needs no name resolution:
//
//	http://127.0.0.1:3001/_lambent/url/<id>/hello
//
// The function sees the same in both cases.
package functionurl

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/stream"
)

// Prefix begins the paths at which a URL is served whatever the Host.
const Prefix = "/_lambent/url/"

// URLs finds what answers at a function URL.
type URLs interface {
	URLByID(id string) (lambda.URLTarget, bool)
}

// Invoker runs functions.
type Invoker interface {
	// Invoke runs what the reference means. A function's own failure is a Result
	// with a Fault; an error is a *lambda.Error or ours.
	Invoke(ctx context.Context, function lambda.Reference, inv lambda.Invocation) (lambda.Result, error)
}

// Handler serves all function URLs. Every member is needed but Callers: without it
// whoever signs is let in, and Policies is not asked.
type Handler struct {
	Home     lambda.Home
	URLs     URLs
	Invoker  Invoker
	Callers  Callers
	Policies Policies
	Log      *slog.Logger
	Now      func() time.Time
	NewID    func() string // makes request ids

	// StreamRate is how quickly responses are streamed. Zero: as quickly as callers read.
	StreamRate stream.Rate
}

// Serves tells whether a request is for a function URL, be it one that is not
// there.
func (h *Handler) Serves(r *http.Request) bool {
	_, _, ok := h.address(r)
	return ok
}

// address takes the id and the path of a URL out of a request.
func (h *Handler) address(r *http.Request) (id, path string, ok bool) {
	path = escapedPath(r)
	if rest, found := strings.CutPrefix(path, Prefix); found {
		id, path, _ = strings.Cut(rest, "/")
		return id, "/" + path, true
	}
	id, domain, found := strings.Cut(strings.ToLower(r.Host), ".")
	domain, _, _ = strings.Cut(domain, ":")
	return id, path, found && domain == "lambda-url."+h.Home.Region+".on.aws"
}

// escapedPath is the path as it was sent: the function gets the caller's own
// escapes (F184).
func escapedPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") {
		return path
	}
	return r.URL.EscapedPath() // a request that a proxy or a test wrote in another form
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, path, _ := h.address(r)
	requestID := h.NewID()
	w.Header().Set("X-Amzn-Requestid", requestID)
	target, ok := h.URLs.URLByID(id)
	if !ok {
		refuse(w, http.StatusForbidden, "AccessDeniedException", `{"Message":null}`) // F180
		return
	}
	if share(w.Header(), r, target.URL.CORS) {
		w.WriteHeader(http.StatusOK) // a preflight never reaches the function
		return
	}
	caller, body, err := h.caller(w, r, target)
	if err != nil {
		if !turnAway(w, err) {
			h.fail(w, r, err)
		}
		return
	}
	inv := lambda.Invocation{RequestID: requestID, ContentType: "application/json", Trace: trace(r.Header.Get(traceHeader), h.Now())}
	inv.Payload = h.event(r, target, path, caller, inv, body)
	if len(inv.Payload) > lambda.MaxSyncPayload {
		h.fail(w, r, tooLarge())
		return
	}
	w.Header().Set(traceHeader, inv.Trace)
	function := lambda.Reference{Name: target.Function, Qualifier: target.Qualifier}
	if target.URL.InvokeMode == "RESPONSE_STREAM" {
		h.stream(w, r, function, inv)
		return
	}
	result, err := h.Invoker.Invoke(r.Context(), function, inv)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer(w, result)
}

func tooLarge() error {
	return lambda.Errorf(lambda.PayloadTooLarge, "Request must be smaller than %d bytes for the InvokeFunction operation", lambda.MaxSyncPayload)
}

// bodyTimeout bounds how long a body may take: a sender that stops in the middle
// would hold its memory for ever.
const bodyTimeout = 5 * time.Minute

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	connection := http.NewResponseController(w)
	// What has no deadlines, such as a test's recorder, has no slow senders.
	_ = connection.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer func() { _ = connection.SetReadDeadline(time.Time{}) }()
	body, err := io.ReadAll(io.LimitReader(r.Body, lambda.MaxSyncPayload+1))
	if err != nil {
		return nil, lambda.Errorf(lambda.InvalidContent, "The request's body can't be read")
	}
	if len(body) > lambda.MaxSyncPayload {
		return nil, tooLarge()
	}
	return body, nil
}

// fail answers with an error of the way to the function.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *lambda.Error
	if !errors.As(err, &e) {
		if r.Context().Err() == nil && !errors.Is(err, errUnwell) {
			h.Log.Error("request to a function URL failed", "host", r.Host, "request", w.Header().Get("X-Amzn-Requestid"), "err", err)
		}
		unwell(w)
		return
	}
	switch e.Kind {
	case lambda.Throttled:
		refuse(w, http.StatusTooManyRequests, "TooManyRequestsException", message(e.Message))
	case lambda.PayloadTooLarge:
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", message(e.Message))
	case lambda.InvalidContent:
		refuse(w, http.StatusBadRequest, "BadRequestException", message(e.Message))
	default:
		unwell(w)
	}
}

// unwell is what the caller learns of a function that failed (F189).
func unwell(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "Internal Server Error") // the caller may be gone
}

func message(text string) string {
	quoted, _ := json.Marshal(text) // a string always encodes
	return `{"Message":` + string(quoted) + `}`
}

func refuse(w http.ResponseWriter, status int, exception, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", exception)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the caller may be gone
}
