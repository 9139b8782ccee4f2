package runtimeapi

import (
	"bytes"
	"errors"
)

// request is the head of one request: the request line and the headers that
// mean something here. The slices lie in the connection's buffer and are valid
// until the next head is read.
type request struct {
	method []byte
	path   []byte // without scheme, authority and query
	minor  byte   // of HTTP/1.x: '0' or '1'
	head   bool   // the method is HEAD: the answer has no body

	length   int64 // Content-Length, or -1 when there is none
	chunked  bool
	expects  bool // 100-continue
	closing  bool // the peer or the message says that no other request follows
	repeated bool // Lambda-Runtime-Function-Response-Mode came more than once

	fields [fieldCount][]byte // nil when absent or empty; the first one counts
}

// field is a header or trailer that means something to the APIs.
type field int

const (
	contentType field = iota
	userAgent
	runtimeFeatures
	invocationID
	responseMode
	errorType
	errorBody // trailer only
	xrayCause
	extensionName
	extensionIdentifier
	extensionFeature
	extensionErrorType
	fieldCount
)

// fieldNames is looked through for every header line; a length comparison
// decides nearly always.
var fieldNames = [fieldCount]string{
	contentType:         "content-type",
	userAgent:           "user-agent",
	runtimeFeatures:     "lambda-runtime-features",
	invocationID:        "lambda-runtime-invocation-id",
	responseMode:        "lambda-runtime-function-response-mode",
	errorType:           "lambda-runtime-function-error-type",
	errorBody:           "lambda-runtime-function-error-body",
	xrayCause:           "lambda-runtime-function-xray-error-cause",
	extensionName:       "lambda-extension-name",
	extensionIdentifier: "lambda-extension-identifier",
	extensionFeature:    "lambda-extension-accept-feature",
	extensionErrorType:  "lambda-extension-function-error-type",
}

// The ways in which a head can be wrong. Each ends the connection.
var (
	errMalformed   = errors.New("malformed HTTP request")               // 400
	errEncoding    = errors.New("unsupported transfer encoding")        // 501
	errExpectation = errors.New("unknown expectation")                  // 417
	errVersion     = errors.New("unsupported protocol version")         // 505
	errHeadTooLong = errors.New("request line and headers are too big") // 431
)

// headEnd finds the blank line that ends a head (or trailers) in b and returns
// the index behind it, or -1. Lines before from have been searched already; the
// second result is where to search on when more has come.
func headEnd(b []byte, from int) (end, resume int) {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return -1, from
		}
		next := from + i + 1
		switch {
		case next < len(b) && b[next] == '\n':
			return next + 1, 0
		case next+1 < len(b) && b[next] == '\r' && b[next+1] == '\n':
			return next + 2, 0
		case next == len(b), next+1 == len(b) && b[next] == '\r':
			return -1, from + i
		}
		from = next
	}
}

// parse reads a whole head, as found by headEnd.
func (r *request) parse(head []byte) error {
	*r = request{length: -1}
	line, rest := cutLine(head)
	if err := r.parseLine(line); err != nil {
		return err
	}
	var framing framing
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		name, value, ok := cutField(line)
		if !ok {
			return errMalformed
		}
		if err := r.take(&framing, name, value); err != nil {
			return err
		}
	}
	return r.frame(framing)
}

// framing is what the headers say of the body and the connection, before it is
// weighed.
type framing struct {
	length    []byte
	hasLength bool
	chunked   bool
	keepAlive bool
}

func (r *request) parseLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || !isToken(method) {
		return errMalformed
	}
	target, proto, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(target) == 0 {
		return errMalformed
	}
	if len(proto) != len("HTTP/1.1") || string(proto[:5]) != "HTTP/" || proto[6] != '.' || !isDigit(proto[5]) || !isDigit(proto[7]) {
		return errMalformed
	}
	if proto[5] != '1' || proto[7] > '1' {
		return errVersion
	}
	path, ok := cutTarget(target)
	if !ok {
		return errMalformed
	}
	r.method, r.path, r.minor = method, path, proto[7]
	r.head = string(method) == "HEAD"
	return nil
}

