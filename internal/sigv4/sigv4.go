// Package sigv4 verifies AWS Signature Version 4 ("AWS Signature Version 4 for API
// requests" in AWS's IAM User Guide), of requests that carry it in the Authorization
// header and of those that carry it in the query.
//
// It is arithmetic on a request: Read takes out what the caller claims, and whoever
// knows the caller's key asks the Signature whether it was made with it. The time is
// an argument, keys come from elsewhere.
//
// What is signed is the request as it was sent: method, path, query, the headers
// that the caller names, and the hash of the body. A server that changes any of
// them before it verifies refuses everybody; one that acts upon a header that is
// not signed trusts the network with it.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	dateForm   = "20060102"
	timeForm   = "20060102T150405Z"

	// maxPresigned is how long a presigned request may be valid: a week.
	maxPresigned = 7 * 24 * time.Hour
)

// maxName is more than any key, region or service has in its name. What derived keys
// are remembered for must not be as long as a caller likes.
const maxName = 128

// Skew is how far the caller's clock may be off.
const Skew = 15 * time.Minute

// Scope is what a key is derived for.
type Scope struct{ Date, Region, Service string }

func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// Signature is what a request claims about who sent it. Nothing of it is proved
// before Verify.
type Signature struct {
	AccessKey string
	Scope     Scope
	Token     string // of a session; empty for lasting keys
	Presigned bool

	headers   []string // signed, in lower case
	signature string
	at        time.Time
	atText    string
	expires   time.Duration // of a presigned one
}

// Problem is why a request is refused. The edge words its name for a protocol.
type Problem struct {
	Kind    Kind
	Message string
}

func (p *Problem) Error() string { return p.Message }

// Kind is what is wrong with a signature.
type Kind int

// The kinds of problems.
const (
	Missing    Kind = iota // there is none at all
	Incomplete             // a part of it is missing or cannot be read
	Invalid                // it was not made of this request, with this key, at this time
)

// Read takes the signature out of a request; the error is a *Problem.
func Read(r *http.Request) (*Signature, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		return readHeader(r, header)
	}
	if strings.Contains(r.URL.RawQuery, "X-Amz-") {
		if s, err := readQuery(r); s != nil || err != nil {
			return s, err
		}
	}
	return nil, &Problem{Missing, "Missing Authentication Token"}
}

// readHeader reads AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…
func readHeader(r *http.Request, header string) (*Signature, error) {
	name, rest, _ := strings.Cut(header, " ")
	if name != algorithm {
		rest = "" // another scheme, of which nothing can be read
	}
	s := &Signature{Token: r.Header.Get("X-Amz-Security-Token")}
	credential, signed := "", ""
	for field := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "Credential":
			if credential != "" { // others may have acted upon the first
				return nil, &Problem{Incomplete, "Authorization header has more than one 'Credential' parameter."}
			}
			credential = value
		case "SignedHeaders":
			signed = value
		case "Signature":
			s.signature = value
		}
	}
	var problems []string
	miss := func(absent bool, text string) {
		if absent {
			problems = append(problems, text)
		}
	}
	s.atText = r.Header.Get("X-Amz-Date")
	date := r.Header.Get("Date")
	miss(credential == "", "Authorization header requires 'Credential' parameter.")
	miss(s.signature == "", "Authorization header requires 'Signature' parameter.")
	miss(signed == "", "Authorization header requires 'SignedHeaders' parameter.")
	miss(s.atText == "" && date == "", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	if problems != nil {
		return nil, &Problem{Incomplete, strings.Join(problems, " ") + " Authorization=" + name}
	}
	if s.atText == "" { // the form of HTTP; what is signed is the form of AWS
		if at, err := http.ParseTime(date); err == nil {
			s.atText = at.UTC().Format(timeForm)
		} else {
			s.atText = date
		}
	}
	return s, s.read(credential, signed)
}

// readQuery reads X-Amz-Algorithm, X-Amz-Credential and so on; no signature is
// there when the query lacks both.
func readQuery(r *http.Request) (*Signature, error) {
	q := r.URL.Query()
	credential, name := q.Get("X-Amz-Credential"), q.Get("X-Amz-Algorithm")
	if credential == "" && name == "" {
		return nil, nil
	}
	s := &Signature{Presigned: true, Token: q.Get("X-Amz-Security-Token"), signature: q.Get("X-Amz-Signature"), atText: q.Get("X-Amz-Date")}
	if s.Token == "" {
		s.Token = r.Header.Get("X-Amz-Security-Token")
	}
	for _, needed := range [...]string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if q.Get(needed) == "" {
			return nil, &Problem{Incomplete, "AWS query-string parameters must include '" + needed + "'. Re-examine the query-string parameters."}
		}
	}
	if name != algorithm {
		return nil, &Problem{Incomplete, "Unsupported AWS 'algorithm': '" + name + "'."}
	}
	s.expires = Skew // what AWS takes without a word about it
	if text := q.Get("X-Amz-Expires"); text != "" {
		d, err := time.ParseDuration(text + "s")
		if err != nil || d < 0 || d > maxPresigned || strings.ContainsAny(text, ".hmnsµu") {
			return nil, &Problem{Incomplete, "X-Amz-Expires must be a number of seconds between 0 and 604800"}
		}
		s.expires = d
	}
	return s, s.read(credential, q.Get("X-Amz-SignedHeaders"))
}

