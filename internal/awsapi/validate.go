package awsapi

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"lambent/internal/lambda"
)

// validate checks an input against every constraint of its shape and reports
// all that fail in one error (F007), or nil. Members of the path are judged
// last: AWS names a wrong qualifier before a wrong function name.
func (op *Operation) validate(input *node) error {
	var v violations
	for _, late := range []bool{false, true} {
		for _, m := range op.Input.Members {
			if (m.Place == InPath) == late {
				v.member(m, input.child(m.Name), lowerFirst(m.Name))
			}
		}
	}
	return v.err()
}

// violations are the sentences of a ValidationException.
type violations []string

func (v violations) err() error {
	if len(v) == 0 {
		return nil
	}
	return ValidationError(v...)
}

// ValidationError joins broken constraints, each as Violation makes it, into
// AWS's ValidationException.
func ValidationError(violations ...string) *lambda.Error {
	plural := "s"
	if len(violations) == 1 {
		plural = ""
	}
	return lambda.Errorf(lambda.Validation, "%d validation error%s detected: %s", len(violations), plural, strings.Join(violations, "; "))
}

// Violation is the sentence for one broken constraint; value is as it is
// printed, with its quotes.
func Violation(value, path, constraint string) string {
	return "Value " + value + " at '" + path + "' failed to satisfy constraint: " + constraint
}

func (v *violations) add(s *Shape, n *node, path, constraint string) {
	if s.Sensitive {
		*v = append(*v, "Value at '"+path+"' failed to satisfy constraint: "+constraint)
		return
	}
	*v = append(*v, Violation("'"+n.print(s)+"'", path, constraint))
}

const notNull = "Member must not be null"

func (v *violations) member(m Member, n *node, path string) {
	if n.absent() {
		if m.Required {
			*v = append(*v, Violation("null", path, notNull))
		}
		return
	}
	v.value(m.Shape, n, path)
}

func (v *violations) value(s *Shape, n *node, path string) {
	switch s.Type {
	case "structure":
		for _, m := range s.Members {
			v.member(m, n.child(m.Name), path+"."+lowerFirst(m.Name))
		}
	case "list":
		v.list(s, n, path)
	case "map":
		v.entries(s, n, path)
	default:
		for _, r := range s.rules() {
			if !r.holds(n) {
				v.add(s, n, path, r.text)
			}
		}
	}
}

func (v *violations) list(s *Shape, n *node, path string) {
	for _, r := range s.rules() {
		if !r.holds(n) {
			v.add(s, n, path, r.text)
		}
	}
	if s.Element.scalar() {
		v.elements(s, n, path)
		return
	}
	for i, item := range n.items {
		place := path + "." + strconv.Itoa(i+1) + ".member"
		if item.absent() {
			*v = append(*v, Violation("null", place, notNull))
			continue
		}
		v.value(s.Element, item, place)
	}
}

// elements judges a list of scalars as one: AWS prints the whole list and all
// the rules of its elements when one of them is wrong (F011).
func (v *violations) elements(s *Shape, n *node, path string) {
	rules := s.Element.rules()
	if allHold(rules, n.items) {
		return
	}
	if s.flat {
		v.add(s, n, path, rules[0].text)
		return
	}
	v.add(s, n, path, "Member must satisfy constraint: "+bracket(rules, !s.nullable))
}

func (v *violations) entries(s *Shape, n *node, path string) {
	for _, r := range s.rules() {
		if !r.holds(n) {
			v.add(s, n, path, r.text)
		}
	}
	keys, values := make([]*node, 0, len(n.members)), make([]*node, 0, len(n.members))
	for _, m := range n.members {
		keys = append(keys, &node{kind: isString, text: []byte(m.name)})
		values = append(values, m.node)
	}
	if rules := s.Key.rules(); !allHold(rules, keys) {
		v.add(s, n, path, "Map keys must satisfy constraint: "+bracket(rules, false))
	}
	if !s.Value.scalar() {
		for _, m := range n.members {
			v.value(s.Value, m.node, path+"."+m.name+".member")
		}
		return
	}
	if rules := s.Value.rules(); !allHold(rules, values) {
		v.add(s, n, path, "Map value must satisfy constraint: "+bracket(rules, true))
	}
}

