package awsapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strconv"

	"lambent/internal/lambda"
)

// Service serves the operations of one model. Register its handlers, then use
// it as an http.Handler; registration ends when serving begins.
type Service struct {
	options  Options
	model    *Model
	router   *router
	handlers map[string]*handler
}

// Options are what a Service needs besides its handlers.
type Options struct {
	// Log hears of errors that are ours, once each, with the request's id.
	Log *slog.Logger
	// MaxBody is how many bytes a request may have; Larger names the operations
	// that may have more.
	MaxBody int64
	Larger  map[string]int64
	// Dialect is nil for Lambda's own.
	Dialect *Dialect
	// Authorize refuses what the caller may not do, before its input is judged. It
	// may be nil.
	Authorize func(ctx context.Context, operation string, in Input) error
	// Admit refuses a request for which there is no room now, before anything else
	// is looked at. It may be nil.
	Admit func(operation string) error
}

// handler is a registered operation.
type handler struct {
	operation *Operation
	in, out   *codec
	run       func(context.Context, any) (any, error)
}

// NewService makes a service in which no operation is available yet.
func NewService(model *Model, options Options) *Service {
	return &Service{options: options, model: model, router: newRouter(model), handlers: map[string]*handler{}}
}

// Handle makes an operation available. It panics when the model has no such
// operation or when the types are not the operation's: the program is wrong,
// and says so before it serves anybody.
func Handle[In, Out any](s *Service, name string, run func(context.Context, *In) (*Out, error)) {
	s.Register(name, reflect.TypeFor[*In](), reflect.TypeFor[*Out](), func(ctx context.Context, in any) (any, error) {
		return run(ctx, in.(*In))
	})
}

// Register is Handle for types that are only known when the program runs; in
// and out are pointers to structures.
func (s *Service) Register(name string, in, out reflect.Type, run func(context.Context, any) (any, error)) {
	op, ok := s.model.Operation(name)
	if !ok {
		panic("awsapi: the model has no operation " + name)
	}
	input, err := newCodec(in, op.Input)
	if err != nil {
		panic(fmt.Sprintf("awsapi: input of %s: %v", name, err))
	}
	output, err := newCodec(out, op.Output)
	if err != nil {
		panic(fmt.Sprintf("awsapi: output of %s: %v", name, err))
	}
	s.handlers[name] = &handler{op, input, output, run}
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := Stamp(w)
	defer s.Survive(w, r, id)
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.writeError(w, misread("The query string can't be read"))
		return
	}
	op, labels := s.find(r, query)
	if op == nil && s.options.Dialect != nil {
		s.options.Dialect.write(w, ExceptionName{"UnknownOperationException", http.StatusNotFound}, "")
		return
	}
	if op == nil {
		writeException(w, exception{name: "UnknownOperationException", status: http.StatusNotFound},
			"Unable to determine service/operation name to be authorized", "")
		return
	}
	h := s.handlers[op.Name]
	if h == nil {
		s.writeError(w, lambda.Errorf(lambda.NotYet, "The operation %s is not yet available in Lambent.", op.Name))
		return
	}
	ctx := context.WithValue(r.Context(), requestKey{}, &request{})
	a, err := s.serve(ctx, h, w, r, labels, query)
	if err != nil {
		s.Refuse(w, r, id, op.Name, err)
		return
	}
	a.write(w)
}

// Names tells which operation a request means, and the labels of its path; empty where
// there is none.
func (s *Service) Names(r *http.Request) (operation string, labels map[string]string) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "", nil
	}
	op, labels := s.find(r, query)
	if op == nil {
		return "", nil
	}
	return op.Name, labels
}

// serve runs the handler between decoding and encoding.
func (s *Service) serve(ctx context.Context, h *handler, w http.ResponseWriter, r *http.Request, labels map[string]string, query url.Values) (answer, error) {
	if s.options.Admit != nil {
		if err := s.options.Admit(h.operation.Name); err != nil {
			return answer{}, err
		}
	}
	body, err := s.readBody(h.operation.Name, w, r)
	if err != nil {
		return answer{}, err
	}
	tree, err := h.operation.gather(r, labels, query, body)
	if err != nil {
		return answer{}, err
	}
	if s.options.Authorize != nil {
		if err := s.options.Authorize(ctx, h.operation.Name, Input{tree}); err != nil {
			return answer{}, err
		}
	}
	in := reflect.New(reflect.PointerTo(h.in.typ)).Elem()
	if err := h.in.decode(tree, in); err != nil {
		return answer{}, err
	}
	if err := h.operation.validate(tree); err != nil {
		return answer{}, err
	}
	requestOf(ctx).input = tree
	out, err := h.run(ctx, in.Interface())
	if err != nil {
		return answer{}, err
	}
	a := h.operation.encode(h.out, reflect.ValueOf(out), w.Header())
	if d := s.options.Dialect; d != nil && d.Target != "" {
		w.Header().Set("Content-Type", d.content())
	}
	return a, nil
}

// Check judges a request by the constraints of an operation's labels, query and
// headers alone, for the operation that reads its own body.
func (s *Service) Check(operation string, r *http.Request, labels map[string]string, query url.Values) error {
	op, ok := s.model.Operation(operation)
	if !ok {
		panic("awsapi: the model has no operation " + operation)
	}
	tree, err := op.gather(r, labels, query, nil)
	if err != nil {
		return err
	}
	return op.validate(tree)
}

func (s *Service) readBody(operation string, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := s.options.MaxBody
	if larger := s.options.Larger[operation]; larger > 0 {
		limit = larger
	}
	body, err := ReadBody(w, r, limit)
	var large *TooLarge
	if errors.As(err, &large) {
		return nil, lambda.Errorf(lambda.EntityTooLarge, "Request must be smaller than %d bytes for the %s operation", limit, operation)
	}
	return body, err
}

// Refuse answers with err, and logs it when it is ours. A caller that has hung
// up is no news.
func (s *Service) Refuse(w http.ResponseWriter, r *http.Request, id, operation string, err error) {
	if ours(err) && r.Context().Err() == nil {
		s.options.Log.Error("request failed", "operation", operation, "request", id, "error", err)
	}
	s.writeError(w, err)
}

// Survive turns a panic of a handler into a ServiceException; defer it. The
// daemon lives; net/http's own signal to drop a connection passes through.
func (s *Service) Survive(w http.ResponseWriter, r *http.Request, id string) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value is the sentinel itself
		panic(p)
	}
	s.options.Log.Error("handler panicked", "method", r.Method, "path", r.URL.Path, "request", id,
		"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	s.writeError(w, errors.New("panic"))
}

func (a answer) write(w http.ResponseWriter) {
	if a.body != nil || a.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the caller may be gone; there is nobody else to tell
}
