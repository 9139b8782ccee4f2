// Package policy decides what IAM's policies allow ("Policy evaluation logic" and
// "IAM JSON policy elements" in AWS's IAM User Guide). It is arithmetic on values:
// who asks, for what, and which documents speak about it; nobody is asked and
// nothing is kept.
//
// The order of judgement is AWS's: an explicit deny of any document ends it. Within
// an account an allow of the caller's own policies or of the resource's policy is
// enough; between accounts both must allow. A permissions boundary and a session policy
// limit whatever the others gave.
package policy

import "strings"

// Principal is who asks. All members are empty for somebody without credentials.
type Principal struct {
	Account string // twelve digits; empty for services and for nobody
	ARN     string // of a user, of a session, or of the account's root
	Role    string // ARN of the role that a session is of
	Service string // host name of a service that asks, such as events.amazonaws.com
}

// Root tells whether the account itself asks; no identity policy limits it.
func (p Principal) Root() bool { return p.Account != "" && isRootOf(p.ARN, p.Account) }

func isRootOf(arn, account string) bool {
	return strings.HasPrefix(arn, "arn:") && strings.HasSuffix(arn, ":iam::"+account+":root")
}

// Context tells the values of a condition key, in lower case. An absent key has
// none, and is not there.
type Context func(key string) (values []string, there bool)

// Request is what is asked for.
type Request struct {
	Principal Principal
	Action    string // lambda:InvokeFunction
	Resource  string // an ARN, or "*" where an action has no resource
	Owner     string // the account that the resource belongs to
	Context   Context

	// ByResource says that only the resource's own policy can grant, as with the
	// trust policy of a role.
	ByResource bool
}

// Policies are the documents that speak about a request.
type Policies struct {
	Identity []*Document // of the caller
	Session  []*Document // that the caller's session was limited by
	Limited  bool        // whether it was; a session policy without statements allows nothing
	Resource []*Document // of the resource
	Boundary []*Document // that bound the caller's role
	Bounded  bool        // whether any do
}

// Source is the kind of the document that decided.
type Source int

// The sources of a decision.
const (
	Identity Source = iota
	Resource
	Session
	Boundary
)

func (s Source) String() string {
	return [...]string{"identity-based policy", "resource-based policy", "session policy", "permissions boundary"}[s]
}

// Decision is what came of a request.
type Decision struct {
	Allowed  bool
	Explicit bool   // a statement denies it; otherwise nothing allows it
	Source   Source // whose deny it is, or where an allow is missing
}

// Reason words a refusal as AWS ends its sentence.
func (d Decision) Reason(action string) string {
	if d.Explicit {
		article := " a "
		if d.Source == Identity {
			article = " an "
		}
		return "with an explicit deny in" + article + d.Source.String()
	}
	return "because no " + d.Source.String() + " allows the " + action + " action"
}

// Decide judges a request.
func Decide(r Request, p Policies) Decision {
	q := &query{Request: r}
	own := p.Identity
	if r.Principal.Root() {
		own = nil // the account's root is above the policies of identities
	}
	for source, documents := range [...][]*Document{Identity: own, Resource: p.Resource, Session: p.Session, Boundary: p.Boundary} {
		if q.denied(documents, Source(source) == Resource) {
			return Decision{Explicit: true, Source: Source(source)}
		}
	}
	identity := r.Principal.Root() || q.allowed(own)
	granted := q.granted(p.Resource)
	if refused, ok := q.missing(identity, granted); !ok {
		return Decision{Source: refused}
	}
	if p.Bounded && !q.allowed(p.Boundary) {
		return Decision{Source: Boundary}
	}
	if p.Limited && !q.allowed(p.Session) {
		return Decision{Source: Session}
	}
	return Decision{Allowed: true}
}

// missing tells where an allow is missing, or that none is.
func (q *query) missing(identity bool, granted grant) (Source, bool) {
	stranger := q.Principal.Account == ""
	switch {
	case stranger || q.Principal.Account != q.Owner:
		if granted == nobody {
			return Resource, false
		}
		return Identity, stranger || identity
	case q.ByResource && granted == nobody:
		return Resource, false
	case granted == byName:
		return Identity, true
	}
	return Identity, identity
}

// query is a request with what matching needs at hand.
type query struct {
	Request
	resource [arnFields]string
	split    bool
}

func (q *query) denied(documents []*Document, ofResource bool) bool {
	for _, d := range documents {
		for i := range d.statements {
			if s := &d.statements[i]; s.deny && q.fits(s) && (!ofResource || s.principal(q.Principal, true) != nobody) {
				return true
			}
		}
	}
	return false
}

func (q *query) allowed(documents []*Document) bool {
	for _, d := range documents {
		for i := range d.statements {
			if s := &d.statements[i]; !s.deny && q.fits(s) {
				return true
			}
		}
	}
	return false
}

// grant is how a resource's policy lets a caller in.
type grant int

const (
	nobody    grant = iota
	byAccount       // the caller's account is named, which passes the choice on to it
	byName          // the caller, its role or everybody is named
)

// granted is the widest way in which the resource's policy lets the caller in.
func (q *query) granted(documents []*Document) grant {
	widest := nobody
	for _, d := range documents {
		for i := range d.statements {
			if s := &d.statements[i]; !s.deny && q.fits(s) {
				widest = max(widest, s.principal(q.Principal, false))
			}
		}
	}
	return widest
}

// fits tells whether a statement speaks about the request, whoever asks.
func (q *query) fits(s *statement) bool {
	return s.action(q.Action) && s.resource(q) && s.conditions(q.Context)
}
