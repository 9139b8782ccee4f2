package functionurl

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lambent/internal/lambda"
)

// share sets the CORS headers that the URL's configuration gives a request, and
// tells whether that is the whole answer: to a preflight it is. Without a
// configuration CORS is the function's own matter.
func share(h http.Header, r *http.Request, c *lambda.CORS) (preflight bool) {
	if c == nil {
		return false
	}
	origin := r.Header.Get("Origin")
	preflight = r.Method == http.MethodOptions && origin != "" && r.Header.Get("Access-Control-Request-Method") != ""
	if origin == "" || !allowed(c.AllowOrigins, origin) {
		return preflight
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if c.AllowCredentials != nil && *c.AllowCredentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	list(h, "Access-Control-Expose-Headers", c.ExposeHeaders)
	if preflight {
		list(h, "Access-Control-Allow-Methods", c.AllowMethods)
		list(h, "Access-Control-Allow-Headers", c.AllowHeaders)
		if c.MaxAgeSeconds != nil {
			h.Set("Access-Control-Max-Age", strconv.Itoa(*c.MaxAgeSeconds))
		}
	}
	return preflight
}

// allowed matches origins, which may begin with a wildcard for subdomains.
func allowed(origins []string, origin string) bool {
	return slices.ContainsFunc(origins, func(pattern string) bool {
		before, after, wild := strings.Cut(pattern, "*")
		if !wild {
			return strings.EqualFold(pattern, origin)
		}
		return len(origin) >= len(before)+len(after) && strings.HasPrefix(origin, before) && strings.HasSuffix(origin, after)
	})
}

func list(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h.Set(name, strings.Join(values, ","))
	}
}
