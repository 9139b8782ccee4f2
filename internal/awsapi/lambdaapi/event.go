package lambdaapi

import (
	"context"
	"net/http"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// Queue takes asynchronous invocations.
type Queue interface {
	// Accept returns nil when the event is durable: it will be run.
	Accept(ctx context.Context, function lambda.Reference, inv lambda.Invocation) error
}

// accept answers an Invoke of type Event: 202, nothing in the body, and no word of
// a version, since that is resolved when the event is run (F077, F237).
func (a *API) accept(w http.ResponseWriter, r *http.Request, c call) error {
	if err := a.enqueue(r.Context(), c); err != nil {
		return err
	}
	h := w.Header()
	h["Content-Length"] = []string{"0"}
	h[traceHeader] = []string{c.inv.Trace}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// enqueue accepts an event for a function that is there now. Whether it may be run
// now is not asked: that is what the queue is for (F160).
func (a *API) enqueue(ctx context.Context, c call) error {
	if _, err := a.Resolver.Resolve(c.function.Name, c.function.Qualifier); err != nil {
		return err
	}
	c.inv.ClientContext = "" // only synchronous invocations have one (API reference, Invoke)
	c.inv.Tail = false
	return a.Queue.Accept(ctx, c.function, c.inv)
}

const (
	invokeAsyncPrefix = "/2014-11-13/functions/"
	invokeAsyncSuffix = "/invoke-async"
)

// invokedAsync tells whether the request is an InvokeAsync, Invoke's predecessor,
// and the FunctionName in its path.
func invokedAsync(r *http.Request) (string, bool) {
	return functionIn(r, invokeAsyncPrefix, invokeAsyncSuffix)
}

// invokeAsync answers an InvokeAsync.
func (a *API) invokeAsync(w http.ResponseWriter, r *http.Request, name string) {
	id := awsapi.Stamp(w)
	defer a.service.Survive(w, r, id)
	if err := a.acceptAsync(w, r, name, id); err != nil {
		a.service.Refuse(w, r, id, "InvokeAsync", err)
	}
}

func (a *API) acceptAsync(w http.ResponseWriter, r *http.Request, name, id string) error {
	// The constraints of Invoke's name are those of this one, and its body is not
	// among them.
	if err := a.service.Check("Invoke", r, map[string]string{"FunctionName": name}, nil); err != nil {
		return err
	}
	c := call{mode: event}
	var err error
	if c.function, err = a.qualified(name, ""); err != nil {
		return err
	}
	if err := a.authorizeInvoke(r.Context(), c.function); err != nil {
		return err
	}
	if c.inv.Payload, err = payload(w, r, event); err != nil {
		return err
	}
	c.inv.RequestID = id
	c.inv.ContentType = "application/json"
	c.inv.Trace = trace(r.Header.Get(traceHeader), a.Now())
	if err := a.enqueue(r.Context(), c); err != nil {
		return err
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{"Status":202}`)) // the caller may be gone; the event is accepted either way
	return nil
}
