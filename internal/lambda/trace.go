package lambda

import (
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// BeginTrace is the trace header of an invocation whose caller has none: the
// beginning of a trace that is not sampled.
func BeginTrace(now time.Time) string {
	return "Root=1-" + hex8(now) + "-" + RandomHex(12) + ";Parent=" + RandomHex(8) + ";Sampled=0"
}

func hex8(t time.Time) string {
	s := uint32(t.Unix())
	return hex.EncodeToString([]byte{byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)})
}

// RandomHex names part of a trace, in as many bytes, up to 16.
func RandomHex(bytes int) string {
	var b [16]byte
	for i := range bytes {
		b[i] = byte(rand.Uint32())
	}
	return hex.EncodeToString(b[:bytes])
}
