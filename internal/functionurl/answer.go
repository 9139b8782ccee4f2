package functionurl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lambent/internal/lambda"
)

// streamed marks what a function wrote to a response stream: a JSON prelude,
// eight zero bytes, and the body.
const streamed = "application/vnd.awslambda.http-integration-response"

var preludeEnd = make([]byte, 8)

// response is HTTP as a function describes it.
type response struct {
	status  int
	headers map[string]string
	cookies []string
	body    []byte
}

// answer turns what came of the invocation into HTTP.
func answer(w http.ResponseWriter, result lambda.Result) {
	if result.Fault != nil {
		unwell(w)
		return
	}
	read := readAnswer
	if result.ContentType == streamed {
		read = readStream
	}
	answer, err := read(result.Payload)
	if err != nil {
		unwell(w)
		return
	}
	answer.write(w)
}

// proxied is a handler's answer that says what the response shall be.
type proxied struct {
	StatusCode      json.RawMessage            `json:"statusCode"`
	Headers         map[string]json.RawMessage `json:"headers"`
	Cookies         []string                   `json:"cookies"`
	Body            json.RawMessage            `json:"body"`
	IsBase64Encoded bool                       `json:"isBase64Encoded"`
}

// readAnswer reads a handler's answer. Without a statusCode the answer itself
// is the body: a string without its quotes, anything else as compact JSON
// (F185, F186).
func readAnswer(payload []byte) (response, error) {
	var p proxied
	if object := json.Unmarshal(payload, &p) == nil; !object || p.StatusCode == nil {
		if isProxied(payload) {
			return response{}, fmt.Errorf("statusCode beside members of other types than they have")
		}
		return plain(payload)
	}
	answer, err := p.response()
	if err != nil {
		return response{}, err
	}
	answer.body, err = p.body()
	return answer, err
}

// isProxied tells whether the payload is an object with a statusCode, whatever
// else is in it.
func isProxied(payload []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(payload, &members) == nil && members["statusCode"] != nil
}

func plain(payload []byte) (response, error) {
	answer := response{status: http.StatusOK}
	var text string
	if json.Unmarshal(payload, &text) == nil && bytes.HasPrefix(bytes.TrimSpace(payload), []byte(`"`)) {
		answer.body = []byte(text)
		return answer, nil
	}
	var compact bytes.Buffer
	err := json.Compact(&compact, payload)
	answer.body = compact.Bytes()
	return answer, err
}

// response is all but the body.
func (p proxied) response() (response, error) {
	status, err := strconv.Atoi(scalar(p.StatusCode)) // a string will do (F188)
	if err != nil || status < 200 || status > 599 {
		return response{}, fmt.Errorf("status code %s", p.StatusCode)
	}
	answer := response{status: status, headers: map[string]string{}, cookies: p.Cookies}
	for name, value := range p.Headers {
		answer.headers[name] = scalar(value)
	}
	return answer, nil
}

func (p proxied) body() ([]byte, error) {
	if p.Body == nil || string(p.Body) == "null" {
		return nil, nil
	}
	text := scalar(p.Body)
	if p.IsBase64Encoded {
		return base64.StdEncoding.DecodeString(text)
	}
	return []byte(text), nil
}

// scalar is a string's content, or what else stands there as it is written.
func scalar(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// readStream reads what was written to a response stream.
func readStream(payload []byte) (response, error) {
	prelude, body, found := bytes.Cut(payload, preludeEnd)
	if !found {
		return response{}, fmt.Errorf("a response stream without its prelude")
	}
	var p proxied
	if err := json.Unmarshal(prelude, &p); err != nil {
		return response{}, err
	}
	if p.StatusCode == nil {
		p.StatusCode = json.RawMessage("200")
	}
	answer, err := p.response()
	answer.body = body
	return answer, err
}

// write sends the response.
func (a response) write(w http.ResponseWriter) {
	a.begin(w)
	_, _ = w.Write(a.body) // the caller may be gone
}

// begin sends all but the body. The URL's CORS headers are set already, and are not
// the function's to change; the length and the connection are ours.
func (a response) begin(w http.ResponseWriter) {
	h := w.Header()
	shared := h.Get("Access-Control-Allow-Origin") != ""
	for name, value := range a.headers {
		name = http.CanonicalHeaderKey(name)
		if ours(name) || shared && strings.HasPrefix(name, "Access-Control-") {
			continue
		}
		h.Set(name, value)
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	for _, cookie := range a.cookies {
		h.Add("Set-Cookie", cookie)
	}
	w.WriteHeader(a.status)
}

func ours(header string) bool {
	switch header {
	case "Connection", "Content-Length", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}
