package awsapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"lambent/internal/lambda"
)

// Dialect is how a service differs on the wire from Lambda, whose dialect is the
// default.
type Dialect struct {
	// Target stands before an operation's name in the X-Amz-Target header of a service
	// that speaks AWS JSON 1.1, as in "AWSEvents."; empty: paths name operations.
	Target string
	// JSON10 tells that it speaks AWS JSON 1.0, which differs in its content type.
	JSON10 bool
	// Exceptions are the service's names for kinds of errors. It has at least one for
	// Internal, Validation and NotFound.
	Exceptions map[lambda.Kind]ExceptionName
}

// ExceptionName is what a service calls a kind of error.
type ExceptionName struct {
	Name   string
	Status int // AWS JSON 1.1 has 400 for every error of the caller
}

// content is the content type of answers.
func (d *Dialect) content() string {
	switch {
	case d == nil || d.Target == "":
		return contentJSON
	case d.JSON10:
		return "application/x-amz-json-1.0"
	}
	return "application/x-amz-json-1.1"
}

// find tells which operation a request means.
func (s *Service) find(r *http.Request, query url.Values) (*Operation, map[string]string) {
	if d := s.options.Dialect; d != nil && d.Target != "" {
		name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), d.Target)
		if !ok || r.Method != http.MethodPost {
			return nil, nil
		}
		return s.model.operations[name], nil
	}
	return s.router.find(r.Method, r.URL.EscapedPath(), query)
}

// writeError answers in the service's dialect.
func (s *Service) writeError(w http.ResponseWriter, err error) {
	if s.options.Dialect == nil {
		WriteError(w, err)
		return
	}
	x, text := s.options.Dialect.exception(err)
	s.options.Dialect.write(w, x, text)
}

func (d *Dialect) exception(err error) (x ExceptionName, text string) {
	var syntax *serializationError
	if errors.As(err, &syntax) {
		return ExceptionName{"SerializationException", http.StatusBadRequest}, syntax.text
	}
	var e *lambda.Error
	if !errors.As(err, &e) || e.Kind == lambda.Internal {
		return d.Exceptions[lambda.Internal], internalText
	}
	if e.Kind == lambda.NotYet {
		return ExceptionName{"NotImplementedException", http.StatusNotImplemented}, e.Message
	}
	if x, known := d.Exceptions[e.Kind]; known {
		return x, e.Message
	}
	return d.Exceptions[lambda.Validation], e.Message
}

func (d *Dialect) write(w http.ResponseWriter, x ExceptionName, text string) {
	body, h := []byte(`{"Message":`), w.Header()
	h.Set("Content-Type", d.content())
	if d.Target != "" {
		body = append(appendString([]byte(`{"__type":`), x.Name), `,"message":`...)
	}
	body = append(appendString(body, text), '}')
	h.Set("X-Amzn-Errortype", x.Name)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(x.Status)
	_, _ = w.Write(body) // the caller may be gone
}
