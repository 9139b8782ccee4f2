package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// canonical is the request in the one form that both sides hash.
func (s *Signature) canonical(r *http.Request, path, payload string) string {
	var b strings.Builder
	b.Grow(512)
	b.WriteString(r.Method)
	b.WriteByte('\n')
	b.WriteString(path)
	b.WriteByte('\n')
	b.WriteString(canonicalQuery(r.URL.RawQuery, s.Presigned))
	b.WriteByte('\n')
	for _, name := range s.headers {
		b.WriteString(name)
		b.WriteByte(':')
		writeHeader(&b, r, name)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(s.headers, ";"))
	b.WriteByte('\n')
	b.WriteString(payload)
	return b.String()
}

// S3 differs from all other services: its paths are escaped once and never
// tidied, and a body may go unsigned, or in chunks with signatures of their own
// ("Signature Calculations for the Authorization Header" in its API reference).
const s3 = "s3"

// payload is the hash of the body, or for S3 the word that stands for it.
func (s *Signature) payload(r *http.Request, body []byte) string {
	if s.Scope.Service == s3 {
		word := r.Header.Get("X-Amz-Content-Sha256")
		switch {
		case word == "" && s.Presigned:
			return unsigned
		case word == unsigned, strings.HasPrefix(word, "STREAMING-"):
			return word
		}
	}
	hash := sha256.Sum256(body)
	return hex.EncodeToString(hash[:])
}

const unsigned = "UNSIGNED-PAYLOAD"

// NeedsBody tells whether the body is part of what Verify judges.
func (s *Signature) NeedsBody(r *http.Request) bool {
	if s.Scope.Service != s3 {
		return true
	}
	word := r.Header.Get("X-Amz-Content-Sha256")
	return word != unsigned && !strings.HasPrefix(word, "STREAMING-") && (word != "" || !s.Presigned)
}

// paths are the forms that a path may have been signed in. AWS's rule is to tidy it
// and to escape it once more; some clients do not tidy, and where there is nothing
// to tidy the two are one.
func (s *Signature) paths(r *http.Request) []string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") { // as proxies and tests write it
		path = r.URL.EscapedPath()
	}
	if path == "" {
		path = "/"
	}
	if s.Scope.Service == s3 {
		return []string{escape(unescape(path, false), true)}
	}
	plain, tidied := escape(path, true), escape(tidy(path), true)
	if plain == tidied {
		return []string{plain}
	}
	return []string{tidied, plain}
}

// tidy takes out empty segments and dots (RFC 3986, section 6).
func tidy(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	last := ""
	for segment := range strings.SplitSeq(path, "/") {
		last = segment
		switch segment {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, segment)
		}
	}
	out := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && (last == "" || last == "." || last == "..") {
		out += "/"
	}
	return out
}

// canonicalQuery sorts the parameters, and escapes them in one way.
func canonicalQuery(raw string, presigned bool) string {
	if raw == "" {
		return ""
	}
	type pair struct{ name, value string }
	var pairs []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		p := pair{escape(unescape(name, true), false), escape(unescape(value, true), false)}
		if presigned && p.name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"

// escape writes everything but unreserved characters as %XX.
func escape(s string, slashes bool) string {
	clean := true
	for i := range len(s) {
		if !unreserved(s[i]) && (s[i] != '/' || !slashes) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		if c := s[i]; unreserved(c) || c == '/' && slashes {
			b = append(b, c)
		} else {
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
}

// unescape reads %XX, and in a query a plus as a blank. What is no escape stays.
func unescape(s string, query bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		if c := s[i]; c == '+' && query {
			b = append(b, ' ')
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// writeHeader writes the values of a header as they are signed: without blanks at
// their ends, one blank for several, joined by commas.
func writeHeader(b *strings.Builder, r *http.Request, name string) {
	values := r.Header[http.CanonicalHeaderKey(name)]
	switch {
	case name == "host":
		values = []string{r.Host}
	case name == "content-length" && len(values) == 0 && r.ContentLength >= 0:
		values = []string{strconv.FormatInt(r.ContentLength, 10)}
	}
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		v = strings.Trim(v, " \t")
		if strings.Contains(v, "  ") {
			v = strings.Join(strings.FieldsFunc(v, func(r rune) bool { return r == ' ' }), " ")
		}
		b.WriteString(v)
	}
}
