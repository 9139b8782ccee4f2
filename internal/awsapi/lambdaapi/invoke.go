package lambdaapi

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

const (
	invokePrefix = "/2015-03-31/functions/"
	invokeSuffix = "/invocations"
)

// invoked tells whether the request is an Invoke, and the FunctionName in its path.
func invoked(r *http.Request) (string, bool) { return functionIn(r, invokePrefix, invokeSuffix) }

// functionIn is what the path of a POST has between a prefix and a suffix.
func functionIn(r *http.Request, prefix, suffix string) (string, bool) {
	if r.Method != http.MethodPost {
		return "", false
	}
	name, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(strings.TrimSuffix(name, "/"), suffix)
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", false
	}
	if strings.Contains(name, "%") {
		plain, err := url.PathUnescape(name)
		return plain, err == nil && plain != ""
	}
	return name, true
}

// invoke answers an Invoke or InvokeWithResponseStream. The order of its judgements
// is AWS's: constraints, then what the caller means, then the payload, and only
// then the function.
func (a *API) invoke(w http.ResponseWriter, r *http.Request, operation, name string) {
	id := awsapi.Stamp(w)
	defer a.service.Survive(w, r, id)
	call, err := a.readCall(w, r, operation, name)
	if err == nil {
		call.inv.RequestID = id
		if operation == opStream && call.mode != dryRun {
			err = a.answerStream(w, r, call)
		} else {
			err = a.answer(w, r, call)
		}
	}
	if err != nil {
		a.service.Refuse(w, r, id, operation, err)
	}
}

// call is an Invoke that has been read.
type call struct {
	function lambda.Reference
	mode     string // X-Amz-Invocation-Type
	inv      lambda.Invocation
}

// The values of X-Amz-Invocation-Type.
const (
	requestResponse = "RequestResponse"
	dryRun          = "DryRun"
	event           = "Event"
)

func (a *API) answer(w http.ResponseWriter, r *http.Request, c call) error {
	switch c.mode {
	case dryRun:
		if _, err := a.Resolver.Resolve(c.function.Name, c.function.Qualifier); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	case event:
		return a.accept(w, r, c)
	}
	result, err := a.Invoker.Invoke(r.Context(), c.function, c.inv)
	if err != nil {
		return err
	}
	if respond(w, c.inv, result) == nil && result.Fault == nil {
		a.Spare.Give(result.Payload) // the function's answer was made for this caller alone
	}
	return nil
}

// respond writes what came of an invocation. Header names are written in the
// form that net/http would make of them, so that it need not make it. The caller may
// be gone, which changes nothing: the invocation is settled. On an error the payload
// may still be on its way out, which is so with HTTP/2.
func respond(w http.ResponseWriter, inv lambda.Invocation, result lambda.Result) error {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(result.Payload))}
	h["X-Amz-Executed-Version"] = []string{result.Version}
	h[traceHeader] = []string{inv.Trace}
	if result.Fault != nil {
		h["X-Amz-Function-Error"] = []string{"Unhandled"}
	}
	if inv.Tail {
		h["X-Amz-Log-Result"] = []string{base64.StdEncoding.EncodeToString(result.LogTail)}
	}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(result.Payload)
	return err
}

// The operations that run functions, and share all that callers can send.
const (
	opInvoke = "Invoke"
	opStream = "InvokeWithResponseStream"
)

