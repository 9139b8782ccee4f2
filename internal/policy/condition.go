package policy

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// condition is one key of one operator.
type condition struct {
	operator operator
	key      string // in lower case
	values   []value
	set      set
	ifExists bool
}

// set says what becomes of a key with several values.
type set int

const (
	plain set = iota
	forAny
	forAll
)

// value is a value of a policy, compiled for its operator.
type value struct {
	text pattern
	arn  arnPattern
	raw  string
}

// operator is a test of one value of the request against one of the policy.
type operator struct {
	name    string
	negated bool
	test    func(v *value, got string, context Context) bool
	compile func(raw string, variables bool) (value, bool)
}

const null = "null"

func operators() []operator {
	text := func(wildcards bool) func(string, bool) (value, bool) {
		return func(raw string, variables bool) (value, bool) {
			return value{raw: raw, text: compile(raw, wildcards, variables)}, true
		}
	}
	same := func(v *value, got string, c Context) bool { return v.text.fits(got, c) }
	folded := func(raw string, variables bool) (value, bool) {
		return value{text: compile(strings.ToLower(raw), false, variables)}, true
	}
	fold := func(v *value, got string, c Context) bool {
		return v.text.fits(strings.ToLower(got), func(key string) ([]string, bool) {
			values, there := c(key)
			lower := make([]string, len(values))
			for i := range values {
				lower[i] = strings.ToLower(values[i])
			}
			return lower, there
		})
	}
	arn := func(v *value, got string, c Context) bool { return v.arn.fits(splitARN(got), c) }
	arnText := func(raw string, variables bool) (value, bool) { return value{arn: compileARN(raw, variables)}, true }
	all := []operator{
		{"stringequals", false, same, text(false)},
		{"stringequalsignorecase", false, fold, folded},
		{"stringlike", false, same, text(true)},
		{"arnequals", false, arn, arnText},
		{"arnlike", false, arn, arnText},
		{"bool", false, sameBool, boolText},
		{"binaryequals", false, func(v *value, got string, _ Context) bool { return v.raw == got }, text(false)},
		{"ipaddress", false, inside, network},
		{null, false, nil, boolText},
	}
	for suffix, holds := range map[string]func(int) bool{
		"equals":            func(c int) bool { return c == 0 },
		"lessthan":          func(c int) bool { return c < 0 },
		"lessthanequals":    func(c int) bool { return c <= 0 },
		"greaterthan":       func(c int) bool { return c > 0 },
		"greaterthanequals": func(c int) bool { return c >= 0 },
	} {
		all = append(all, operator{"numeric" + suffix, false, compared(number, holds), parsed(number)},
			operator{"date" + suffix, false, compared(moment, holds), parsed(moment)})
	}
	for _, o := range all {
		if o.name == "bool" || o.name == "binaryequals" || o.name == null || strings.Contains(o.name, "than") {
			continue
		}
		o.negated = true
		switch {
		case strings.HasPrefix(o.name, "ip"):
			o.name = "notipaddress"
		case strings.HasPrefix(o.name, "arn"):
			o.name = "arnnot" + o.name[len("arn"):]
		case strings.HasPrefix(o.name, "string"):
			o.name = "stringnot" + o.name[len("string"):]
		default:
			o.name = strings.TrimSuffix(o.name, "equals") + "notequals"
		}
		all = append(all, o)
	}
	return all
}

func sameBool(v *value, got string, _ Context) bool { return strings.EqualFold(v.raw, got) }

func boolText(raw string, _ bool) (value, bool) {
	lower := strings.ToLower(raw)
	return value{raw: lower}, lower == "true" || lower == "false"
}

func network(raw string, _ bool) (value, bool) {
	_, ok := prefixOf(raw)
	return value{raw: raw}, ok
}

func prefixOf(raw string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(raw); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(raw)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

func inside(v *value, got string, _ Context) bool {
	p, _ := prefixOf(v.raw)
	a, err := netip.ParseAddr(got)
	return err == nil && p.Contains(a.Unmap().WithZone(""))
}

func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// moment reads a time in the forms that AWS takes: ISO 8601, and seconds since 1970.
func moment(s string) (float64, bool) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return float64(t.UnixMilli()) / 1000, true
		}
	}
	return number(s)
}

