package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	suiteKey    = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" //nolint:gosec // AWS's own example
)

// TestSuite holds the signatures that AWS published with its test suite
// (aws-sig-v4-test-suite): requests in, and the signature that must come out.
func TestSuite(t *testing.T) {
	t.Parallel()
	const token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
	for _, c := range []struct {
		name, method, target string
		headers              [][2]string
		body                 string
		signed, signature    string
	}{
		{"get-vanilla", "GET", "/", nil, "", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", nil, "", "host;x-amz-date", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
		{"get-slashes", "GET", "//example//", nil, "", "host;x-amz-date", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"},
		{"get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", nil, "", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"get-vanilla-query-order-value", "GET", "/?Param1=value2&Param1=value1", nil, "", "host;x-amz-date", "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
		{"get-vanilla-utf8-query", "GET", "/?\u1234=bar", nil, "", "host;x-amz-date", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		{"get-header-value-order", "GET", "/", [][2]string{{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}}, "", "host;my-header1;x-amz-date", "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
		{"get-header-key-duplicate", "GET", "/", [][2]string{{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}, "", "host;my-header1;x-amz-date", "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
		{"get-header-value-trim", "GET", "/", [][2]string{{"My-Header1", " value1"}, {"My-Header2", ` "a   b   c"`}}, "", "host;my-header1;my-header2;x-amz-date", "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
		{"post-x-www-form-urlencoded", "POST", "/", [][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}, "Param1=value1", "content-type;host;x-amz-date", "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		{"post-sts-header-before", "GET", "/", [][2]string{{"X-Amz-Security-Token", token}}, "", "host;x-amz-date;x-amz-security-token", "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
	} {
		path, query, _ := strings.Cut(c.target, "?")
		r := httptest.NewRequest(c.method, "http://example.amazonaws.com/", strings.NewReader(c.body))
		r.RequestURI, r.URL.Path, r.URL.RawQuery = c.target, path, query
		r.Header.Set("X-Amz-Date", "20150830T123600Z")
		for _, h := range c.headers {
			r.Header.Add(h[0], h[1])
		}
		r.Header.Set("Authorization", algorithm+" Credential="+suiteKey+"/20150830/us-east-1/service/aws4_request, SignedHeaders="+c.signed+", Signature="+c.signature)
		s, err := Read(r)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err := s.Verify(r, []byte(c.body), Derive(suiteSecret, s.Scope)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := s.Verify(r, []byte(c.body+"x"), Derive(suiteSecret, s.Scope)); err == nil {
			t.Errorf("%s: another body passes", c.name)
		}
	}
}

var signedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// arrived is a request as a server reads it from the wire.
func arrived(t *testing.T, sent *http.Request, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(sent.Method, sent.URL.String(), strings.NewReader(body))
	r.RequestURI = sent.URL.RequestURI()
	r.Host = sent.URL.Host
	r.Header = sent.Header.Clone()
	return r
}

func hash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

// TestSDK signs with AWS's own signer, in headers and in queries.
func TestSDK(t *testing.T) {
	t.Parallel()
	keys := aws.Credentials{AccessKeyID: suiteKey, SecretAccessKey: suiteSecret, SessionToken: "tok/en+=="}
	for _, target := range []string{
		"http://127.0.0.1:3001/2015-03-31/functions/f/invocations",
		"http://127.0.0.1:3001/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Af%3Alive/invocations?Qualifier=live",
		"http://localhost/2017-03-31/tags/arn%3Aaws%3Alambda?tagKeys=a%20b&tagKeys=%C3%A4&tagKeys=a%2Bb&empty=",
		"http://localhost/a/../b//c/./d%252F/?b=2&a=1&a=0",
	} {
		for _, body := range []string{"", `{"a":1}`} {
			sent, err := http.NewRequest("POST", target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			sent.Header.Set("X-Amz-Client-Context", "  two  blanks ")
			if err := v4.NewSigner().SignHTTP(context.Background(), keys, sent, hash(body), "lambda", "us-east-1", signedAt); err != nil {
				t.Fatal(err)
			}
			check(t, arrived(t, sent, body), body, false)

			plain, err := http.NewRequest("GET", target+map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")]+"X-Amz-Expires=60", nil)
			if err != nil {
				t.Fatal(err)
			}
			url, _, err := v4.NewSigner().PresignHTTP(context.Background(), keys, plain, hash(body), "lambda", "us-east-1", signedAt)
			if err != nil {
				t.Fatal(err)
			}
			sent, err = http.NewRequest("GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			check(t, arrived(t, sent, body), body, true)
		}
	}
}

func check(t *testing.T, r *http.Request, body string, presigned bool) {
	t.Helper()
	s, err := Read(r)
	if err != nil {
		t.Errorf("%s: %v", r.RequestURI, err)
		return
	}
	if s.AccessKey != suiteKey || s.Token != "tok/en+==" || s.Scope != (Scope{"20260102", "us-east-1", "lambda"}) || s.Presigned != presigned {
		t.Errorf("%s: read %+v", r.RequestURI, s)
	}
	if err := s.Verify(r, []byte(body), Derive(suiteSecret, s.Scope)); err != nil {
		t.Errorf("%s: %v", r.RequestURI, err)
	}
	if err := s.Verify(r, []byte(body), Derive("wrong", s.Scope)); err == nil {
		t.Errorf("%s: passes with a wrong secret", r.RequestURI)
	}
	r.Method = "DELETE"
	var p *Problem
	if err := s.Verify(r, []byte(body), Derive(suiteSecret, s.Scope)); !errors.As(err, &p) || p.Kind != Invalid || !strings.Contains(p.Message, "The Canonical String for this request should have been\n'DELETE\n") {
		t.Errorf("%s: another method gives %v", r.RequestURI, err)
	}
}

// TestS3 is what only S3 does: bodies that are not signed, and paths that are
// escaped once.
func TestS3(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{unsigned, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"} {
		sent, err := http.NewRequest("PUT", "http://localhost/bucket/a%20b//c", nil)
		if err != nil {
			t.Fatal(err)
		}
		sent.Header.Set("X-Amz-Content-Sha256", payload)
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
		if err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: suiteKey, SecretAccessKey: suiteSecret}, sent, payload, s3, "us-east-1", signedAt); err != nil {
			t.Fatal(err)
		}
		r := arrived(t, sent, "")
		s, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if s.NeedsBody(r) {
			t.Errorf("%s needs the body", payload)
		}
		if err := s.Verify(r, []byte("whatever"), Derive(suiteSecret, s.Scope)); err != nil {
			t.Errorf("%s: %v", payload, err)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	header := func(s *Signature) { s.Presigned = false }
	link := func(s *Signature) { s.Presigned, s.expires = true, time.Minute }
	for _, c := range []struct {
		set  func(*Signature)
		off  time.Duration
		want string
	}{
		{header, 0, ""},
		{header, Skew, ""},
		{header, -Skew, ""},
		{header, Skew + time.Second, "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T031906Z - 15 min.)"},
		{header, -Skew - time.Second, "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T024904Z + 15 min.)"},
		{link, time.Minute, ""},
		{link, time.Minute + time.Second, "Signature expired: 20260102T030505Z is now earlier than 20260102T030506Z"},
		{link, -Skew - time.Second, "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T024904Z + 15 min.)"},
	} {
		s := &Signature{at: signedAt}
		c.set(s)
		got := ""
		if err := s.Current(signedAt.Add(c.off)); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v later: %q, want %q", c.off, got, c.want)
		}
	}
}

// TestTarget: what names the operation is part of what is signed.
func TestTarget(t *testing.T) {
	t.Parallel()
	keys := aws.Credentials{AccessKeyID: suiteKey, SecretAccessKey: suiteSecret}
	for _, signed := range []bool{true, false} {
		sent, _ := http.NewRequest("POST", "http://localhost/", nil)
		if signed {
			sent.Header.Set("X-Amz-Target", "Logs_20140328.GetLogEvents")
		}
		if err := v4.NewSigner().SignHTTP(t.Context(), keys, sent, hash(""), "logs", "us-east-1", signedAt); err != nil {
			t.Fatal(err)
		}
		sent.Header.Set("X-Amz-Target", "Logs_20140328.GetLogEvents")
		r := arrived(t, sent, "")
		s, err := Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(r, nil, Derive(suiteSecret, s.Scope)); (err == nil) != signed {
			t.Errorf("signed %v: %v", signed, err)
		}
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	const credential = "Credential=k/20260102/us-east-1/lambda/aws4_request"
	for _, c := range []struct {
		authorization, date, query string
		kind                       Kind
		want                       string
	}{
		{"", "", "", Missing, "Missing Authentication Token"},
		{"", "", "X-Amz-Other=1", Missing, "Missing Authentication Token"},
		{"Basic abc", "", "", Incomplete, "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
			"Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=Basic"},
		{algorithm + " " + credential + ", Signature=a", "20260102T030405Z", "", Incomplete, "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"},
		{algorithm + " Credential=k/l, SignedHeaders=host, Signature=a", "20260102T030405Z", "", Incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'k/l'"},
		{algorithm + " Credential=k/20260102/r/s/aws5, SignedHeaders=host, Signature=a", "20260102T030405Z", "", Invalid, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."},
		{algorithm + " " + credential + ", SignedHeaders=host, Signature=a", "today", "", Incomplete, "Date must be in ISO-8601 'basic format'. Got 'today'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{algorithm + " " + credential + ", SignedHeaders=host, Signature=a", "20260103T030405Z", "", Invalid, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260102' != '20260103', from '20260103T030405Z'."},
		{algorithm + " " + credential + ", SignedHeaders=x-amz-date, Signature=a", "20260102T030405Z", "", Invalid, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{algorithm + " " + credential + ", " + credential + ", SignedHeaders=host, Signature=a", "20260102T030405Z", "", Incomplete, "Authorization header has more than one 'Credential' parameter."},
		{algorithm + " " + credential + ", SignedHeaders=a;host;a, Signature=a", "20260102T030405Z", "", Incomplete, "SignedHeaders has 'a' more than once."},
		{algorithm + " Credential=k/20260102/" + strings.Repeat("r", 129) + "/s/aws4_request, SignedHeaders=host, Signature=a", "20260102T030405Z", "", Incomplete, "Credential has an element that is too long."},
		{"", "", "X-Amz-Credential=k%2F20260102%2Fr%2Fs%2Faws4_request&X-Amz-Algorithm=AWS4-HMAC-SHA256", Incomplete, "AWS query-string parameters must include 'X-Amz-Signature'. Re-examine the query-string parameters."},
		{"", "", "X-Amz-Credential=k&X-Amz-Algorithm=A&X-Amz-Signature=s&X-Amz-SignedHeaders=host&X-Amz-Date=d", Incomplete, "Unsupported AWS 'algorithm': 'A'."},
		{"", "", "X-Amz-Credential=k&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=s&X-Amz-SignedHeaders=host&X-Amz-Date=d&X-Amz-Expires=604801", Incomplete, "X-Amz-Expires must be a number of seconds between 0 and 604800"},
	} {
		r := httptest.NewRequest("GET", "http://localhost/?"+c.query, nil)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		if c.date != "" {
			r.Header.Set("X-Amz-Date", c.date)
		}
		_, err := Read(r)
		var p *Problem
		if !errors.As(err, &p) || p.Kind != c.kind || p.Message != c.want {
			t.Errorf("%s %s: %v, want %q", c.authorization, c.query, err, c.want)
		}
	}
}

// FuzzRead: nothing that comes from outside breaks the reader, and nothing passes
// for a key that was never used.
func FuzzRead(f *testing.F) {
	f.Add("/", "", algorithm+" Credential=k/20260102/r/s/aws4_request, SignedHeaders=host, Signature=a", "20260102T030405Z", []byte("body"))
	f.Add("/a/../%2f//b", "X-Amz-Credential=k%2F20260102%2Fr%2Fs%2Faws4_request&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=s&X-Amz-SignedHeaders=host&X-Amz-Date=20260102T030405Z&X-Amz-Expires=1", "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, path, query, authorization, date string, body []byte) {
		r := httptest.NewRequest("POST", "http://localhost/", bytes.NewReader(body))
		r.RequestURI, r.URL.RawQuery = "/"+path+"?"+query, query
		r.Header["Authorization"] = []string{authorization}
		r.Header["X-Amz-Date"] = []string{date}
		s, err := Read(r)
		if err != nil {
			return
		}
		_ = s.Current(signedAt)
		if err := s.Verify(r, body, Derive("a secret that nobody has signed with", s.Scope)); err == nil {
			t.Error("verified")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	body := `{"a":1}`
	sent, _ := http.NewRequest("POST", "http://127.0.0.1:3001/2015-03-31/functions/f/invocations", strings.NewReader(body))
	_ = v4.NewSigner().SignHTTP(context.Background(), aws.Credentials{AccessKeyID: suiteKey, SecretAccessKey: suiteSecret}, sent, hash(body), "lambda", "us-east-1", signedAt)
	sent.RequestURI, sent.Host = sent.URL.RequestURI(), sent.URL.Host
	for b.Loop() {
		s, err := Read(sent)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Verify(sent, []byte(body), Derive(suiteSecret, s.Scope)); err != nil {
			b.Fatal(err)
		}
	}
}