// cutTarget takes the path out of a request target. Escapes are left as they
// are: nothing that has a route needs any.
func cutTarget(target []byte) ([]byte, bool) {
	for _, b := range target {
		if b <= ' ' || b == 0x7f {
			return nil, false
		}
	}
	if target[0] != '/' {
		// A client that believes in a proxy sends the whole URL.
		after, ok := bytes.CutPrefix(target, []byte("http://"))
		if !ok {
			return nil, false
		}
		slash := bytes.IndexByte(after, '/')
		if slash < 0 {
			return nil, false
		}
		target = after[slash:]
	}
	if i := bytes.IndexByte(target, '?'); i >= 0 {
		target = target[:i]
	}
	return target, true
}

// take notes one header.
func (r *request) take(f *framing, name, value []byte) error {
	switch len(name) {
	case len("expect"):
		if equalFold(name, "expect") && len(value) > 0 {
			if !equalFold(value, "100-continue") {
				return errExpectation
			}
			r.expects = true
			return nil
		}
	case len("connection"):
		if equalFold(name, "connection") {
			r.closing = r.closing || hasToken(value, "close")
			f.keepAlive = f.keepAlive || hasToken(value, "keep-alive")
			return nil
		}
	case len("content-length"):
		if equalFold(name, "content-length") {
			if f.hasLength && !bytes.Equal(f.length, value) {
				return errMalformed
			}
			f.length, f.hasLength = value, true
			return nil
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			if f.chunked || !equalFold(value, "chunked") {
				return errEncoding
			}
			f.chunked = true
			return nil
		}
	}
	r.keep(name, value)
	return nil
}

// keep remembers a header or trailer that the APIs know.
func (r *request) keep(name, value []byte) {
	for i := range fieldNames {
		if len(fieldNames[i]) != len(name) || !equalFold(name, fieldNames[i]) {
			continue
		}
		if field(i) == responseMode && r.fields[i] != nil {
			r.repeated = true
		}
		if r.fields[i] == nil && len(value) > 0 {
			r.fields[i] = value
		}
		return
	}
}

// frame decides where the body ends and whether the connection lives on.
func (r *request) frame(f framing) error {
	if f.hasLength {
		n, ok := parseLength(f.length)
		if !ok {
			return errMalformed
		}
		r.length = n
	}
	if f.chunked {
		// A message with both is either confused or an attack (RFC 9112 §6.3).
		// Chunks win, as in net/http, and nothing after it is trusted.
		r.closing = r.closing || f.hasLength
		r.chunked, r.length = true, -1
	}
	if r.minor == '0' {
		if r.chunked {
			return errMalformed
		}
		r.closing = r.closing || !f.keepAlive
		r.expects = false
	}
	return nil
}

func (r *request) has(f field) bool { return len(r.fields[f]) > 0 }

func (r *request) text(f field) string { return string(r.fields[f]) }

// cutLine takes the next line off b; both CRLF and the bare LF of hand-made
// clients end one.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return b, nil
	}
	line, rest = b[:i], b[i+1:]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, rest
}

// cutField splits a header line. A folded line begins with a space, which no
// name does.
func cutField(line []byte) (name, value []byte, ok bool) {
	name, value, ok = bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) {
		return nil, nil, false
	}
	value = bytes.Trim(value, " \t")
	for _, b := range value {
		if (b < ' ' && b != '\t') || b == 0x7f {
			return nil, nil, false
		}
	}
	return name, value, true
}

// parseLength reads a Content-Length: digits and nothing else.
func parseLength(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, d := range b {
		if !isDigit(d) {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, true
}

// hasToken looks for a word in a comma-separated list.
func hasToken(list []byte, word string) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte(","))
		if equalFold(bytes.Trim(item, " \t"), word) {
			return true
		}
	}
	return false
}

// equalFold compares with a word in lower case, ASCII only.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// isToken tells whether b is a token of RFC 9110: what names and methods are made of.
func isToken(b []byte) bool {
	for _, c := range b {
		if !isTokenByte(c) {
			return false
		}
	}
	return len(b) > 0
}

func isTokenByte(c byte) bool {
	if isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
