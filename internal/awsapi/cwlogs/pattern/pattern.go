// Package pattern reads the filter patterns of CloudWatch Logs ("Filter pattern
// syntax" in its guide): terms, regular expressions between percent signs, and
// conditions on the members of JSON messages. The syntax for messages whose fields
// stand between spaces, [a, b, …], is refused by name.
package pattern

import (
	"regexp"
	"strings"

	"lambent/internal/lambda"
)

// Match tells whether a message fits a pattern.
type Match func(message string) bool

// invalid is what is no pattern.
func invalid() error { return lambda.Errorf(lambda.InvalidParameter, "Invalid filter pattern") }

// Parse reads a pattern. The empty one, which fits everything, is nil.
func Parse(text string) (Match, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, nil
	case text[0] == '{':
		return parseJSON(text)
	case text[0] == '[':
		return nil, lambda.Errorf(lambda.NotYet, "Filter patterns for space-delimited messages are not yet available in Lambent.")
	}
	return parseTerms(text)
}

// parseTerms reads terms: all plain ones must be in the message and none of those
// with a minus. Of those with a question mark one must be in it, unless there are
// others: then they count for nothing.
func parseTerms(text string) (Match, error) {
	var all, none, anyOf []Match
	for text != "" {
		into := &all
		switch text[0] {
		case '-':
			into, text = &none, text[1:]
		case '?':
			into, text = &anyOf, text[1:]
		}
		term, rest, err := cutTerm(text)
		if err != nil {
			return nil, err
		}
		*into = append(*into, term)
		text = strings.TrimLeft(rest, " \t\r\n")
	}
	if len(all)+len(none) == 0 {
		return func(message string) bool { return some(anyOf, message) }, nil
	}
	return func(message string) bool {
		for _, m := range all {
			if !m(message) {
				return false
			}
		}
		return !some(none, message)
	}, nil
}

func some(matches []Match, message string) bool {
	for _, m := range matches {
		if m(message) {
			return true
		}
	}
	return false
}

// cutTerm reads one term: a word, a phrase between quotes, or an expression.
func cutTerm(text string) (Match, string, error) {
	if text == "" {
		return nil, "", invalid()
	}
	switch text[0] {
	case '"':
		phrase, rest, err := cutQuoted(text)
		return contains(phrase), rest, err
	case '%':
		expression, rest, err := cutExpression(text)
		if err != nil {
			return nil, "", err
		}
		return expression.MatchString, rest, nil
	}
	end := strings.IndexAny(text, " \t\r\n\"")
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return nil, "", invalid()
	}
	return contains(text[:end]), text[end:], nil
}

func contains(part string) Match {
	return func(message string) bool { return strings.Contains(message, part) }
}

// cutQuoted reads a phrase between quotes, in which a backslash takes the next
// character as it is.
func cutQuoted(text string) (phrase, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i < len(text) {
				b.WriteByte(text[i])
			}
		case '"':
			return b.String(), text[i+1:], nil
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", invalid()
}

// cutExpression reads a regular expression between percent signs.
func cutExpression(text string) (*regexp.Regexp, string, error) {
	body, rest, ok := strings.Cut(text[1:], "%")
	if !ok || body == "" {
		return nil, "", invalid()
	}
	expression, err := regexp.Compile(body)
	if err != nil {
		return nil, "", invalid()
	}
	return expression, rest, nil
}
