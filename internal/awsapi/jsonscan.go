package awsapi

import (
	"encoding/binary"
	"fmt"
	"unicode"
)

// maxNesting is the depth at which AWS's JSON reader gives up.
const maxNesting = 1000

// SyntaxError tells what is wrong with a JSON text and where. Its sentences are
// those of the reader that AWS uses (Jackson's byte parser), because AWS passes
// them on to the caller (F243).
type SyntaxError struct {
	Problem      string
	Line, Column int // from 1, in bytes
}

func (e *SyntaxError) Error() string { return e.Problem + "\n at " + location(e.Line, e.Column) }

func location(line, column int) string {
	return fmt.Sprintf("[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %d]", line, column)
}

// CheckJSON tells whether text is one JSON value. A text that is costs one small
// allocation. The error is a *SyntaxError.
func CheckJSON(text []byte) error {
	s := scanner{text: text, line: 1, open: make([]container, 0, usualNesting)}
	s.document()
	if s.err == nil {
		return nil // not `return s.err`: a nil *SyntaxError is not a nil error
	}
	return s.err
}

// usualNesting is the depth that few events exceed.
const usualNesting = 8

// scanner reads JSON as Jackson's UTF8StreamJsonParser does. The first error
// stays in err, and every step after it is idle.
type scanner struct {
	text []byte
	at   int // of the next byte
	line int
	row  int // where the line began
	err  *SyntaxError

	open []container
}

type container struct {
	object       bool
	line, column int
}

func (c container) name() string {
	if c.object {
		return "Object"
	}
	return "Array"
}

func (s *scanner) document() {
	c, ok := s.skipSpace()
	if !ok {
		s.fail("No content to map due to end-of-input")
		return
	}
	s.value(c)
	for len(s.open) > 0 && s.err == nil {
		s.entry()
	}
	if s.err != nil {
		return
	}
	if c, ok = s.skipSpace(); ok && s.err == nil {
		s.trailing(c)
	}
}

// trailing reports what follows the document's one value.
func (s *scanner) trailing(c byte) {
	before := s.at
	s.value(c)
	if s.err == nil {
		s.at = before
		s.fail("Trailing token found after value")
	}
}

// entry reads what may come next inside the innermost container: its end, or
// one more entry up to the entry's value.
func (s *scanner) entry() {
	in := s.open[len(s.open)-1]
	first := s.justOpened(in)
	c, ok := s.skipSpace()
	if s.err != nil {
		return
	}
	if !ok {
		s.fail("Unexpected end-of-input: expected close marker for %s (start marker at %s)", in.name(), location(in.line, in.column))
		return
	}
	if c == ']' || c == '}' {
		s.close(in, c)
		return
	}
	if !first {
		if c != ',' {
			s.unexpected(c, "was expecting comma to separate "+in.name()+" entries")
			return
		}
		if c, ok = s.within(in); !ok {
			return
		}
	}
	if in.object {
		if c, ok = s.name(in, c); !ok {
			return
		}
	}
	s.value(c)
}

// justOpened tells whether the byte before is the container's own bracket.
func (s *scanner) justOpened(in container) bool {
	return in.line == s.line && in.column == s.at-s.row
}

func (s *scanner) close(in container, c byte) {
	want := byte(']')
	if in.object {
		want = '}'
	}
	if c != want {
		s.failBefore("Unexpected close marker '%c': expected '%c' (for %s starting at %s)", c, want, in.name(), location(in.line, in.column))
		return
	}
	s.open = s.open[:len(s.open)-1]
}

// within skips to the next byte where the container can't end yet.
func (s *scanner) within(in container) (byte, bool) {
	c, ok := s.skipSpace()
	if !ok && s.err == nil {
		s.fail("Unexpected end-of-input within/between %s entries", in.name())
	}
	return c, ok && s.err == nil
}

// name reads a field's name and its colon, and returns the value's first byte.
func (s *scanner) name(in container, c byte) (byte, bool) {
	if c != '"' {
		s.unexpectedRune(c, "was expecting double-quote to start field name")
		return 0, false
	}
	s.str("name")
	if s.err != nil {
		return 0, false
	}
	c, ok := s.within(in)
	if !ok {
		return 0, false
	}
	if c != ':' {
		s.unexpected(c, "was expecting a colon to separate field name and value")
		return 0, false
	}
	return s.within(in)
}

