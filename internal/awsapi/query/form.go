package query

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"lambent/internal/lambda"
)

// Form is what a caller wrote. Reading a member judges it; Err tells what was
// wrong with any of them.
type Form struct {
	values     url.Values
	violations []string
	said       string
}

// Rule is what a text must be. The zero Rule takes everything.
type Rule struct {
	Min, Max int // characters; no Max: any number
	Pattern  *regexp.Regexp
	Shown    string // the pattern as complaints have it
	Said     string // instead of a complaint about the pattern: the service's own sentence, with the member for %s
	OneOf    []string
}

// Text is a text that must be there.
func (f *Form) Text(name string, rule Rule) string {
	if _, there := f.values[name]; !there {
		f.violate("null", member(name), "Member must not be null")
		return ""
	}
	return f.Optional(name, rule)
}

// Optional is a text that may be missing; then it is empty.
func (f *Form) Optional(name string, rule Rule) string {
	text, there := f.values.Get(name), f.Has(name)
	if !there {
		return ""
	}
	f.judge(text, member(name), rule)
	return text
}

// Has tells whether the caller wrote the member at all.
func (f *Form) Has(name string) bool { _, there := f.values[name]; return there }

// Number is a whole number within bounds; zero, and false, when it is missing.
func (f *Form) Number(name string, low, high int) (n int, there bool) {
	if !f.Has(name) {
		return 0, false
	}
	text := f.values.Get(name)
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		f.say("Invalid value for " + member(name) + ": " + text)
	case n < low:
		f.violate(quote(text), member(name), fmt.Sprintf("Member must have value greater than or equal to %d", low))
	case n > high:
		f.violate(quote(text), member(name), fmt.Sprintf("Member must have value less than or equal to %d", high))
	}
	return n, true
}

// Flag is a boolean; false when it is missing.
func (f *Form) Flag(name string) bool {
	text := strings.ToLower(f.values.Get(name))
	if text != "" && text != "true" && text != "false" {
		f.say("Invalid value for " + member(name) + ": " + f.values.Get(name))
	}
	return text == "true"
}

// Texts are the members of a list: name.member.1, name.member.2, …
func (f *Form) Texts(name string, rule Rule) []string {
	var all []string
	for i := 1; f.Has(at(name, i)); i++ {
		text := f.values.Get(at(name, i))
		f.judge(text, fmt.Sprintf("%s.%d.member", member(name), i), rule)
		all = append(all, text)
	}
	return all
}

// Tags are pairs of a key and a value: name.member.1.Key, …
func (f *Form) Tags(name string, key, value Rule) []lambda.Tag {
	var all []lambda.Tag
	for i := 1; f.Has(at(name, i)+".Key") || f.Has(at(name, i)+".Value"); i++ {
		place := fmt.Sprintf("%s.%d.member.", member(name), i)
		tag := lambda.Tag{Key: f.values.Get(at(name, i) + ".Key"), Value: f.values.Get(at(name, i) + ".Value")}
		f.judge(tag.Key, place+"key", key)
		f.judge(tag.Value, place+"value", value)
		all = append(all, tag)
	}
	return all
}

func at(name string, i int) string { return name + ".member." + strconv.Itoa(i) }

func (f *Form) judge(text, place string, rule Rule) {
	n := utf8.RuneCountInString(text)
	if n < rule.Min {
		f.violate(quote(text), place, fmt.Sprintf("Member must have length greater than or equal to %d", rule.Min))
	}
	if rule.Max > 0 && n > rule.Max {
		f.violate(quote(text), place, fmt.Sprintf("Member must have length less than or equal to %d", rule.Max))
	}
	if rule.OneOf != nil && !slices.Contains(rule.OneOf, text) {
		f.violate(quote(text), place, "Member must satisfy enum value set: ["+strings.Join(rule.OneOf, ", ")+"]")
	}
	if n == 0 || rule.Pattern == nil || rule.Pattern.MatchString(text) {
		return
	}
	if rule.Said != "" {
		f.say(fmt.Sprintf(rule.Said, place))
		return
	}
	f.violate(quote(text), place, "Member must satisfy regular expression pattern: "+rule.Shown)
}

func (f *Form) violate(value, place, must string) {
	f.violations = append(f.violations, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, place, must))
}

func (f *Form) say(sentence string) {
	if f.said == "" {
		f.said = sentence
	}
}

// Err is a Validation error that names every violation, or nil.
func (f *Form) Err() error {
	if n := len(f.violations); n > 0 {
		plural := "s"
		if n == 1 {
			plural = ""
		}
		return lambda.Errorf(lambda.Validation, "%d validation error%s detected: %s", n, plural, strings.Join(f.violations, "; "))
	}
	if f.said != "" {
		return lambda.Errorf(lambda.Validation, "%s", f.said)
	}
	return nil
}

func quote(text string) string { return "'" + text + "'" }

// member is the name of a member in complaints: it begins with a small letter.
func member(name string) string {
	r := []rune(name)
	r[0] = unicode.ToLower(r[0])
	return string(r)
}
