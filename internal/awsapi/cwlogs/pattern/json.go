package pattern

import (
	"encoding/json"
	"strconv"
	"strings"
)

// condition is judged on a message that has been decoded.
type condition func(message any) bool

// parseJSON reads { condition }.
func parseJSON(text string) (Match, error) {
	if !strings.HasSuffix(text, "}") {
		return nil, invalid()
	}
	p := &parser{text: text[1 : len(text)-1]}
	c, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if p.skip(); p.text != "" {
		return nil, invalid()
	}
	return func(message string) bool {
		var v any
		return strings.HasPrefix(strings.TrimLeft(message, " \t\r\n"), "{") && json.Unmarshal([]byte(message), &v) == nil && c(v)
	}, nil
}

// parser reads conditions from the front of its text.
type parser struct{ text string }

// maxDepth bounds parentheses in parentheses.
const maxDepth = 32

func (p *parser) skip() { p.text = strings.TrimLeft(p.text, " \t\r\n") }

// take takes a word or a sign if it comes next.
func (p *parser) take(sign string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.text, sign)
	if ok {
		p.text = rest
	}
	return ok
}

// either is one condition, or several with || between them.
func (p *parser) either(depth int) (condition, error) {
	left, err := p.both(depth)
	for err == nil && p.take("||") {
		first := left
		var second condition
		if second, err = p.both(depth); err == nil {
			left = func(m any) bool { return first(m) || second(m) }
		}
	}
	return left, err
}

// both is one condition, or several with && between them.
func (p *parser) both(depth int) (condition, error) {
	left, err := p.single(depth)
	for err == nil && p.take("&&") {
		first := left
		var second condition
		if second, err = p.single(depth); err == nil {
			left = func(m any) bool { return first(m) && second(m) }
		}
	}
	return left, err
}

func (p *parser) single(depth int) (condition, error) {
	if !p.take("(") {
		return p.comparison()
	}
	if depth == maxDepth {
		return nil, invalid()
	}
	c, err := p.either(depth + 1)
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, invalid()
	}
	return c, nil
}

// comparison is a selector with what is asked of it.
func (p *parser) comparison() (condition, error) {
	at, err := p.selector()
	if err != nil {
		return nil, err
	}
	if p.take("NOT EXISTS") {
		return func(m any) bool { _, there := at(m); return !there }, nil
	}
	if p.take("IS") {
		return p.is(at)
	}
	for _, operator := range []string{"!=", "<=", ">=", "=", "<", ">"} { // the longer ones first
		if p.take(operator) {
			return p.compared(at, operator)
		}
	}
	return nil, invalid()
}

func (p *parser) is(at selector) (condition, error) {
	for word, want := range map[string]any{"NULL": nil, "TRUE": true, "FALSE": false} {
		if p.take(word) {
			return func(m any) bool { v, there := at(m); return there && v == want }, nil
		}
	}
	return nil, invalid()
}

// selector finds a member of a message.
type selector func(message any) (value any, there bool)

// selector reads $.name, $.name[0].other, $["name"].
func (p *parser) selector() (selector, error) {
	if !p.take("$") {
		return nil, invalid()
	}
	var path []any // names and indexes
	for {
		switch {
		case strings.HasPrefix(p.text, "."):
			name := p.name(1)
			if name == "" {
				return nil, invalid()
			}
			path = append(path, name)
		case strings.HasPrefix(p.text, "["):
			step, err := p.bracket()
			if err != nil {
				return nil, err
			}
			path = append(path, step)
		case len(path) == 0:
			return nil, invalid()
		default:
			return func(m any) (any, bool) { return walk(m, path) }, nil
		}
	}
}

// name takes a member's name that begins after the first bytes.
func (p *parser) name(first int) string {
	end := first
	for end < len(p.text) && !strings.ContainsRune(" \t\r\n.[]()=!<>&|{}\"", rune(p.text[end])) {
		end++
	}
	name := p.text[first:end]
	p.text = p.text[end:]
	return name
}

// bracket takes [0] or ["name"].
func (p *parser) bracket() (any, error) {
	if strings.HasPrefix(p.text, `["`) {
		name, rest, err := cutQuoted(p.text[1:])
		if err != nil || !strings.HasPrefix(rest, "]") {
			return nil, invalid()
		}
		p.text = rest[1:]
		return name, nil
	}
	digits, rest, ok := strings.Cut(p.text[1:], "]")
	index, err := strconv.Atoi(digits)
	if !ok || err != nil || index < 0 {
		return nil, invalid()
	}
	p.text = rest
	return index, nil
}

func walk(v any, path []any) (any, bool) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			inner, there := object[step]
			if !there {
				return nil, false
			}
			v = inner
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil, false
			}
			v = list[step]
		}
	}
	return v, true
}

// compared reads the value and compares. A member that is not there fits nothing.
func (p *parser) compared(at selector, operator string) (condition, error) {
	fits, err := p.value(operator)
	if err != nil {
		return nil, err
	}
	return func(m any) bool { v, there := at(m); return there && fits(v) }, nil
}

func (p *parser) value(operator string) (func(any) bool, error) {
	p.skip()
	ordered := operator != "=" && operator != "!="
	wanted := operator != "!="
	if strings.HasPrefix(p.text, "%") && !ordered {
		expression, rest, err := cutExpression(p.text)
		if err != nil {
			return nil, err
		}
		p.text = rest
		return func(v any) bool { s, isText := v.(string); return isText && expression.MatchString(s) == wanted }, nil
	}
	if strings.HasPrefix(p.text, `"`) && !ordered {
		text, rest, err := cutQuoted(p.text)
		if err != nil {
			return nil, err
		}
		p.text = rest
		return func(v any) bool { s, isText := v.(string); return isText && glob(text, s) == wanted }, nil
	}
	word := p.word()
	n, err := strconv.ParseFloat(word, 64)
	switch {
	case word == "" || ordered && err != nil:
		return nil, invalid()
	case err == nil:
		return func(v any) bool { f, isNumber := v.(float64); return isNumber && holds(operator, f, n) }, nil
	}
	return func(v any) bool { return isScalar(v) && glob(word, plain(v)) == wanted }, nil
}

// word takes a value that stands without quotes.
func (p *parser) word() string {
	end := strings.IndexAny(p.text, " \t\r\n()&|{}\"")
	if end < 0 {
		end = len(p.text)
	}
	word := p.text[:end]
	p.text = p.text[end:]
	return word
}

func holds(operator string, a, b float64) bool {
	switch operator {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

func isScalar(v any) bool {
	switch v.(type) {
	case string, float64:
		return true
	}
	return false
}

// plain is a text or a number as it would be written.
func plain(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	s, _ := v.(string)
	return s
}

// glob tells whether s fits a text in which * stands for anything.
func glob(text, s string) bool {
	parts := strings.Split(text, "*")
	if len(parts) == 1 {
		return s == text
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(s, part)
		if !ok {
			return false
		}
		s = rest
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}
