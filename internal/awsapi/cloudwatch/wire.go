package cloudwatch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"lambent/internal/awsapi"
)

// wire puts the protocols of clients into JSON, and back. What an answer has of
// numbers are doubles, but for its timestamps.
type wire struct{ service http.Handler }

// ServeHTTP answers one request.
func (p *wire) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation, protocol := awsapi.CloudWatchOperation(r)
	var language interface {
		// read gives the input, and the operation where only the form names it.
		read(w http.ResponseWriter, r *http.Request) (named string, input any, err error)
		write(w http.ResponseWriter, operation string, status int, answer any)
	}
	switch protocol {
	case awsapi.SmithyCBOR:
		language = inCBOR{}
	case awsapi.QueryXML:
		language = inXML{}
	case awsapi.JSON:
		p.service.ServeHTTP(&queryError{ResponseWriter: w}, r)
		return
	}
	named, input, err := language.read(w, r)
	operation = cmp.Or(named, operation)
	var body []byte
	if err == nil {
		body, err = json.Marshal(input)
	}
	answer := &caught{header: w.Header()}
	if err != nil {
		awsapi.Stamp(w)
		language.write(w, operation, http.StatusBadRequest, map[string]any{"__type": "SerializationException", "message": "The request can't be read."})
		return
	}
	asked := r.Clone(r.Context())
	asked.Method, asked.Body, asked.ContentLength = http.MethodPost, io.NopCloser(bytes.NewReader(body)), int64(len(body))
	asked.Header.Set("X-Amz-Target", awsapi.CloudWatchTarget+"."+operation)
	p.service.ServeHTTP(answer, asked)
	var output any
	decoder := json.NewDecoder(&answer.body)
	decoder.UseNumber()
	if err := decoder.Decode(&output); err != nil {
		panic(err) // it is ours
	}
	language.write(w, operation, answer.status, output)
}

// caught is an answer on its way to another language.
type caught struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (c *caught) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter.
func (c *caught) WriteHeader(status int) { c.status = status }

// Write implements http.ResponseWriter.
func (c *caught) Write(p []byte) (int, error) { return c.body.Write(p) }

// queryError adds to a refusal what the error is called in the Query protocol, which
// clients show people.
type queryError struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (e *queryError) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		tellQueryError(e.Header(), e.Header().Get("X-Amzn-Errortype"), status)
	}
	e.ResponseWriter.WriteHeader(status)
}

func tellQueryError(h http.Header, exception string, status int) {
	h.Set("X-Amzn-Query-Error", queryCode(exception)+";"+blame(status))
}

func blame(status int) string {
	if status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}

// queryCode is what an exception is called in the Query protocol.
func queryCode(exception string) string {
	switch exception {
	case "InvalidParameterValueException":
		return "InvalidParameterValue"
	case "InvalidParameterCombinationException":
		return "InvalidParameterCombination"
	case "InternalServiceFault":
		return "InternalServiceError"
	}
	return exception
}

// isTime tells by a member's name whether its numbers are moments.
func isTime(member string) bool { return member == "Timestamp" || member == "Timestamps" }

func send(w http.ResponseWriter, status int, content string, body []byte) {
	w.Header().Set("Content-Type", content)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone
}
