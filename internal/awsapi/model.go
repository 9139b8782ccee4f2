package awsapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Model is what a server must know of a service's wire: its operations, and
// the shapes of what goes in and out.
type Model struct {
	operations map[string]*Operation
	shapes     map[string]*Shape
}

// Operation is one thing that a caller can ask for, and where it is asked.
type Operation struct {
	Name   string
	Method string
	Status int // of a success, unless the output has a status member
	Input  *Shape
	Output *Shape

	path  []segment
	query map[string]string // what the query must hold: ?find=LayerVersion, ?List=ALL
}

// segment is one part of a path: a label's name, or a fixed word.
type segment struct {
	text  string
	label bool
}

// Shape is a type of the wire with its constraints.
type Shape struct {
	Name      string
	Type      string // string, integer, long, double, boolean, timestamp, blob, list, map, structure
	Sensitive bool   // its value is never printed in an error

	Min, Max *json.Number // of a length, or of a number itself
	Pattern  string       // as AWS prints it
	Enum     []string     // in the order in which AWS prints it
	also     []string     // accepted as well, but not printed: newer than the recording

	Members     []Member // structure
	Payload     string   // the member that is the whole body
	EventStream bool

	Element  *Shape // list
	Key      *Shape // map
	Value    *Shape // map
	flat     bool   // a wrong element is reported with its enum only (F124)
	nullable bool   // "Member must not be null" is not among the printed rules (F064)

	match func() matcher // compiled when first needed
}

// Member is one member of a structure and where it travels.
type Member struct {
	Name     string
	Shape    *Shape
	Required bool
	Place    Place
	Wire     string // name of the header or query parameter
}

// Place is where in a request or response a member travels.
type Place int

// The places of a member.
const (
	InBody Place = iota
	InPath
	InQuery
	InHeader
	InStatus
)

// matcher tells whether a whole string fits a pattern.
type matcher func(string) bool

type modelFile struct {
	Operations map[string]struct{ HTTP, In, Out string }
	Shapes     map[string]struct {
		Type                        string
		Min, Max                    *json.Number
		Pattern, Match, Never       string
		Enum, Also                  []string
		Sensitive, EventStream      bool
		Flat, Nullable              bool
		Payload, Member, Key, Value string
		Members                     [][]string
	}
}

// ParseModel reads a generated model (see gen).
func ParseModel(text []byte) (*Model, error) {
	var file modelFile
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read wire model: %w", err)
	}
	m := &Model{operations: map[string]*Operation{}, shapes: map[string]*Shape{}}
	for name := range file.Shapes {
		m.shapes[name] = &Shape{Name: name}
	}
	for name, f := range file.Shapes {
		s := m.shapes[name]
		s.Type, s.Sensitive, s.EventStream, s.Payload = f.Type, f.Sensitive, f.EventStream, f.Payload
		s.Min, s.Max, s.Pattern, s.Enum, s.also = f.Min, f.Max, f.Pattern, f.Enum, f.Also
		s.flat, s.nullable = f.Flat, f.Nullable
		s.Element, s.Key, s.Value = m.shapes[f.Member], m.shapes[f.Key], m.shapes[f.Value]
		if s.Pattern != "" {
			s.match = sync.OnceValue(func() matcher { return compile(f.Pattern, f.Match, f.Never) })
		}
		for _, fields := range f.Members {
			member, err := m.member(fields)
			if err != nil {
				return nil, fmt.Errorf("shape %s: %w", name, err)
			}
			s.Members = append(s.Members, member)
		}
	}
	for name, f := range file.Operations {
		op, err := m.operation(name, f.HTTP)
		if err != nil {
			return nil, err
		}
		if op.Input, err = m.structure(f.In); err != nil {
			return nil, fmt.Errorf("input of %s: %w", name, err)
		}
		if op.Output, err = m.structure(f.Out); err != nil {
			return nil, fmt.Errorf("output of %s: %w", name, err)
		}
		m.operations[name] = op
	}
	return m, nil
}

// structure finds what an operation takes or gives; some give nothing.
func (m *Model) structure(name string) (*Shape, error) {
	if name == "" {
		return &Shape{Type: "structure"}, nil
	}
	if s := m.shapes[name]; s != nil && s.Type == "structure" {
		return s, nil
	}
	return nil, fmt.Errorf("no structure %s", name)
}

// member reads ["FunctionName", "NamespacedFunctionName", "required uri"].
func (m *Model) member(fields []string) (Member, error) {
	if len(fields) < 2 || m.shapes[fields[1]] == nil {
		return Member{}, fmt.Errorf("member %q: no such shape", fields)
	}
	member := Member{Name: fields[0], Shape: m.shapes[fields[1]], Wire: fields[0]}
	if len(fields) < 3 {
		return member, nil
	}
	for _, word := range strings.Fields(fields[2]) {
		kind, wire, _ := strings.Cut(word, "=")
		switch kind {
		case "required":
			member.Required = true
		case "uri":
			member.Place = InPath
		case "status":
			member.Place = InStatus
		case "query":
			member.Place, member.Wire = InQuery, wire
		case "header":
			member.Place, member.Wire = InHeader, wire
		default:
			return Member{}, fmt.Errorf("member %s: unknown place %q", member.Name, word)
		}
	}
	return member, nil
}

// operation reads "GET /2018-10-31/layers?find=LayerVersion 200".
func (m *Model) operation(name, binding string) (*Operation, error) {
	words := strings.Fields(binding)
	if len(words) != 3 {
		return nil, fmt.Errorf("operation %s: binding %q", name, binding)
	}
	status, err := strconv.Atoi(words[2])
	if err != nil {
		return nil, fmt.Errorf("operation %s: %w", name, err)
	}
	op := &Operation{Name: name, Method: words[0], Status: status}
	path, query, _ := strings.Cut(words[1], "?")
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		label := strings.HasPrefix(part, "{")
		op.path = append(op.path, segment{strings.Trim(part, "{}"), label})
	}
	if query != "" {
		key, value, _ := strings.Cut(query, "=")
		op.query = map[string]string{key: value}
	}
	return op, nil
}

// Operation finds an operation by its name.
func (m *Model) Operation(name string) (*Operation, bool) {
	op, ok := m.operations[name]
	return op, ok
}

// Operations lists the names of all operations, in no order.
func (m *Model) Operations() []string {
	names := make([]string, 0, len(m.operations))
	for name := range m.operations {
		names = append(names, name)
	}
	return names
}

// Shape finds a shape by its name.
func (m *Model) Shape(name string) (*Shape, bool) {
	s, ok := m.shapes[name]
	return s, ok
}

// compile makes the matcher of a pattern. Java, which AWS matches with, wants
// the whole string to fit; so do we.
func compile(pattern, match, never string) matcher {
	if match == "" {
		match = pattern
	}
	must := regexp.MustCompile(`\A(?:` + match + `)\z`)
	if never == "" {
		return must.MatchString
	}
	not := regexp.MustCompile(`\A(?:` + never + `)\z`)
	return func(s string) bool { return must.MatchString(s) && !not.MatchString(s) }
}
