// Package query speaks the AWS Query protocol as a server: a form comes in, its
// Action names the operation, and XML goes out. The oldest services speak it: IAM,
// STS.
package query

import (
	"bytes"
	"context"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/url"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// maxForm is far more than any request needs: the longest policy document, with
// each of its characters escaped.
const maxForm = 1 << 20

// Operation carries out one action. Its answer is a structure whose members are
// those of the action's result, or nil where there is none.
type Operation func(ctx context.Context, f *Form) (any, error)

// Service answers the actions of one service.
type Service struct {
	Version   string // "2010-05-08"
	Namespace string // of answers
	Actions   map[string]Operation
	// Code is the service's name for a kind of error, and its status; false for
	// kinds that are ours.
	Code func(lambda.Kind) (code string, status int, known bool)
	Log  *slog.Logger
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := awsapi.Stamp(w)
	form, err := read(w, r)
	if err != nil {
		s.refuse(w, id, "MalformedInput", http.StatusBadRequest, "The request can't be read.")
		return
	}
	action, version := form.values.Get("Action"), form.values.Get("Version")
	if version != s.Version || action == "" {
		s.refuse(w, id, "InvalidAction", http.StatusBadRequest, "Could not find operation "+action+" for version "+version)
		return
	}
	run, ok := s.Actions[action]
	if !ok {
		s.refuse(w, id, "NotImplementedException", http.StatusNotImplemented, "The operation "+action+" is not yet available in Lambent.")
		return
	}
	result, err := run(r.Context(), form)
	if err != nil {
		s.fail(w, r, id, action, err)
		return
	}
	s.answer(w, id, action, result)
}

// read takes the form of a POST, or the query of a GET.
func read(w http.ResponseWriter, r *http.Request) (*Form, error) {
	if r.Method != http.MethodPost {
		values, err := url.ParseQuery(r.URL.RawQuery)
		return &Form{values: values}, err
	}
	body, err := awsapi.ReadBody(w, r, maxForm)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(body))
	return &Form{values: values}, err
}

// fail answers with err in the service's words; what is ours goes into the log.
func (s *Service) fail(w http.ResponseWriter, r *http.Request, id, action string, err error) {
	if code, status, known := s.Code(lambda.KindOf(err)); known {
		s.refuse(w, id, code, status, err.Error())
		return
	}
	if r.Context().Err() == nil {
		s.Log.Error("request failed", "operation", action, "request", id, "error", err)
	}
	s.refuse(w, id, "ServiceFailure", http.StatusInternalServerError, "An error occurred and the request cannot be processed.")
}

type failure struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	Space   string   `xml:"xmlns,attr"`
	Error   struct {
		Type, Code, Message string
	}
	RequestID string `xml:"RequestId"`
}

func (s *Service) refuse(w http.ResponseWriter, id, code string, status int, message string) {
	f := failure{Space: s.Namespace, RequestID: id}
	f.Error.Type, f.Error.Code, f.Error.Message = "Sender", code, message
	if status >= http.StatusInternalServerError {
		f.Error.Type = "Receiver"
	}
	text, err := xml.Marshal(f)
	if err != nil {
		panic(err) // plain texts: only a bug can fail here
	}
	write(w, status, text)
}

// answer writes <ActionResponse><ActionResult>…</ActionResult>, with no result
// where the action has none.
func (s *Service) answer(w http.ResponseWriter, id, action string, result any) {
	var b bytes.Buffer
	b.WriteString("<" + action + `Response xmlns="` + s.Namespace + `">`)
	if result != nil {
		err := xml.NewEncoder(&b).EncodeElement(result, xml.StartElement{Name: xml.Name{Local: action + "Result"}})
		if err != nil {
			panic(err) // as above
		}
	}
	b.WriteString("<ResponseMetadata><RequestId>" + id + "</RequestId></ResponseMetadata></" + action + "Response>")
	write(w, http.StatusOK, b.Bytes())
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}

// List is a list as this protocol writes it.
type List[T any] struct {
	Members []T `xml:"member"`
}
