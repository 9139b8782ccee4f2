package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is a text with wildcards and variables.
type pattern struct {
	parts  []part
	simple string // the whole text, where it has neither
	plain  bool
}

// part is a piece of a pattern.
type part struct {
	kind partKind
	text string // literal: itself; variable: its key in lower case
	// fallback stands for a variable that is not known; without one nothing fits.
	fallback    string
	hasFallback bool
}

type partKind int

const (
	literal  partKind = iota
	any0              // "*": any text
	any1              // "?": any character
	variable          // "${key}"
)

// compile reads a pattern. Without wildcards a star is a star.
func compile(text string, wildcards, variables bool) pattern {
	special := ""
	if wildcards {
		special = "*?"
	}
	if variables {
		special += "$"
	}
	if !strings.ContainsAny(text, special) || special == "" {
		return pattern{simple: text, plain: true}
	}
	var p pattern
	for text != "" {
		i := strings.IndexAny(text, special)
		if i < 0 {
			p.parts = append(p.parts, part{kind: literal, text: text})
			break
		}
		if i > 0 {
			p.parts = append(p.parts, part{kind: literal, text: text[:i]})
			text = text[i:]
		}
		var next part
		next, text = cutPart(text)
		p.parts = append(p.parts, next)
	}
	return p
}

// cutPart takes a special part from the front of a text.
func cutPart(text string) (next part, rest string) {
	switch text[0] {
	case '*':
		return part{kind: any0}, text[1:]
	case '?':
		return part{kind: any1}, text[1:]
	}
	end := strings.IndexByte(text, '}')
	if !strings.HasPrefix(text, "${") || end < 0 {
		return part{kind: literal, text: text[:1]}, text[1:]
	}
	inner := text[2:end]
	if inner == "*" || inner == "?" || inner == "$" { // how the three are written as themselves
		return part{kind: literal, text: inner}, text[end+1:]
	}
	key, fallback, hasFallback := strings.Cut(inner, ",")
	fallback = strings.TrimSpace(fallback)
	if len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\'' {
		fallback = fallback[1 : len(fallback)-1]
	}
	return part{kind: variable, text: strings.ToLower(strings.TrimSpace(key)), fallback: fallback, hasFallback: hasFallback}, text[end+1:]
}

// fits tells whether a whole text fits.
func (p *pattern) fits(text string, context Context) bool {
	if p.plain {
		return p.simple == text
	}
	parts, ok := p.known(context)
	return ok && glob(parts, text)
}

// known puts values in the places of variables. A value is taken as it is: a star
// in a name is no wildcard.
func (p *pattern) known(context Context) ([]part, bool) {
	at := -1
	for i := range p.parts {
		if p.parts[i].kind == variable {
			at = i
			break
		}
	}
	if at < 0 {
		return p.parts, true
	}
	parts := append([]part(nil), p.parts...)
	for i := at; i < len(parts); i++ {
		if parts[i].kind != variable {
			continue
		}
		values, there := context(parts[i].text)
		switch {
		case there && len(values) == 1:
			parts[i] = part{kind: literal, text: values[0]}
		case !there && parts[i].hasFallback:
			parts[i] = part{kind: literal, text: parts[i].fallback}
		default:
			return nil, false
		}
	}
	return parts, true
}

// glob goes back to the last star only, which is enough and keeps hostile
// patterns from costing more than the product of both lengths.
func glob(parts []part, text string) bool {
	at, pos := 0, 0
	star, from := -1, 0
	for {
		switch {
		case at == len(parts) && pos == len(text):
			return true
		case at < len(parts) && parts[at].kind == any0:
			star, from = at, pos
			at++
			continue
		case at < len(parts) && parts[at].kind == any1 && pos < len(text):
			at++
			pos += character(text[pos:])
			continue
		case at < len(parts) && parts[at].kind == literal && strings.HasPrefix(text[pos:], parts[at].text):
			pos += len(parts[at].text)
			at++
			continue
		}
		if star < 0 || from >= len(text) {
			return false
		}
		from += character(text[from:])
		at, pos = star+1, from
	}
}

// character is how many bytes the first character of a text has.
func character(text string) int {
	_, size := utf8.DecodeRuneInString(text)
	return size
}

// arnFields is how many fields an ARN has; the last one may hold colons.
const arnFields = 6

// arnPattern is a pattern field by field: a star does not cross a colon, except in
// the last field.
type arnPattern struct {
	fields     [arnFields]pattern
	everything bool
}

// compileARN reads a pattern of ARNs. Fields that are missing at the end fit
// everything ("IAM JSON policy elements: Resource").
func compileARN(text string, variables bool) arnPattern {
	if text == "*" {
		return arnPattern{everything: true}
	}
	var p arnPattern
	fields := strings.SplitN(protect(text, variables), ":", arnFields)
	for i := range p.fields {
		field := "*"
		if i < len(fields) {
			field = strings.ReplaceAll(fields[i], colonInside, ":")
		}
		p.fields[i] = compile(field, true, variables)
	}
	return p
}

// colonInside stands for the colon of a variable's name while fields are parted.
const colonInside = "\x00"

func protect(text string, variables bool) string {
	if !variables || !strings.Contains(text, "${") {
		return text
	}
	var out strings.Builder
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			break
		}
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			break
		}
		out.WriteString(text[:i])
		out.WriteString(strings.ReplaceAll(text[i:i+end], ":", colonInside))
		text = text[i+end:]
	}
	out.WriteString(text)
	return out.String()
}

func splitARN(arn string) (fields [arnFields]string) {
	copy(fields[:], strings.SplitN(arn, ":", arnFields))
	return fields
}

func (p *arnPattern) fits(arn [arnFields]string, context Context) bool {
	if p.everything {
		return true
	}
	for i := range p.fields {
		if !p.fields[i].fits(arn[i], context) {
			return false
		}
	}
	return true
}

func (s *statement) action(name string) bool {
	lower := strings.ToLower(name)
	for i := range s.actions {
		if s.actions[i].fits(lower, nil) {
			return !s.notAction
		}
	}
	return s.notAction
}

func (s *statement) resource(q *query) bool {
	if !q.split {
		q.resource, q.split = splitARN(q.Resource), true
	}
	for i := range s.resources {
		if s.resources[i].fits(q.resource, q.Context) {
			return !s.notResource
		}
	}
	return s.notResource
}

// principal is one entry of a Principal element.
type principal struct{ kind, name string }

// principal tells how a statement names a caller. An account that a deny names is
// everybody in it; one that an allow names may choose whom it lets in.
func (s *statement) principal(who Principal, deny bool) grant {
	widest := nobody
	for _, p := range s.principals {
		widest = max(widest, p.names(who))
	}
	switch {
	case s.notPrincipal && deny && widest == byAccount && !who.Root():
		return byName // an account that is spared is not everybody in it
	case s.notPrincipal && widest == nobody:
		return byName
	case s.notPrincipal:
		return nobody
	case deny && widest == byAccount:
		return byName
	}
	return widest
}

func (p principal) names(who Principal) grant {
	switch {
	case p.kind == "Service":
		if who.Service != "" && p.name == who.Service {
			return byName
		}
	case p.kind != "AWS":
	case p.name == "*":
		return byName
	case who.Account != "" && (p.name == who.Account || isRootOf(p.name, who.Account)):
		return byAccount
	case p.name != "" && (p.name == who.ARN || p.name == who.Role):
		return byName
	}
	return nobody
}
