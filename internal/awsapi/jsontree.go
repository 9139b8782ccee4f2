package awsapi

import (
	"encoding/json"
	"unicode/utf8"
)

// node is one value of a request, before it has a type: from the body's JSON,
// or from a label, header or query parameter. Objects keep their order, which
// AWS repeats in some errors (F059).
type node struct {
	kind    nodeKind
	text    []byte // string (unescaped), number, or blob as it came
	items   []*node
	members []namedNode
}

type namedNode struct {
	name string
	node *node
}

type nodeKind int

const (
	isNull nodeKind = iota
	isBool
	isNumber
	isString
	isArray
	isObject
	isWire // text of a label, header or parameter: its shape says what it is
	isRaw  // a body that is the payload itself
)

// child finds a member of an object; the last one wins, as in every JSON reader.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for i := len(n.members) - 1; i >= 0; i-- {
		if n.members[i].name == name {
			return n.members[i].node
		}
	}
	return nil
}

// set gives an object's member a value, and keeps the place of the first of
// two members with one name.
func (n *node) set(name string, value *node) {
	for i := range n.members {
		if n.members[i].name == name {
			n.members[i].node = value
			return
		}
	}
	n.members = append(n.members, namedNode{name, value})
}

// absent tells whether a value is missing: not there, or null.
func (n *node) absent() bool { return n == nil || n.kind == isNull }

// parseJSON reads a JSON text into nodes. Texts without escapes stay slices of
// the text, so that a package of 50 MB is not copied.
func parseJSON(text []byte) (*node, error) {
	if err := CheckJSON(text); err != nil {
		return nil, err
	}
	p := treeReader{text: text}
	return p.value(), nil
}

// treeReader walks a text that CheckJSON has approved; it need not look twice.
type treeReader struct {
	text []byte
	at   int
}

func (p *treeReader) next() byte {
	for {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			p.at++
		default:
			return p.text[p.at]
		}
	}
}

func (p *treeReader) value() *node {
	switch p.next() {
	case '"':
		return &node{kind: isString, text: p.str()}
	case '{':
		return p.object()
	case '[':
		return p.array()
	case 't':
		p.at += len("true")
		return &node{kind: isBool, text: []byte("true")}
	case 'f':
		p.at += len("false")
		return &node{kind: isBool, text: []byte("false")}
	case 'n':
		p.at += len("null")
		return &node{kind: isNull}
	}
	start := p.at
	for p.at < len(p.text) && numeral(p.text[p.at]) {
		p.at++
	}
	return &node{kind: isNumber, text: p.text[start:p.at]}
}

func numeral(c byte) bool {
	return digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func (p *treeReader) object() *node {
	n := &node{kind: isObject}
	for p.at++; p.next() != '}'; {
		name := string(p.str())
		p.next()
		value := p.value()
		if len(n.members) < smallObject {
			n.set(name, value)
			continue
		}
		n.members = append(n.members, namedNode{name, value})
	}
	p.at++
	n.dedup()
	return n
}

// smallObject is up to where looking for a repeated name one by one is cheap;
// a larger object is cleaned once at its end, so that a hostile body of a
// hundred thousand names is not compared pair by pair.
const smallObject = 32

func (n *node) dedup() {
	if len(n.members) <= smallObject {
		return
	}
	place := make(map[string]int, len(n.members))
	kept := n.members[:0]
	for _, m := range n.members {
		if i, twice := place[m.name]; twice {
			kept[i].node = m.node
			continue
		}
		place[m.name] = len(kept)
		kept = append(kept, m)
	}
	n.members = kept
}

func (p *treeReader) array() *node {
	n := &node{kind: isArray}
	for p.at++; p.next() != ']'; {
		n.items = append(n.items, p.value())
	}
	p.at++
	return n
}

// str reads a string and what its escapes mean.
func (p *treeReader) str() []byte {
	start, escaped := p.at, false
	for p.at++; p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			escaped = true
			p.at++
		}
	}
	p.at++
	if raw := p.text[start+1 : p.at-1]; !escaped && utf8.Valid(raw) {
		return raw
	}
	var s string
	_ = json.Unmarshal(p.text[start:p.at], &s) // approved by CheckJSON; mends surrogates and overlong UTF-8
	return []byte(s)
}
