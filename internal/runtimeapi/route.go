package runtimeapi

import (
	"bytes"
	"net/http"
)

const (
	invocations   = "/2018-06-01/runtime/invocation/"
	responseRoute = "/response"
	errorRoute    = "/error"
)

// dispatch finds who answers the request. Paths that AWS has only for other
// kinds of environments (restoring, credentials, metadata) are not found, as
// there.
func (c *conn) dispatch() fate {
	switch string(c.req.path) {
	case "/2018-06-01/runtime/invocation/next":
		c.srv.noteRelease(&c.req)
		return c.on(http.MethodGet, (*conn).nextInvocation)
	case "/2018-06-01/runtime/init/error":
		c.srv.noteRelease(&c.req)
		return c.on(http.MethodPost, (*conn).initError)
	case "/2018-06-01/ping":
		c.srv.noteRelease(&c.req)
		return c.on(http.MethodGet, (*conn).ping)
	case "/2020-01-01/extension/event/next":
		return c.on(http.MethodGet, (*conn).nextEvent)
	case "/2020-01-01/extension/register":
		return c.on(http.MethodPost, (*conn).register)
	case "/2020-01-01/extension/init/error":
		return c.on(http.MethodPost, (*conn).extensionInitError)
	case "/2020-01-01/extension/exit/error":
		return c.on(http.MethodPost, (*conn).extensionExitError)
	case "/2022-07-01/telemetry":
		return c.on(http.MethodPut, (*conn).subscribeTelemetry)
	case "/2020-08-15/logs":
		return c.on(http.MethodPut, (*conn).subscribeLogs)
	}
	if rest, ok := bytes.CutPrefix(c.req.path, []byte(invocations)); ok {
		return c.dispatchAnswer(rest)
	}
	return c.notFound()
}

// dispatchAnswer routes {id}/response and {id}/error.
func (c *conn) dispatchAnswer(rest []byte) fate {
	id, response := bytes.CutSuffix(rest, []byte(responseRoute))
	if !response {
		var failure bool
		if id, failure = bytes.CutSuffix(rest, []byte(errorRoute)); !failure {
			return c.notFound()
		}
	}
	if bytes.IndexByte(id, '/') >= 0 {
		return c.notFound()
	}
	c.srv.noteRelease(&c.req)
	if string(c.req.method) != http.MethodPost {
		return c.notAllowed(http.MethodPost)
	}
	if response {
		return c.response(id)
	}
	return c.failure(id)
}

func (c *conn) on(method string, serve func(*conn) fate) fate {
	if string(c.req.method) != method {
		return c.notAllowed(method)
	}
	return serve(c)
}

func (c *conn) ping() fate { return c.reply(http.StatusOK, plainType, []byte("pong")) }
