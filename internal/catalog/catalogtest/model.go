// Package catalogtest is a plain model of functions, versions and aliases: what
// their callers must be told, said again in the simplest way. Tests draw steps
// from it, take them in the real thing as well, and compare the answers; it knows
// no time, no store and no state but the last.
package catalogtest

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
)

// Step is one call. Which members count is said by its Act.
type Step struct {
	Act         Act
	Function    string
	Qualifier   string // an alias's name, or a version's number
	Target      string // the version that an alias shall point to
	Code        string // a label of a package
	Handler     string
	Description string
	Publish     bool
}

// Act is what a step does.
type Act string

// The acts.
const (
	Create      Act = "create"
	UpdateCode  Act = "update code"
	Configure   Act = "configure"
	Publish     Act = "publish"
	CreateAlias Act = "create alias"
	UpdateAlias Act = "update alias"
	DeleteAlias Act = "delete alias"
	Invoke      Act = "invoke"
	Delete      Act = "delete"
)

// Answer is what a caller is told: a refusal's text, or what was made, changed or
// invoked. ARNs in texts begin with "ARN:" only.
type Answer struct {
	Refused     string
	Version     string
	Code        string
	Handler     string
	Description string
}

// version is what a version consists of.
type version struct{ code, handler, description string }

type function struct {
	latest    version
	changed   int // counts the changes of latest
	published map[string]version
	next      int
	last      string // the number published last
	lastFrom  int    // what changed was then
	aliases   map[string]string
}

// Model is all functions.
type Model struct{ functions map[string]*function }

// New is a model without functions.
func New() *Model { return &Model{functions: map[string]*function{}} }

// Clone is a copy that goes its own way.
func (m *Model) Clone() *Model {
	c := New()
	for name, f := range m.functions {
		copied := *f
		copied.published, copied.aliases = maps.Clone(f.published), maps.Clone(f.aliases)
		c.functions[name] = &copied
	}
	return c
}

// Labels are those of the packages that steps have.
func Labels() []string { return []string{"a", "b", "c", "d"} }

// Draw makes a step that may well be refused.
func (m *Model) Draw(r *rand.Rand) Step {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	number := strconv.Itoa(1 + r.IntN(4))
	s := Step{
		Function: pick("one", "two", "three"), Code: pick(Labels()...), Handler: pick("app.first", "app.second"),
		Description: pick("", "", "mine"), Publish: r.IntN(3) == 0, Target: pick("$LATEST", number),
		Act: []Act{Create, UpdateCode, Configure, Publish, Publish, CreateAlias, UpdateAlias, DeleteAlias, Invoke, Invoke, Invoke, Delete}[r.IntN(12)],
	}
	// Numbers that were given lately are the interesting ones.
	if f := m.functions[s.Function]; f != nil && f.next > 1 {
		number = strconv.Itoa(max(1, f.next-1-r.IntN(4)))
		s.Target = pick("$LATEST", number, number)
	}
	switch s.Act {
	case CreateAlias, UpdateAlias, DeleteAlias:
		s.Qualifier = pick("live", "next")
	case Invoke:
		s.Qualifier = pick("", "$LATEST", number, "live", "next")
	case Delete:
		if s.Qualifier = pick(number, number, number, ""); s.Qualifier == "" && r.IntN(3) > 0 {
			s.Qualifier = number // functions live long enough to have many versions
		}
	}
	return s
}

func notFound(name, qualifier string) Answer {
	text := "Function not found: ARN:function:" + name
	if qualifier != "" {
		text += ":" + qualifier
	}
	return Answer{Refused: text}
}

func refused(format string, args ...any) Answer { return Answer{Refused: fmt.Sprintf(format, args...)} }

func (v version) answer(number string) Answer {
	return Answer{Version: number, Code: v.code, Handler: v.handler, Description: v.description}
}