// value reads a scalar, or opens a container.
func (s *scanner) value(c byte) {
	switch {
	case c == '"':
		s.str("string value")
	case c == '{' || c == '[':
		if len(s.open) == maxNesting {
			s.fail("Document nesting depth (%d) exceeds the maximum allowed (%d, from `StreamReadConstraints.getMaxNestingDepth()`)", maxNesting+1, maxNesting)
			return
		}
		s.open = append(s.open, container{c == '{', s.line, s.at - s.row})
	case c == '-' || c >= '0' && c <= '9':
		s.number(c)
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	default:
		s.notAValue(c)
	}
}

const anyValue = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

func (s *scanner) notAValue(c byte) {
	switch {
	case c == ']' || c == '}' || c == ',':
		s.unexpected(c, "expected a value")
	case identifierStart(rune(c)):
		s.unrecognized(string(rune(c)))
	default:
		s.unexpected(c, "expected a valid value "+anyValue)
	}
}

func (s *scanner) literal(word string) {
	for i := 1; i < len(word); i++ {
		if s.at >= len(s.text) || s.text[s.at] != word[i] {
			s.unrecognized(word[:i])
			return
		}
		s.at++
	}
	if s.at < len(s.text) {
		if c := s.text[s.at]; c >= '0' && c != ']' && c != '}' && identifierPart(rune(c)) {
			s.unrecognized(word)
		}
	}
}

func (s *scanner) number(c byte) {
	if c == '-' {
		if c = s.digitAfter("expected digit (0-9) to follow minus sign, for valid numeric value"); c == 0 {
			return
		}
	}
	if c == '0' && s.at < len(s.text) && digit(s.text[s.at]) {
		s.fail("Invalid numeric value: Leading zeroes not allowed")
		return
	}
	s.digits()
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		if s.digitAfter("Decimal point not followed by a digit") == 0 {
			return
		}
		s.digits()
	}
	if s.at < len(s.text) && (s.text[s.at] == 'e' || s.text[s.at] == 'E') {
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		if s.digitAfter("Exponent indicator not followed by a digit") == 0 {
			return
		}
		s.digits()
	}
	s.afterRootNumber()
}

// afterRootNumber wants white space after a number that is the whole document.
func (s *scanner) afterRootNumber() {
	if len(s.open) > 0 || s.at >= len(s.text) {
		return
	}
	switch c := s.text[s.at]; c {
	case ' ', '\t', '\r', '\n':
	default:
		s.at++
		s.unexpected(c, "Expected space separating root-level values")
	}
}

func (s *scanner) digits() {
	for s.at < len(s.text) && digit(s.text[s.at]) {
		s.at++
	}
}

// digitAfter reads one digit, or fails with the rule and returns 0.
func (s *scanner) digitAfter(rule string) byte {
	if s.at >= len(s.text) {
		s.fail("Unexpected end-of-input in a Number value")
		return 0
	}
	c := s.text[s.at]
	s.at++
	if digit(c) {
		return c
	}
	s.failBefore("Unexpected character (%s) in numeric value: %s", describe(rune(c)), rule)
	return 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// str reads a string after its opening quote; what is "string value" or "name".
func (s *scanner) str(what string) {
	for s.at < len(s.text) {
		if s.at += plain(s.text[s.at:]); s.at == len(s.text) {
			break
		}
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return
		case c == '\\':
			s.escape()
		case c < ' ':
			s.failBefore("Illegal unquoted character (%s): has to be escaped using backslash to be included in %s", describe(rune(c)), what)
		case c >= 0x80:
			s.multibyte(c)
		}
		if s.err != nil {
			return
		}
	}
	if what == "name" {
		s.fail("Unexpected end-of-input: was expecting closing '\"' for name")
		return
	}
	s.fail("Unexpected end-of-input: was expecting closing quote for a string value")
}

// plain counts bytes, eight at a time, that mean only themselves in a string: the
// text of a large event is nearly nothing else.
func plain(text []byte) (n int) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for len(text)-n >= 8 {
		v := binary.LittleEndian.Uint64(text[n:])
		quote, backslash := v^ones*'"', v^ones*'\\'
		// The high bit of each byte that is below a space, is one of the two, or
		// begins a character of several bytes; borrows may add bytes behind it.
		if ((v-ones*' ')&^v|(quote-ones)&^quote|(backslash-ones)&^backslash|v)&highs != 0 {
			break
		}
		n += 8
	}
	return n
}

