package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Kind is what a document is attached to; it decides which elements it may have.
type Kind int

// The kinds of documents.
const (
	OfIdentity Kind = iota // Resource, no Principal
	OfResource             // Principal and Resource
	OfTrust                // Principal, no Resource: who may assume a role
)

// Document is a policy that has been read. It does not change.
type Document struct{ statements []statement }

type statement struct {
	deny         bool
	principals   []principal
	notPrincipal bool
	actions      []pattern
	notAction    bool
	resources    []arnPattern
	notResource  bool
	condition    []condition
}

// ParseError is a document that is none, in AWS's words: MalformedPolicyDocument.
type ParseError struct{ Message string }

func (e *ParseError) Error() string { return e.Message }

func malformed(format string, args ...any) error {
	return &ParseError{fmt.Sprintf(format, args...)}
}

// syntax is what AWS says of everything that is no policy at all.
const syntax = "Syntax errors in policy."

const (
	newest = "2012-10-17" // has variables
	oldest = "2008-10-17"
)

// Parse reads a document.
func Parse(text string, kind Kind) (*Document, error) {
	top, err := object([]byte(text), "Version", "Id", "Statement")
	if err != nil {
		return nil, err
	}
	version := oldest
	if raw, ok := top["Version"]; ok {
		if json.Unmarshal(raw, &version) != nil || version != newest && version != oldest {
			return nil, malformed("The policy must contain a valid version string")
		}
	}
	raw, ok := top["Statement"]
	if !ok {
		return nil, malformed(syntax)
	}
	parts := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &parts); err != nil {
			return nil, malformed(syntax)
		}
	}
	d := &Document{}
	r := reader{kind: kind, variables: version == newest}
	ids := map[string]bool{}
	for _, part := range parts {
		s, id, err := r.statement(part)
		if err != nil {
			return nil, err
		}
		if id != "" && ids[id] {
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		ids[id] = true
		d.statements = append(d.statements, s)
	}
	return d, nil
}

// object reads a JSON object that has no other members than these, each once. The
// decoder's own maps would keep the last of two members and hide the first, which
// may be the deny that somebody relies on.
func object(text []byte, known ...string) (map[string]json.RawMessage, error) {
	members, err := anyObject(text)
	if err != nil {
		return nil, err
	}
	for name := range members {
		if len(known) > 0 && !slices.Contains(known, name) {
			return nil, malformed(syntax)
		}
	}
	return members, nil
}

func anyObject(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, malformed(syntax)
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, malformed(syntax)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed(syntax)
		}
		if _, twice := members[name.(string)]; twice { // a name is always a string
			return nil, malformed(syntax)
		}
		members[name.(string)] = bytes.TrimSpace(value)
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed(syntax)
	}
	if d.InputOffset() < int64(len(bytes.TrimRight(text, " \t\r\n"))) {
		return nil, malformed(syntax)
	}
	return members, nil
}

// list reads one text or a list of them. Numbers and booleans are texts here, as
// AWS takes them in conditions.
func list(raw json.RawMessage) ([]string, error) {
	parts := []json.RawMessage{raw}
	if raw[0] == '[' {
		if err := json.Unmarshal(raw, &parts); err != nil {
			return nil, malformed(syntax)
		}
	}
	all := make([]string, len(parts))
	for i, part := range parts {
		switch part = bytes.TrimSpace(part); part[0] {
		case '"':
			if err := json.Unmarshal(part, &all[i]); err != nil {
				return nil, malformed(syntax)
			}
		case '{', '[', 'n':
			return nil, malformed(syntax)
		default:
			all[i] = string(part)
		}
	}
	return all, nil
}

// reader reads the statements of one document.
type reader struct {
	kind      Kind
	variables bool
}

var elements = []string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}

func (r reader) statement(text []byte) (s statement, id string, err error) {
	members, err := object(text, elements...)
	if err != nil {
		return s, "", err
	}
	if raw, ok := members["Sid"]; ok && json.Unmarshal(raw, &id) != nil {
		return s, "", malformed(syntax)
	}
	raw, ok := members["Effect"]
	if !ok {
		return s, "", malformed("Missing required field Effect")
	}
	var effect string
	if json.Unmarshal(raw, &effect) != nil || effect != "Allow" && effect != "Deny" {
		return s, "", malformed("Invalid effect: %s", effect)
	}
	s.deny = effect == "Deny"
	for _, read := range []func(map[string]json.RawMessage, *statement) error{r.readActions, r.readPrincipals, r.readResources, r.readConditions} {
		if err := read(members, &s); err != nil {
			return s, "", err
		}
	}
	return s, id, nil
}

// either reads an element or its negation; not both.
func either(members map[string]json.RawMessage, name string) (values json.RawMessage, negated bool, err error) {
	plain, not := members[name], members["Not"+name]
	if plain != nil && not != nil {
		return nil, false, malformed(syntax)
	}
	if not != nil {
		return not, true, nil
	}
	return plain, false, nil
}

func (r reader) readActions(members map[string]json.RawMessage, s *statement) error {
	raw, negated, err := either(members, "Action")
	if err != nil {
		return err
	}
	if raw == nil {
		if r.kind == OfIdentity {
			return malformed("Policy statement must contain actions.")
		}
		return malformed("Missing required field Action")
	}
	names, err := list(raw)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return malformed("Policy statement must contain actions.")
	}
	s.notAction = negated
	for _, name := range names {
		vendor, _, ok := strings.Cut(name, ":")
		if name != "*" && (!ok || vendor == "") {
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
		s.actions = append(s.actions, compile(strings.ToLower(name), true, false))
	}
	return nil
}

func (r reader) readResources(members map[string]json.RawMessage, s *statement) error {
	raw, negated, err := either(members, "Resource")
	if err != nil {
		return err
	}
	switch {
	case r.kind == OfTrust && raw != nil:
		return malformed("Has prohibited field Resource")
	case r.kind == OfTrust:
		s.resources = []arnPattern{{everything: true}}
		return nil
	case raw == nil:
		return malformed("Policy statement must contain resources.")
	}
	names, err := list(raw)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return malformed("Policy statement must contain resources.")
	}
	s.notResource = negated
	for _, name := range names {
		if name != "*" && !strings.HasPrefix(name, "arn:") && !strings.HasPrefix(name, "*") {
			return malformed(`Resource %s must be in ARN format or "*".`, name)
		}
		s.resources = append(s.resources, compileARN(name, r.variables))
	}
	return nil
}

func (r reader) readPrincipals(members map[string]json.RawMessage, s *statement) error {
	raw, negated, err := either(members, "Principal")
	switch {
	case err != nil:
		return err
	case r.kind == OfIdentity && raw != nil:
		return malformed("Policy document should not specify a principal.")
	case r.kind == OfIdentity:
		return nil
	case raw == nil:
		return malformed("Missing required field Principal")
	}
	s.notPrincipal = negated
	if raw[0] == '"' {
		var name string
		if json.Unmarshal(raw, &name) != nil || name != "*" {
			return malformed("Invalid principal in policy")
		}
		s.principals = []principal{{kind: "AWS", name: "*"}}
		return nil
	}
	kinds, err := object(raw, "AWS", "Service", "Federated", "CanonicalUser")
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(keys(kinds)) {
		names, err := list(kinds[kind])
		if err != nil {
			return err
		}
		for _, name := range names {
			s.principals = append(s.principals, principal{kind, name})
		}
	}
	if len(s.principals) == 0 {
		return malformed("Invalid principal in policy")
	}
	return nil
}

func keys(m map[string]json.RawMessage) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