func (s *Shape) scalar() bool { return s.Type != "structure" && s.Type != "list" && s.Type != "map" }

func bracket(rules []rule, notnull bool) string {
	texts := make([]string, 0, len(rules)+1)
	for _, r := range rules {
		texts = append(texts, r.text)
	}
	if notnull {
		texts = append(texts, notNull)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func allHold(rules []rule, items []*node) bool {
	for _, item := range items {
		if item.absent() {
			return false
		}
		for _, r := range rules {
			if !r.holds(item) {
				return false
			}
		}
	}
	return true
}

// rule is one constraint of a shape and the words for it.
type rule struct {
	text  string
	holds func(*node) bool
}

// rules lists a shape's own constraints in AWS's order: largest, smallest,
// pattern, enum.
func (s *Shape) rules() []rule {
	var rules []rule
	measure, what := length, "length"
	if s.Type == "integer" || s.Type == "long" || s.Type == "double" {
		measure, what = quantity, "value"
	}
	if s.Max != nil {
		limit := number(*s.Max)
		rules = append(rules, rule{"Member must have " + what + " less than or equal to " + s.limit(*s.Max),
			func(n *node) bool { return measure(n) <= limit }})
	}
	if s.Min != nil {
		limit := number(*s.Min)
		rules = append(rules, rule{"Member must have " + what + " greater than or equal to " + s.limit(*s.Min),
			func(n *node) bool { return measure(n) >= limit }})
	}
	if s.Pattern != "" {
		rules = append(rules, rule{"Member must satisfy regular expression pattern: " + s.Pattern,
			func(n *node) bool { return s.match()(string(n.text)) }})
	}
	if len(s.Enum) > 0 {
		rules = append(rules, rule{"Member must satisfy enum value set: [" + strings.Join(s.Enum, ", ") + "]", s.allows})
	}
	return rules
}

func (s *Shape) allows(n *node) bool {
	for _, list := range [][]string{s.Enum, s.also} {
		for _, value := range list {
			if value == string(n.text) {
				return true
			}
		}
	}
	return false
}

// limit prints a limit as Java does: of a double, with its fraction.
func (s *Shape) limit(n json.Number) string {
	if s.Type == "double" {
		return javaDouble(number(n))
	}
	return n.String()
}

func number(n json.Number) float64 {
	f, err := n.Float64()
	if err != nil {
		panic(fmt.Sprintf("wire model: limit %q is no number", n)) // found by the first test that loads the model
	}
	return f
}

func quantity(n *node) float64 {
	f, _ := strconv.ParseFloat(string(n.text), 64) // decoded before, so it is a number
	return f
}

func length(n *node) float64 {
	switch n.kind {
	case isArray:
		return float64(len(n.items))
	case isObject:
		return float64(len(n.members))
	case isRaw:
		return float64(len(n.text))
	}
	return float64(utf8.RuneCount(n.text))
}

// print writes a value as AWS's errors do, which is Java's toString (F009).
func (n *node) print(s *Shape) string {
	switch {
	case n.absent():
		return "null"
	case n.kind == isArray && s.Type == "list":
		parts := make([]string, len(n.items))
		for i, item := range n.items {
			parts[i] = item.print(s.Element)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case n.kind == isObject && s.Type == "map":
		parts := make([]string, len(n.members))
		for i, m := range n.members {
			parts[i] = m.name + "=" + m.node.print(s.Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case s.Type == "double":
		return javaDouble(quantity(n))
	}
	return string(n.text)
}

func javaDouble(f float64) string {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
