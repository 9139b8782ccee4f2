package lambdaapi

import (
	"strings"
	"time"

	"lambent/internal/lambda"
)

// traceHeader is where a caller hands on the trace that a request belongs to.
const traceHeader = "X-Amzn-Trace-Id"

// trace takes over a caller's trace, completed where it lacks a parent or a
// decision, or begins one that is not sampled.
func trace(given string, now time.Time) string {
	if !strings.Contains(given, "Root=1-") || len(given) > maxTrace || !printable(given) {
		return lambda.BeginTrace(now)
	}
	given = strings.TrimSuffix(given, ";")
	if !strings.Contains(given, "Parent=") {
		given += ";Parent=" + lambda.RandomHex(8)
	}
	if !strings.Contains(given, "Sampled=") {
		given += ";Sampled=0"
	}
	return given
}

// maxTrace is more than any tracing header is long; a larger one is not passed
// into an environment.
const maxTrace = 1024

func printable(s string) bool {
	return only(s, func(c byte) bool { return c >= ' ' && c <= '~' })
}