func (s *scanner) escape() {
	if s.at >= len(s.text) {
		s.fail("Unexpected end-of-input in character escape sequence")
		return
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return
	case 'u':
	default:
		s.failBefore("Unrecognized character escape %s", describe(rune(c)))
		return
	}
	for range 4 {
		if s.at >= len(s.text) {
			s.fail("Unexpected end-of-input in character escape sequence")
			return
		}
		c = s.text[s.at]
		s.at++
		if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
			s.unexpected(c, "expected a hex-digit for character escape sequence")
			return
		}
	}
}

// multibyte reads the rest of a UTF-8 sequence and returns its character. Like
// Jackson it looks at the form only: an overlong sequence passes.
func (s *scanner) multibyte(c byte) rune {
	var more int
	r := rune(c)
	switch {
	case c < 0x80:
		return r
	case c&0xE0 == 0xC0:
		more, r = 1, r&0x1F
	case c&0xF0 == 0xE0:
		more, r = 2, r&0x0F
	case c&0xF8 == 0xF0:
		more, r = 3, r&0x07
	default:
		s.fail("Invalid UTF-8 start byte 0x%x", c)
		return 0
	}
	for range more {
		if s.at >= len(s.text) {
			s.fail("Unexpected end-of-input in UTF-8 sequence")
			return 0
		}
		d := s.text[s.at]
		s.at++
		if d&0xC0 != 0x80 {
			s.fail("Invalid UTF-8 middle byte 0x%x", d)
			return 0
		}
		r = r<<6 | rune(d&0x3F)
	}
	return r
}

// skipSpace returns the first byte that is not white space; false at the end
// or at an error.
func (s *scanner) skipSpace() (byte, bool) {
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c > ' ':
			return c, true
		case c == '\n':
			s.line, s.row = s.line+1, s.at
		case c == '\r':
			if s.at < len(s.text) && s.text[s.at] == '\n' {
				s.at++
			}
			s.line, s.row = s.line+1, s.at
		case c != ' ' && c != '\t':
			s.failBefore("Illegal character (%s): only regular white space (\\r, \\n, \\t) is allowed between tokens", describe(rune(c)))
			return 0, false
		}
	}
	return 0, false
}

// maxErrorToken is how much of an unrecognized token AWS's reader repeats.
const maxErrorToken = 256

// unrecognized reads on to the end of what looks like a word, and reports it.
func (s *scanner) unrecognized(word string) {
	for n := len([]rune(word)); s.at < len(s.text); n++ {
		if n >= maxErrorToken {
			word += "..."
			break
		}
		c := s.text[s.at]
		s.at++
		r := s.multibyte(c)
		if s.err != nil {
			return
		}
		if !identifierPart(r) {
			break
		}
		word += string(r)
	}
	s.fail("Unrecognized token '%s': was expecting %s", word, anyValue)
}

func (s *scanner) unexpected(c byte, comment string) {
	s.failBefore("Unexpected character (%s): %s", describe(rune(c)), comment)
}

func (s *scanner) unexpectedRune(c byte, comment string) {
	r := s.multibyte(c)
	if s.err == nil {
		s.failBefore("Unexpected character (%s): %s", describe(r), comment)
	}
}

// fail reports a problem at the reader's place, failBefore one at the byte that
// was read last.
func (s *scanner) fail(format string, args ...any) { s.report(0, format, args) }

func (s *scanner) failBefore(format string, args ...any) { s.report(1, format, args) }

func (s *scanner) report(back int, format string, args []any) {
	if s.err == nil {
		s.err = &SyntaxError{fmt.Sprintf(format, args...), s.line, s.at - back - s.row + 1}
	}
}

func describe(r rune) string {
	switch {
	case r < ' ' || r >= 0x7F && r <= 0x9F:
		return fmt.Sprintf("(CTRL-CHAR, code %d)", r)
	case r > 255:
		return fmt.Sprintf("'%c' (code %d / 0x%x)", r, r, r)
	}
	return fmt.Sprintf("'%c' (code %d)", r, r)
}

// identifierStart and identifierPart are Java's, which decide how much of a
// wrong token is repeated in the error.
func identifierStart(r rune) bool {
	return unicode.In(r, unicode.Letter, unicode.Nl, unicode.Sc, unicode.Pc)
}

func identifierPart(r rune) bool {
	return identifierStart(r) || unicode.In(r, unicode.Nd, unicode.Mn, unicode.Mc, unicode.Cf) ||
		r <= 8 || r >= 0x0E && r <= 0x1B || r >= 0x7F && r <= 0x9F
}