func parsed(parse func(string) (float64, bool)) func(string, bool) (value, bool) {
	return func(raw string, _ bool) (value, bool) {
		_, ok := parse(raw)
		return value{raw: raw}, ok
	}
}

func compared(parse func(string) (float64, bool), holds func(int) bool) func(*value, string, Context) bool {
	return func(v *value, got string, _ Context) bool {
		want, _ := parse(v.raw)
		have, ok := parse(got)
		if !ok || have != have || want != want { // not a number compares with nothing
			return false
		}
		switch {
		case have < want:
			return holds(-1)
		case have > want:
			return holds(1)
		}
		return holds(0)
	}
}

func (r reader) readConditions(members map[string]json.RawMessage, s *statement) error {
	raw, ok := members["Condition"]
	if !ok {
		return nil
	}
	blocks, err := anyObject(raw)
	if err != nil {
		return err
	}
	known := operators()
	for _, name := range slices.Sorted(keys(blocks)) {
		c, ok := operatorOf(known, name)
		if !ok {
			return malformed("Invalid Condition type : %s.", name)
		}
		entries, err := anyObject(blocks[name])
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(keys(entries)) {
			if c.values, err = r.values(c.operator, name, entries[key]); err != nil {
				return err
			}
			c.key = strings.ToLower(key)
			s.condition = append(s.condition, c)
		}
	}
	return nil
}

// operatorOf reads an operator with what stands before and after it.
func operatorOf(known []operator, name string) (c condition, ok bool) {
	lower := strings.ToLower(name)
	if rest, found := strings.CutPrefix(lower, "foranyvalue:"); found {
		c.set, lower = forAny, rest
	} else if rest, found := strings.CutPrefix(lower, "forallvalues:"); found {
		c.set, lower = forAll, rest
	}
	if rest, found := strings.CutSuffix(lower, "ifexists"); found {
		c.ifExists, lower = true, rest
	}
	for _, o := range known {
		if o.name == lower {
			c.operator = o
			return c, o.name != null || !c.ifExists && c.set == plain
		}
	}
	return c, false
}

func (r reader) values(o operator, name string, raw json.RawMessage) ([]value, error) {
	texts, err := list(raw)
	if err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		return nil, malformed(syntax)
	}
	all := make([]value, len(texts))
	for i, text := range texts {
		var ok bool
		if all[i], ok = o.compile(text, r.variables); !ok {
			return nil, malformed("Invalid value %s for condition operator %s.", text, name)
		}
	}
	return all, nil
}

// conditions tells whether all conditions of a statement hold.
func (s *statement) conditions(context Context) bool {
	for i := range s.condition {
		if !s.condition[i].holds(context) {
			return false
		}
	}
	return true
}

func (c *condition) holds(context Context) bool {
	got, there := context(c.key)
	if !there {
		got = nil
	}
	if c.operator.name == null {
		for _, v := range c.values {
			if (v.raw == "true") == !there {
				return true
			}
		}
		return false
	}
	switch {
	case c.set == forAll: // of nothing, everything is true
		return !slices.ContainsFunc(got, func(g string) bool { return !c.fits(g, context) })
	case !there || len(got) == 0:
		return c.ifExists || c.operator.negated && c.set == plain
	case c.set == forAny || !c.operator.negated:
		return slices.ContainsFunc(got, func(g string) bool { return c.fits(g, context) })
	}
	return !slices.ContainsFunc(got, func(g string) bool { return !c.fits(g, context) })
}

// fits tests one value of the request against those of the policy: one of them
// must hold, or with a negated operator none.
func (c *condition) fits(got string, context Context) bool {
	for i := range c.values {
		if c.operator.test(&c.values[i], got, context) {
			return !c.operator.negated
		}
	}
	return c.operator.negated
}
