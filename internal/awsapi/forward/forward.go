// Package forward hands requests for services that are not here to another
// endpoint, such as a real AWS or a mock of it, or says which service was asked for
// and what the operator can do.
package forward

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"lambent/internal/awsapi"
)

// via is what a forwarded request carries, so that one that comes back is not sent
// round for ever.
const via = "1.1 lambent"

// Forwarder sends requests to an upstream, or refuses them when there is none. The
// zero Forwarder refuses.
type Forwarder struct {
	proxy *httputil.ReverseProxy
}

// New makes a Forwarder. An empty upstream is none.
func New(upstream string, log *slog.Logger) (*Forwarder, error) {
	if upstream == "" {
		return &Forwarder{}, nil
	}
	to, err := url.Parse(upstream)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" || to.RawQuery != "" || to.Fragment != "" || to.User != nil {
		return nil, errors.New("not a URL such as http://127.0.0.1:5000, without a user or a query") // which may hold a password
	}
	return &Forwarder{&httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { rewrite(r, to) },
		Transport:     transport(),
		FlushInterval: -1, // as it comes: event streams, and answers that take their time
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return // the caller has gone
			}
			log.Warn("forwarding failed", "upstream", upstream, "error", err)
			refuse(w, r, http.StatusBadGateway, "ServiceUnavailable",
				"The endpoint of --upstream, "+upstream+", does not answer for the service "+serviceOf(r.Context())+".")
		},
	}}, nil
}

// transport changes nothing of what it carries.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true, // the signature covers Accept-Encoding, and the caller unpacks
	}
}

// rewrite changes where a request goes and nothing that its signature covers: the
// Host stays, and path and query stay as they were written.
func rewrite(r *httputil.ProxyRequest, to *url.URL) {
	base := strings.TrimSuffix(to.EscapedPath(), "/")
	r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
	r.Out.URL.Path, r.Out.URL.RawPath = strings.TrimSuffix(to.Path, "/")+r.In.URL.Path, base+r.In.URL.EscapedPath()
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	r.Out.Host = r.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, there := r.In.Header[name]; there {
			r.Out.Header[name] = values
		}
	}
	r.Out.Header.Add("Via", via)
}

type serviceKey struct{}

func serviceOf(ctx context.Context) string {
	name, _ := ctx.Value(serviceKey{}).(string)
	return name
}

// To is who answers requests for a service that is not here.
func (f *Forwarder) To(service string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), serviceKey{}, service))
		switch {
		case f.proxy == nil:
			refuse(w, r, http.StatusNotImplemented, "NotImplementedException", "The service "+service+
				" is not available in Lambent. With lambent serve --upstream URL its requests are forwarded to another endpoint.")
		case strings.Contains(strings.Join(r.Header.Values("Via"), ","), via):
			refuse(w, r, http.StatusLoopDetected, "NotImplementedException", "The request for the service "+service+
				" came back from the endpoint of --upstream: it must not be this server.")
		default:
			f.proxy.ServeHTTP(w, r)
		}
	})
}

// refuse answers in the language of the service, as far as the request tells it.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	id := awsapi.Stamp(w)
	typ, body := inLanguage(r, code, message, id)
	w.Header().Set("Content-Type", typ)
	w.Header().Set("X-Amzn-Errortype", code)
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may be gone
}