// read parts the credential and the list of headers.
func (s *Signature) read(credential, signed string) (err error) {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" {
		return &Problem{Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + credential + "'"}
	}
	s.AccessKey, s.Scope = parts[0], Scope{parts[1], parts[2], parts[3]}
	if len(s.AccessKey) > maxName || len(s.Scope.Region) > maxName || len(s.Scope.Service) > maxName {
		return &Problem{Incomplete, "Credential has an element that is too long."}
	}
	if parts[4] != terminator {
		return &Problem{Invalid, "Credential should be scoped with a valid terminator: '" + terminator + "', not '" + parts[4] + "'."}
	}
	if s.at, err = time.Parse(timeForm, s.atText); err != nil {
		return &Problem{Incomplete, "Date must be in ISO-8601 'basic format'. Got '" + s.atText + "'. See http://en.wikipedia.org/wiki/ISO_8601"}
	}
	if s.Scope.Date != s.at.Format(dateForm) {
		return &Problem{Invalid, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			s.Scope.Date + "' != '" + s.at.Format(dateForm) + "', from '" + s.atText + "'."}
	}
	s.headers = strings.Split(strings.ToLower(signed), ";")
	names := make(map[string]bool, len(s.headers))
	for _, name := range s.headers {
		if names[name] { // each is hashed with its value: a hundred thousand times a long one would be the server's end
			return &Problem{Incomplete, "SignedHeaders has '" + name + "' more than once."}
		}
		names[name] = true
	}
	if names["host"] {
		return nil
	}
	return &Problem{Invalid, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
}

// Current tells whether the signature is of now: not older than the skew allows, or
// than a presigned request may be, and not of the future. The error is a *Problem.
func (s *Signature) Current(now time.Time) error {
	stamp := func(t time.Time) string { return t.UTC().Format(timeForm) }
	if latest := now.Add(Skew); s.at.After(latest) {
		return &Problem{Invalid, "Signature not yet current: " + stamp(s.at) + " is still later than " + stamp(latest) + " (" + stamp(now) + " + 15 min.)"}
	}
	if s.Presigned {
		if end := s.at.Add(s.expires); now.After(end) {
			return &Problem{Invalid, "Signature expired: " + stamp(end) + " is now earlier than " + stamp(now)}
		}
		return nil
	}
	if earliest := now.Add(-Skew); s.at.Before(earliest) {
		return &Problem{Invalid, "Signature expired: " + stamp(s.at) + " is now earlier than " + stamp(earliest) + " (" + stamp(now) + " - 15 min.)"}
	}
	return nil
}

// target is the header that names the operation, where the path does not. Unsigned,
// it would let whoever sees a request, or holds a presigned one, make another one of it.
const target = "X-Amz-Target"

// Key is a secret that was derived for a scope.
type Key [sha256.Size]byte

// Derive makes the key of a scope from a secret.
func Derive(secret string, s Scope) Key {
	k := sum([]byte("AWS4"+secret), s.Date)
	for _, word := range [...]string{s.Region, s.Service, terminator} {
		k = sum(k, word)
	}
	return Key(k)
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Verify tells whether the signature was made of this request and body with the
// key. The error is a *Problem, with the texts that the caller should have signed.
func (s *Signature) Verify(r *http.Request, body []byte, key Key) error {
	if len(r.Header[target]) > 0 && !slices.Contains(s.headers, strings.ToLower(target)) {
		return &Problem{Invalid, "There were headers present in the request which were not signed: " + strings.ToLower(target)}
	}
	payload := s.payload(r, body)
	var first string
	for i, path := range s.paths(r) {
		canonical := s.canonical(r, path, payload)
		hash := sha256.Sum256([]byte(canonical))
		text := algorithm + "\n" + s.atText + "\n" + s.Scope.String() + "\n" + hex.EncodeToString(hash[:])
		want := hex.EncodeToString(sum(key[:], text))
		if hmac.Equal([]byte(want), []byte(s.signature)) {
			return nil
		}
		if i == 0 {
			first = "The request signature we calculated does not match the signature you provided. " +
				"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n" +
				"The Canonical String for this request should have been\n'" + canonical + "'\n\n" +
				"The String-to-Sign should have been\n'" + text + "'\n"
		}
	}
	return &Problem{Invalid, first}
}
