package awsapi

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"lambent/internal/lambda"
)

// Where nobody is refused, the address alone keeps strangers out, and a browser on
// this host is inside: any page that it shows could make a function here with a
// plain form, or with a name of its own that its owner lets point at this address.
// Clients of AWS send neither what gives a browser away nor such a name.

// WithoutBrowsers refuses what a page in a browser sends, and what is sent to a name
// that anybody could have pointed here. Hosts are names of the server besides those
// that only this host, its networks, or AWS can have given.
func WithoutBrowsers(next http.Handler, hosts ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case fromPage(r.Header):
			refuse(w, r, lambda.Errorf(lambda.AccessDenied, "Requests of web pages are refused where callers are not verified; see --auth."))
		case !trustedName(r.Host, hosts):
			refuse(w, r, lambda.Errorf(lambda.AccessDenied,
				"The host %q is not a name of this server, and callers are not verified: name it with --public-endpoint, or see --auth.", r.Host))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// fromPage tells a request that a page makes. What somebody types into the address
// bar, or opens from a bookmark, is of no page.
func fromPage(h http.Header) bool {
	if len(h["Origin"]) > 0 {
		return true
	}
	site := h.Get("Sec-Fetch-Site")
	return site != "" && site != "none"
}

// trustedName tells a name, or an address, that nobody in the internet can point at
// this server: one without dots, of a reserved domain, or of AWS.
func trustedName(host string, own []string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if !strings.Contains(host, ".") || slices.Contains(own, host) {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	for _, domain := range [...]string{
		".localhost", ".local", ".internal", ".test", ".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".localhost.localstack.cloud",
	} {
		if strings.HasSuffix("."+host, domain) {
			return true
		}
	}
	return false
}
