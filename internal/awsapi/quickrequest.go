package awsapi

import (
	"bytes"
	"context"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// quickRequest is the request of a connection, made anew from each head: one
// allocation for the head's text, of which all its strings are parts, and one for
// the body, which is the function's from then on. A handler keeps neither the
// request nor its header beyond its return.
type quickRequest struct {
	*http.Request
	url    url.URL
	body   held
	reader bytes.Reader
	values []string // of the header
}

// newQuickRequest makes the request whose context ends with the connection.
func newQuickRequest(ctx context.Context) *quickRequest {
	q := &quickRequest{Request: new(http.Request).WithContext(ctx), values: make([]string, 0, 32)}
	q.Header = make(http.Header, 16)
	q.body.Reader = &q.reader
	return q
}

// read takes in a plain head, up to and with its empty line, and tells whether it
// could. What needs more than cutting, such as a path with escapes, is left to net/http.
func (q *quickRequest) read(head []byte) bool {
	text := string(head)
	line, fields, _ := strings.Cut(text, "\r\n")
	target := strings.TrimSuffix(line[len("POST "):], plainVersion)
	path, query, asked := strings.Cut(target, "?")
	if strings.ContainsFunc(path, notPlainPath) || strings.ContainsAny(query, "# ") || asked && query == "" {
		return false
	}
	q.url = url.URL{Path: path, RawQuery: query}
	clear(q.Header)
	clear(q.values)
	q.values = q.values[:0]
	q.ContentLength, q.Host = 0, ""
	for fields != "\r\n" {
		line, fields, _ = strings.Cut(fields, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch name = textproto.CanonicalMIMEHeaderKey(name); name {
		case "Host":
			if strings.ContainsFunc(value, notPlainHost) {
				return false
			}
			q.Host = value
			continue
		case "Content-Length":
			q.ContentLength, _ = smallNumber([]byte(value)) // the head is plain, so it is one
		case "Pragma":
			return false // has a meaning of its own there
		}
		q.add(name, value)
	}
	q.Method, q.Proto, q.ProtoMajor, q.ProtoMinor = http.MethodPost, "HTTP/1.1", 1, 1
	q.URL, q.RequestURI = &q.url, target
	return true
}

// add notes a field. Nearly every field comes once.
func (q *quickRequest) add(name, value string) {
	if before, ok := q.Header[name]; ok {
		q.Header[name] = append(before, value)
		return
	}
	q.values = append(q.values, value)
	n := len(q.values)
	q.Header[name] = q.values[n-1 : n : n]
}

// carry gives the request its body.
func (q *quickRequest) carry(body []byte) {
	q.reader.Reset(body)
	q.body.text = body
	q.Body = &q.body
}

func notPlainPath(r rune) bool {
	return notName(r) && !strings.ContainsRune("/:$.~", r)
}

func notPlainHost(r rune) bool { return notName(r) && r != '.' && r != ':' }
