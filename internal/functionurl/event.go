package functionurl

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"lambent/internal/lambda"
)

// event is payload format 2.0. Members without a value are left out (F181).
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        requestContext    `json:"requestContext"`
	Body                  *string           `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type requestContext struct {
	AccountID    string      `json:"accountId"`
	APIID        string      `json:"apiId"`
	Authorizer   *authorizer `json:"authorizer,omitempty"`
	DomainName   string      `json:"domainName"`
	DomainPrefix string      `json:"domainPrefix"`
	HTTP         httpContext `json:"http"`
	RequestID    string      `json:"requestId"`
	RouteKey     string      `json:"routeKey"`
	Stage        string      `json:"stage"`
	Time         string      `json:"time"`
	TimeEpoch    int64       `json:"timeEpoch"`
}

type httpContext struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

type authorizer struct {
	IAM iam `json:"iam"`
}

type iam struct {
	AccessKey       string  `json:"accessKey"`
	AccountID       string  `json:"accountId"`
	CallerID        string  `json:"callerId"`
	CognitoIdentity *string `json:"cognitoIdentity"`
	PrincipalOrgID  *string `json:"principalOrgId"`
	UserARN         string  `json:"userArn"`
	UserID          string  `json:"userId"`
}

const (
	defaultRoute = "$default"
	timeLayout   = "02/Jan/2006:15:04:05 -0700"
)

// event is the request as the function gets it.
func (h *Handler) event(r *http.Request, target lambda.URLTarget, path string, who lambda.Caller, inv lambda.Invocation, body []byte) []byte {
	domain := h.Home.FunctionURLDomain(target.URL.ID)
	now := h.Now()
	account := who.Account
	if account == "" {
		account = anonymous
	}
	e := event{
		Version: "2.0", RouteKey: defaultRoute, RawPath: path, RawQueryString: r.URL.RawQuery,
		Cookies: cookies(r), Headers: headers(r, domain, inv.Trace), QueryStringParameters: parameters(r.URL.RawQuery),
		RequestContext: requestContext{
			AccountID: account, APIID: target.URL.ID, DomainName: domain, DomainPrefix: target.URL.ID,
			HTTP:      httpContext{Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: sourceIP(r), UserAgent: r.UserAgent()},
			RequestID: inv.RequestID, RouteKey: defaultRoute, Stage: defaultRoute,
			Time: now.UTC().Format(timeLayout), TimeEpoch: now.UnixMilli(),
		},
	}
	if who.Account != "" {
		e.RequestContext.Authorizer = &authorizer{iam{
			AccessKey: who.AccessKey, AccountID: who.Account, CallerID: who.UserID, UserID: who.UserID, UserARN: who.ARN,
		}}
	}
	if len(body) > 0 {
		text := string(body)
		if e.IsBase64Encoded = !isText(r.Header.Get("Content-Type"), body); e.IsBase64Encoded {
			text = base64.StdEncoding.EncodeToString(body)
		}
		e.Body = &text
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(e) // strings, numbers and maps of them always encode
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// headers are lower-case, with values of one name joined (F183). Cookies have a
// member of their own.
func headers(r *http.Request, domain, trace string) map[string]string {
	all := make(map[string]string, len(r.Header)+6)
	for name, values := range r.Header {
		if name != "Cookie" {
			all[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	all["host"] = domain
	all["x-amzn-trace-id"] = trace
	all["x-forwarded-proto"], all["x-forwarded-port"] = "http", port(r)
	if r.TLS != nil {
		all["x-forwarded-proto"] = "https"
		all["x-amzn-tls-version"] = strings.ReplaceAll(tls.VersionName(r.TLS.Version), " ", "v")
		all["x-amzn-tls-cipher-suite"] = tls.CipherSuiteName(r.TLS.CipherSuite)
	}
	if before := all["x-forwarded-for"]; before != "" {
		all["x-forwarded-for"] = before + ", " + sourceIP(r)
	} else {
		all["x-forwarded-for"] = sourceIP(r)
	}
	return all
}

// port is where the request arrived.
func port(r *http.Request) string {
	if address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(address.String()); err == nil {
			return port
		}
	}
	return "80"
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func cookies(r *http.Request) []string {
	var all []string
	for _, line := range r.Header["Cookie"] {
		for cookie := range strings.SplitSeq(line, ";") {
			if cookie = strings.TrimSpace(cookie); cookie != "" {
				all = append(all, cookie)
			}
		}
	}
	return all
}

// parameters are decoded, with values of one name joined by a comma (F184).
func parameters(query string) map[string]string {
	values, _ := url.ParseQuery(query) // what cannot be read is left out
	if len(values) == 0 {
		return nil
	}
	all := make(map[string]string, len(values))
	for name, list := range values {
		all[name] = strings.Join(list, ",")
	}
	return all
}

// isText tells which bodies reach the function as they are; all others reach it
// in base64 (F182).
func isText(contentType string, body []byte) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil || !utf8.Valid(body) {
		return false
	}
	switch media {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(media, "text/") || strings.HasSuffix(media, "+json") || strings.HasSuffix(media, "+xml")
}

// traceHeader is where a caller hands on the trace that a request belongs to.
const traceHeader = "X-Amzn-Trace-Id"

// trace takes over a caller's trace, or begins one that is not sampled.
func trace(given string, now time.Time) string {
	if strings.HasPrefix(given, "Root=1-") && len(given) <= maxTrace && printable(given) {
		return given
	}
	return lambda.BeginTrace(now)
}

// maxTrace is more than any tracing header is long; a larger one is not passed
// into an environment.
const maxTrace = 1024

func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
