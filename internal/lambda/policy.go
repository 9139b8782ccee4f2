package lambda

import (
	"bytes"
	"encoding/json"
)

// MaxPolicy is how many bytes the policy of a function, a version, an alias or
// a layer version may have as JSON.
const MaxPolicy = 20480

// Permission is what a caller grants to others. Empty members limit nothing.
type Permission struct {
	StatementID string
	Action      string
	Principal   string // "*", an account, an ARN or a service's host name

	SourceARN        string
	SourceAccount    string
	EventSourceToken string
	OrganizationID   string
	URLAuthType      string
	ViaURL           *bool

	RevisionID string // empty: no precondition
}

// Policy says who may use something, besides its owner.
type Policy struct {
	Statements []Statement // in the order in which they were added (F140)
	RevisionID string
}

// Statement is one permission as a policy holds it.
type Statement struct {
	ID            string
	PrincipalType string // "AWS", "Service", or empty for everybody
	Principal     string
	Action        string
	Resource      string
	Conditions    []Condition // of one operator side by side
}

// Condition is one condition of a statement, such as ArnLike, AWS:SourceArn and
// an ARN.
type Condition struct{ Operator, Key, Value string }

// Find tells where the statement of an id stands, or -1.
func (p Policy) Find(id string) int {
	for i, s := range p.Statements {
		if s.ID == id {
			return i
		}
	}
	return -1
}

// JSON is the policy as AWS writes it: no blanks, and members in one order (F140).
func (p Policy) JSON() string {
	var out bytes.Buffer
	out.WriteString(`{"Version":"2012-10-17","Id":"default","Statement":[`)
	for i, s := range p.Statements {
		if i > 0 {
			out.WriteByte(',')
		}
		s.write(&out)
	}
	out.WriteString("]}")
	return out.String()
}

// JSON is the statement as AWS writes it (F131, F137).
func (s Statement) JSON() string {
	var out bytes.Buffer
	s.write(&out)
	return out.String()
}

func (s Statement) write(out *bytes.Buffer) {
	out.WriteString(`{"Sid":`)
	quote(out, s.ID)
	out.WriteString(`,"Effect":"Allow","Principal":`)
	if s.PrincipalType == "" {
		quote(out, s.Principal)
	} else {
		out.WriteByte('{')
		quote(out, s.PrincipalType)
		out.WriteByte(':')
		quote(out, s.Principal)
		out.WriteByte('}')
	}
	out.WriteString(`,"Action":`)
	quote(out, s.Action)
	out.WriteString(`,"Resource":`)
	quote(out, s.Resource)
	if len(s.Conditions) > 0 {
		s.writeConditions(out)
	}
	out.WriteByte('}')
}

func (s Statement) writeConditions(out *bytes.Buffer) {
	out.WriteString(`,"Condition":{`)
	for i, c := range s.Conditions {
		if i > 0 && c.Operator == s.Conditions[i-1].Operator {
			out.WriteByte(',')
		} else {
			if i > 0 {
				out.WriteString("},")
			}
			quote(out, c.Operator)
			out.WriteString(":{")
		}
		quote(out, c.Key)
		out.WriteByte(':')
		quote(out, c.Value)
	}
	out.WriteString("}}")
}

// quote writes a JSON string without the escapes that only HTML needs.
func quote(out *bytes.Buffer, s string) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(s)       // a string always encodes
	out.Truncate(out.Len() - 1) // the encoder ends with a line feed
}
