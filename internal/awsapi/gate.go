package awsapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"lambent/internal/lambda"
)

// Gate knows callers and what they may do. Its refusals are *lambda.Error.
type Gate interface {
	// Enforced tells whether anybody is ever refused.
	Enforced() bool
	// Admit verifies who sent a request. It reads the body only when it must.
	Admit(r *http.Request, body func() ([]byte, error)) (lambda.Caller, error)
	// Believe is who a request says that it is from.
	Believe(r *http.Request) lambda.Caller
	// Authorize refuses what the caller may not do.
	Authorize(ctx context.Context, who lambda.Caller, act lambda.Act) error
}

type callerKey struct{}

// WithCaller makes a context of a request whose caller is known.
func WithCaller(ctx context.Context, who lambda.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// CallerOf is who sent the request that a handler serves; false where nobody asked.
func CallerOf(ctx context.Context) (who lambda.Caller, known bool) {
	who, known = ctx.Value(callerKey{}).(lambda.Caller)
	return who, known
}

// maxSigned is the largest body of a request that is verified: no operation takes
// a larger one.
const maxSigned = lambda.MaxCreateRequest

// held is a body that was read to verify it, for whoever reads it next.
type held struct {
	*bytes.Reader
	text []byte
}

// Close has nothing to do.
func (h *held) Close() error { return nil }

// Admit verifies who sent a request, and gives the request with its caller. Where
// nobody is refused the caller is believed.
func Admit(gate Gate, w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if !gate.Enforced() {
		return r.WithContext(WithCaller(r.Context(), gate.Believe(r))), nil
	}
	return Prove(gate, w, r)
}

// Prove is Admit where everybody is verified, whether anybody is refused or not.
func Prove(gate Gate, w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	whole := r
	who, err := gate.Admit(r, func() (text []byte, err error) {
		if whole, err = hold(w, r); err != nil {
			return nil, err
		}
		return heldText(whole.Body), nil
	})
	if err != nil {
		return nil, err
	}
	return whole.WithContext(WithCaller(r.Context(), who)), nil
}

// hold gives a request whose body has been read, unless it was before.
func hold(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if _, ok := r.Body.(*held); ok {
		return r, nil
	}
	text, err := ReadBody(w, r, maxSigned)
	var large *TooLarge
	if errors.As(err, &large) {
		return nil, lambda.Errorf(lambda.EntityTooLarge, "Request must be smaller than %d bytes", maxSigned)
	}
	if err != nil {
		return nil, err
	}
	whole := r.WithContext(r.Context()) // a copy
	whole.Body = &held{bytes.NewReader(text), text}
	return whole, nil
}

// heldText is the body of a request that was verified.
func heldText(body io.Reader) []byte {
	if h, ok := body.(*held); ok {
		return h.text
	}
	return nil
}

// Input is what a request says of an operation's input, before it is judged.
type Input struct{ n *node }

// Text is a text, a number or a boolean at a path; empty where there is none.
func (i Input) Text(path ...string) string {
	n := i.at(path)
	if n == nil {
		return ""
	}
	switch n.kind {
	case isString, isWire, isNumber, isBool:
		return string(n.text)
	case isNull, isArray, isObject, isRaw:
	}
	return ""
}

// Texts are those of a list.
func (i Input) Texts(path ...string) []string {
	n := i.at(path)
	if n == nil {
		return nil
	}
	var all []string
	for _, item := range n.items {
		all = append(all, Input{item}.Text())
	}
	return all
}

// Names are those of an object's members.
func (i Input) Names(path ...string) []string {
	n := i.at(path)
	if n == nil {
		return nil
	}
	var all []string
	for _, m := range n.members {
		all = append(all, m.name)
	}
	return all
}

func (i Input) at(path []string) *node {
	n := i.n
	for _, name := range path {
		n = n.child(name)
	}
	return n
}
