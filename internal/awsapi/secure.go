package awsapi

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// net/http tells its handlers of TLS where it is given TLS connections. Here it is
// given what is left of them (readBefore), and a plain invocation never meets it.

// secured is how a connection is secured, nil for one that is not. The handshake is
// over: something has been read.
func secured(c net.Conn) *tls.ConnectionState {
	over, ok := c.(*tls.Conn)
	if !ok {
		return nil
	}
	state := over.ConnectionState()
	return &state
}

type securedKey struct{}

// noteSecured remembers it for the requests of a connection that net/http serves.
func noteSecured(ctx context.Context, c net.Conn) context.Context {
	if before, ok := c.(*readBefore); ok {
		if state := secured(before.Conn); state != nil {
			return context.WithValue(ctx, securedKey{}, state)
		}
	}
	return ctx
}

// tellSecured gives requests what was remembered.
func tellSecured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(securedKey{}).(*tls.ConnectionState); ok {
			r.TLS = state
		}
		next.ServeHTTP(w, r)
	})
}