// readCall reads and judges everything that the caller sent.
func (a *API) readCall(w http.ResponseWriter, r *http.Request, operation, name string) (call, error) {
	query, err := qualifierQuery(r.URL)
	if err != nil {
		return call{}, err
	}
	h := r.Header
	mode, tail := h.Get("X-Amz-Invocation-Type"), h.Get("X-Amz-Log-Type")
	qualifier, given := "", query != nil
	if given {
		qualifier, given = query.Get("Qualifier"), query.Has("Qualifier")
	}
	if !wellFormed(name, qualifier, given, mode, tail, h) || operation == opStream && mode == event {
		if err := a.service.Check(operation, r, map[string]string{"FunctionName": name}, query); err != nil {
			return call{}, err
		}
	}
	if operation == opInvoke && h.Get("X-Amz-Durable-Execution-Name") != "" {
		return call{}, notYet("DurableExecutionName")
	}
	c := call{mode: mode}
	if c.function, err = a.qualified(name, qualifier); err != nil {
		return call{}, err
	}
	if err := a.authorizeInvoke(r.Context(), c.function); err != nil {
		return call{}, err
	}
	if c.inv.ClientContext, err = clientContext(h.Get("X-Amz-Client-Context")); err != nil {
		return call{}, err
	}
	if c.inv.Payload, err = payload(w, r, mode); err != nil {
		return call{}, err
	}
	c.inv.ContentType = "application/json"
	c.inv.Trace = trace(h.Get(traceHeader), a.Now())
	c.inv.Tenant = h.Get("X-Amz-Tenant-Id")
	c.inv.Tail = tail == "Tail"
	return c, nil
}

// qualifierQuery parses the query, which most calls do not have.
func qualifierQuery(u *url.URL) (url.Values, error) {
	if u.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, lambda.Errorf(lambda.Validation, "The query string can't be read")
	}
	return query, nil
}

const (
	maxNamespacedName = 256
	maxQualifier      = 128
)

// wellFormed is the quick judgement of what nearly every call looks like. What
// it does not know, the model judges, and words.
func wellFormed(name, qualifier string, qualified bool, mode, tail string, h http.Header) bool {
	return len(name) <= maxNamespacedName && fitsName(name) &&
		(!qualified || len(qualifier) <= maxQualifier && fitsQualifier(qualifier)) &&
		(mode == "" || mode == requestResponse || mode == event || mode == dryRun) &&
		(tail == "" || tail == "None" || tail == "Tail") &&
		h["X-Amz-Tenant-Id"] == nil && h["X-Amz-Durable-Execution-Name"] == nil
}

// clientContext decodes X-Amz-Client-Context, base64 of a JSON object.
func clientContext(header string) (string, error) {
	if header == "" {
		return "", nil
	}
	if len(header) > lambda.MaxClientContext {
		return "", lambda.Errorf(lambda.InvalidContent, "Client context must be at most %d bytes of base64-encoded JSON.", lambda.MaxClientContext)
	}
	text, err := base64.StdEncoding.DecodeString(header)
	if err != nil || awsapi.CheckJSON(text) != nil {
		return "", lambda.Errorf(lambda.InvalidContent, "Client context must be a valid Base64-encoded JSON object.")
	}
	return string(text), nil
}

// noPayload is the event of an invocation without a payload: the runtimes
// always get JSON, and an empty object is what AWS gives them.
const noPayload = "{}"

// payload reads the event, which must be JSON. Nothing of it is changed: the
// function reads the bytes that the caller sent.
func payload(w http.ResponseWriter, r *http.Request, mode string) ([]byte, error) {
	kind, limit := requestResponse, lambda.MaxSyncPayload
	if mode == event {
		kind, limit = event, lambda.MaxAsyncPayload
	}
	body, err := awsapi.ReadBody(w, r, int64(limit))
	var large *awsapi.TooLarge
	if errors.As(err, &large) {
		return nil, lambda.Errorf(lambda.PayloadTooLarge, "%d byte payload is too large for the %s invocation type (limit %d bytes)", large.Size, kind, limit)
	}
	if err != nil {
		return nil, err
	}
	if len(body) == 0 {
		return []byte(noPayload), nil
	}
	if err := awsapi.CheckJSON(body); err != nil {
		return nil, lambda.Errorf(lambda.InvalidContent, "Could not parse request body into json: Could not parse payload into json: %v", err)
	}
	return body, nil
}
