package access

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/sigv4"
)

// What AWS tells those whose credentials it does not take.
const (
	unknownText = "The security token included in the request is invalid."
	expiredText = "The security token included in the request is expired"
)

// Admit verifies who sent a request. The body is asked for only once the key is
// known, so that strangers cannot make the server read much. Refusals are
// *lambda.Error.
func (a *Access) Admit(r *http.Request, body func() ([]byte, error)) (lambda.Caller, error) {
	return a.admit(r, a.scoped, body)
}

// AdmitTo is Admit for those who signed for this service and this region. A signature
// for another service was not made for it, and may not cover the body.
func (a *Access) AdmitTo(service string, r *http.Request, body func() ([]byte, error)) (lambda.Caller, error) {
	return a.admit(r, func(s sigv4.Scope) error { return a.scopedTo(service, s) }, body)
}

func (a *Access) admit(r *http.Request, scoped func(sigv4.Scope) error, body func() ([]byte, error)) (lambda.Caller, error) {
	s, err := sigv4.Read(r)
	if err != nil {
		return lambda.Caller{}, refusal(err)
	}
	if err := scoped(s.Scope); err != nil {
		return lambda.Caller{}, err
	}
	if err := s.Current(a.Now()); err != nil {
		return lambda.Caller{}, refusal(err)
	}
	who, secret, err := a.claimed(s)
	if err != nil {
		return lambda.Caller{}, err
	}
	var text []byte
	if s.NeedsBody(r) {
		if text, err = body(); err != nil {
			return lambda.Caller{}, err
		}
	}
	if err := a.verify(s, r, text, secret); err != nil {
		return lambda.Caller{}, refusal(err)
	}
	return a.from(who, r), nil
}

// verify remembers the key that it derived once something was signed with it: who only
// claims somebody's id must not fill the memory with scopes, nor with the headers that
// they are parts of.
func (a *Access) verify(s *sigv4.Signature, r *http.Request, body []byte, secret string) error {
	verified := false
	signing, err := a.derived.get(derivedFor{secret, s.Scope}, func() (sigv4.Key, error) {
		verified = true
		signing := sigv4.Derive(secret, s.Scope)
		return signing, s.Verify(r, body, signing)
	})
	if verified || err != nil {
		return err
	}
	return s.Verify(r, body, signing)
}

// scoped refuses signatures for another region. Services that AWS has once for the
// world are signed for any.
func (a *Access) scoped(s sigv4.Scope) error {
	if s.Service == "lambda" && s.Region != a.Home.Region {
		return lambda.Errorf(lambda.InvalidSignature, "Credential should be scoped to a valid region, not '%s'.", s.Region)
	}
	return nil
}

// scopedTo words all that is wrong with a scope, each sentence with a space after it.
func (a *Access) scopedTo(service string, s sigv4.Scope) error {
	problems := ""
	if s.Region != a.Home.Region {
		problems = "Credential should be scoped to a valid region, not '" + s.Region + "'. "
	}
	if s.Service != service {
		problems += "Credential should be scoped to correct service: '" + service + "'. "
	}
	if problems != "" {
		return lambda.Errorf(lambda.InvalidSignature, "%s", problems)
	}
	return nil
}

// claimed is who a request says that it is from, with the secret that proves it.
func (a *Access) claimed(s *sigv4.Signature) (lambda.Caller, string, error) {
	unknown := lambda.Errorf(lambda.UnknownKey, unknownText)
	if s.Token == "" {
		k, ok := a.key(s.AccessKey)
		if !ok {
			return lambda.Caller{}, "", unknown
		}
		return a.caller(k), k.secret, nil
	}
	session, err := a.open(s.Token)
	if err != nil || session.ID != s.AccessKey {
		return lambda.Caller{}, "", unknown
	}
	if a.Now().After(session.Expires) {
		return lambda.Caller{}, "", lambda.Errorf(lambda.ExpiredToken, expiredText)
	}
	c, ok := a.sessionCaller(session)
	if !ok {
		return lambda.Caller{}, "", unknown
	}
	return c, session.Secret, nil
}

// Believe is who a request says that it is from, unproved. Somebody without a key
// that is known here counts as the root.
func (a *Access) Believe(r *http.Request) lambda.Caller {
	id, token := keyOf(r)
	who := a.root()
	if k, ok := a.key(id); ok && token == "" {
		who = a.caller(k)
	} else if token != "" {
		if s, err := a.open(token); err == nil && s.ID == id {
			if c, ok := a.sessionCaller(s); ok {
				who = c
			}
		}
	}
	if who.AccessKey == "" {
		who.AccessKey = id
	}
	return a.from(who, r)
}

// keyOf reads a credential without judging it.
func keyOf(r *http.Request) (id, token string) {
	_, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	token = r.Header.Get("X-Amz-Security-Token")
	if !ok {
		query, _ := url.ParseQuery(r.URL.RawQuery) // what can't be read is not there
		scope = query.Get("X-Amz-Credential")
		if t := query.Get("X-Amz-Security-Token"); t != "" {
			token = t
		}
	}
	id, _, _ = strings.Cut(scope, "/")
	return id, token
}

// from adds where a request came from.
func (a *Access) from(c lambda.Caller, r *http.Request) lambda.Caller {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	c.SourceIP, c.UserAgent, c.Referer, c.Secure = host, r.UserAgent(), r.Referer(), r.TLS != nil
	return c
}

// Nobody is a caller without credentials.
func (a *Access) Nobody(r *http.Request) lambda.Caller { return a.from(lambda.Caller{}, r) }

// refusal words a problem of a signature.
func refusal(err error) error {
	var p *sigv4.Problem
	if !errors.As(err, &p) {
		return err
	}
	kind := lambda.InvalidSignature
	switch p.Kind {
	case sigv4.Missing:
		kind = lambda.NotSigned
	case sigv4.Incomplete:
		kind = lambda.IncompleteSignature
	case sigv4.Invalid:
	}
	return &lambda.Error{Kind: kind, Message: p.Message}
}