// Do takes a step.
func (m *Model) Do(s Step) Answer {
	f := m.functions[s.Function]
	switch s.Act {
	case Create:
		return m.create(f, s)
	case CreateAlias:
		if f != nil && f.aliases[s.Qualifier] != "" {
			return refused("Alias already exists: ARN:function:%s:%s", s.Function, s.Qualifier)
		}
		return m.point(f, s)
	case Invoke:
		if f == nil {
			return notFound(s.Function, cmp.Or(s.Qualifier, "$LATEST"))
		}
		return f.invoke(s)
	}
	if f == nil {
		return notFound(s.Function, "")
	}
	switch s.Act {
	case UpdateCode:
		f.latest.code = s.Code
		f.changed++
		if s.Publish {
			return f.publish("")
		}
		return f.latest.answer("$LATEST")
	case Configure:
		f.latest.handler, f.latest.description = s.Handler, s.Description
		f.changed++
		return f.latest.answer("$LATEST")
	case Publish:
		return f.publish(s.Description)
	case UpdateAlias:
		if f.aliases[s.Qualifier] == "" {
			return refused("Alias not found: ARN:function:%s:%s", s.Function, s.Qualifier)
		}
		return m.point(f, s)
	case DeleteAlias:
		delete(f.aliases, s.Qualifier)
	case Delete:
		return m.delete(f, s)
	}
	return Answer{}
}

func (m *Model) create(f *function, s Step) Answer {
	if f != nil {
		return refused("Function already exist: %s", s.Function)
	}
	f = &function{latest: version{s.Code, s.Handler, s.Description}, published: map[string]version{}, next: 1, aliases: map[string]string{}}
	m.functions[s.Function] = f
	if s.Publish {
		return f.publish("")
	}
	return f.latest.answer("$LATEST")
}

// publish freezes latest, or answers what it was frozen as before.
func (f *function) publish(description string) Answer {
	if last, ok := f.published[f.last]; ok && (f.changed == f.lastFrom || last == f.latest) {
		return last.answer(f.last)
	}
	frozen := f.latest
	frozen.description = cmp.Or(description, frozen.description)
	f.last, f.lastFrom = strconv.Itoa(f.next), f.changed
	f.next++
	f.published[f.last] = frozen
	return frozen.answer(f.last)
}

// point makes an alias point to its target.
func (m *Model) point(f *function, s Step) Answer {
	if f == nil || !f.has(s.Target) {
		return notFound(s.Function, s.Target)
	}
	f.aliases[s.Qualifier] = s.Target
	return Answer{Version: s.Target}
}

func (f *function) has(number string) bool {
	_, ok := f.published[number]
	return ok || number == "$LATEST"
}

func (f *function) invoke(s Step) Answer {
	number := cmp.Or(f.aliases[s.Qualifier], s.Qualifier, "$LATEST")
	if !f.has(number) {
		return notFound(s.Function, s.Qualifier)
	}
	v, ok := f.published[number]
	if !ok {
		v = f.latest
	}
	v.description = "" // the function does not know it
	return v.answer(number)
}

func (m *Model) delete(f *function, s Step) Answer {
	if s.Qualifier == "" {
		delete(m.functions, s.Function)
		return Answer{}
	}
	var names []string
	for name, target := range f.aliases {
		if target == s.Qualifier {
			names = append(names, name)
		}
	}
	if slices.Sort(names); len(names) > 0 && f.has(s.Qualifier) {
		text := names[0]
		for _, name := range names[1:] {
			text += ", " + name
		}
		return refused("Unable to delete version because the following aliases reference it: [%s]", text)
	}
	delete(f.published, s.Qualifier)
	return Answer{}
}

// Everything is all that there is, a sorted line each.
func (m *Model) Everything() []string {
	var lines []string
	for name, f := range m.functions {
		lines = append(lines, Line(name, f.latest.answer("$LATEST")))
		for number, v := range f.published {
			lines = append(lines, Line(name, v.answer(number)))
		}
		for alias, target := range f.aliases {
			lines = append(lines, AliasLine(name, alias, target))
		}
	}
	slices.Sort(lines)
	return lines
}

// Line is a version in Everything.
func Line(function string, a Answer) string {
	return fmt.Sprintf("%s:%s %s %s %q", function, a.Version, a.Code, a.Handler, a.Description)
}

// AliasLine is an alias in Everything.
func AliasLine(function, alias, target string) string {
	return fmt.Sprintf("%s:%s -> %s", function, alias, target)
}
