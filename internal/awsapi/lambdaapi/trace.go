package lambdaapi

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"time"
)

// traceHeader is where a caller hands on the trace that a request belongs to.
const traceHeader = "X-Amzn-Trace-Id"

// trace takes over a caller's trace, completed where it lacks a parent or a
// decision, or begins one that is not sampled.
func trace(given string, now time.Time) string {
	if !strings.Contains(given, "Root=1-") || len(given) > maxTrace || !printable(given) {
		return "Root=1-" + hex8(now) + "-" + randomHex(12) + ";Parent=" + randomHex(8) + ";Sampled=0"
	}
	given = strings.TrimSuffix(given, ";")
	if !strings.Contains(given, "Parent=") {
		given += ";Parent=" + randomHex(8)
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

func hex8(t time.Time) string {
	s := uint32(t.Unix())
	return hex.EncodeToString([]byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)})
}

func randomHex(bytes int) string {
	var b [16]byte
	for i := range bytes {
		b[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(b[:bytes])
}
