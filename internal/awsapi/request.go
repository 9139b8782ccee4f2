package awsapi

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
)

// request is what a handler may ask of the request besides its input.
type request struct{ input *node }

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	if r == nil {
		return &request{}
	}
	return r
}

// KeyOrder lists the keys of a map of the input as the caller wrote them, which
// Go's map has forgotten: KeyOrder(ctx, "Environment", "Variables").
func KeyOrder(ctx context.Context, path ...string) []string {
	n := requestOf(ctx).input
	for _, name := range path {
		n = n.child(name)
	}
	if n == nil {
		return nil
	}
	keys := make([]string, len(n.members))
	for i, m := range n.members {
		keys[i] = m.name
	}
	return keys
}

// Stamp gives an answer its request id, a lower-case UUID (F001), and returns it.
func Stamp(w http.ResponseWriter) string {
	id := NewRequestID()
	w.Header()["X-Amzn-Requestid"] = []string{id}
	return id
}

// NewRequestID makes a random lower-case UUID. It names a request and guards
// nothing, so it needs no cryptographic source.
func NewRequestID() string {
	var b [16]byte
	putUint64(b[:8], rand.Uint64())
	putUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	var text [36]byte
	hex.Encode(text[0:], b[0:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

func putUint64(b []byte, v uint64) {
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
}
