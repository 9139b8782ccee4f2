// Command gen makes the wire model that awsapi serves from: lambdaapi/model.json.
//
// The SDK for Go knows the types of every operation, but nothing that only a
// server needs: the constraints, the order of members, and the words in which
// AWS complains. Those are facts in this folder, one file for each source, the
// later ones amending the earlier:
//
//	lambda-2026-08.json   operations, shapes and constraints of AWS's public API model
//	lambda-2026-11.json   what the pinned SDK has in addition
//	lambda-recorded.json  where AWS's recorded answers differ from its own model
//
// gen merges them, drops what no operation reaches, and rewrites the patterns
// that Go's regexp cannot read. Run it with `go generate ./internal/awsapi/...`
// after changing a fact; a test fails when the result is not committed.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

func main() {
	facts := flag.String("facts", ".", "folder of the fact files")
	out := flag.String("o", "", "file to write; standard output when empty")
	flag.Parse()
	if err := run(*facts, *out); err != nil {
		log.Fatal(err)
	}
}

func run(folder, out string) error {
	text, err := generate(folder)
	if err != nil || out == "" {
		_, _ = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o644)
}

// facts is one of the files.
type facts struct {
	Operations map[string]operation `json:"operations"`
	Shapes     map[string]shape     `json:"shapes"`
}

type operation struct {
	HTTP string `json:"http"`
	In   string `json:"in"`
	Out  string `json:"out"`
}

// shape is both a fact and what model.json says of a shape. More, Retarget and
// Order (in which members are judged) amend an earlier file and do not reach the
// model; Match and Never are made
// here. See awsapi/model.go for the meaning of the others.
type shape struct {
	Type        string            `json:"type,omitempty"`
	Min         *json.Number      `json:"min,omitempty"`
	Max         *json.Number      `json:"max,omitempty"`
	Pattern     string            `json:"pattern,omitempty"`
	Match       string            `json:"match,omitempty"`
	Never       string            `json:"never,omitempty"`
	Enum        []string          `json:"enum,omitempty"`
	Also        []string          `json:"also,omitempty"`
	Sensitive   bool              `json:"sensitive,omitempty"`
	Payload     string            `json:"payload,omitempty"`
	EventStream bool              `json:"eventstream,omitempty"`
	Flat        bool              `json:"flat,omitempty"`
	Nullable    bool              `json:"nullable,omitempty"`
	Member      string            `json:"member,omitempty"`
	Key         string            `json:"key,omitempty"`
	Value       string            `json:"value,omitempty"`
	Members     [][]string        `json:"members,omitempty"`
	More        [][]string        `json:"more,omitempty"`
	Retarget    map[string]string `json:"retarget,omitempty"`
	Order       []string          `json:"order,omitempty"`
}

func generate(folder string) ([]byte, error) {
	merged := facts{Operations: map[string]operation{}, Shapes: map[string]shape{}}
	for _, name := range []string{"lambda-2026-08.json", "lambda-2026-11.json", "lambda-recorded.json"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		if err := merged.amend(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	merged.prune()
	for name, s := range merged.Shapes {
		if err := s.translate(); err != nil {
			return nil, fmt.Errorf("pattern of %s: %w", name, err)
		}
		merged.Shapes[name] = s
	}
	return merged.print()
}

// amend lays one file over what is already known: a member that the file does
// not give keeps its value.
func (f *facts) amend(text []byte) error {
	var next struct {
		Operations map[string]operation       `json:"operations"`
		Shapes     map[string]json.RawMessage `json:"shapes"`
	}
	if err := json.Unmarshal(text, &next); err != nil {
		return err
	}
	for name, op := range next.Operations {
		f.Operations[name] = op
	}
	for name, raw := range next.Shapes {
		s := f.Shapes[name]
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("shape %s: %w", name, err)
		}
		s.Members = append(s.Members, s.More...)
		for _, m := range s.Members {
			if target := s.Retarget[m[0]]; target != "" {
				m[1] = target
			}
		}
		if s.Order != nil {
			sort.SliceStable(s.Members, func(i, j int) bool {
				return slices.Index(s.Order, s.Members[i][0]) < slices.Index(s.Order, s.Members[j][0])
			})
		}
		s.More, s.Retarget, s.Order = nil, nil, nil
		f.Shapes[name] = s
	}
	return nil
}

// prune drops the shapes that no operation reaches.
func (f *facts) prune() {
	reached := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if name == "" || reached[name] {
			return
		}
		reached[name] = true
		s := f.Shapes[name]
		visit(s.Member)
		visit(s.Key)
		visit(s.Value)
		for _, m := range s.Members {
			visit(m[1])
		}
	}
	for _, op := range f.Operations {
		visit(op.In)
		visit(op.Out)
	}
	for name := range f.Shapes {
		if !reached[name] {
			delete(f.Shapes, name)
		}
	}
}

// rewritten says in Go's regular expressions what these patterns say with
// lookarounds: what must match, and what must not.
var rewritten = map[string][2]string{
	`(?!^[0-9]+$)([a-zA-Z0-9-_]+)`:              {`[a-zA-Z0-9-_]*[a-zA-Z-_][a-zA-Z0-9-_]*`},
	`((?!^\d+$)^[0-9a-zA-Z-_]+$)`:               {`[0-9a-zA-Z-_]*[a-zA-Z-_][0-9a-zA-Z-_]*`},
	`[0-9A-Za-z\.\-_]*(?<!\.)`:                  {`([0-9A-Za-z\.\-_]*[0-9A-Za-z\-_])?`},
	`(^(?!(system\x2e)))(^[_a-zA-Z0-9])([^$]*)`: {`[_a-zA-Z0-9][^$]*`, `system\x2e[\s\S]*`},
}

// lookahead is the one group with a lookaround that stands inside a longer pattern.
const lookahead, noLookahead = `((?!\d+$)[0-9a-zA-Z-_]+)`, `([0-9a-zA-Z-_]*[a-zA-Z-_][0-9a-zA-Z-_]*)`

// translate fills Match and Never where Pattern itself is not Go's dialect.
func (s *shape) translate() error {
	if s.Pattern == "" {
		return nil
	}
	if words, ok := rewritten[s.Pattern]; ok {
		s.Match, s.Never = words[0], words[1]
	} else if plain := strings.ReplaceAll(s.Pattern, lookahead, noLookahead); plain != s.Pattern {
		s.Match = plain
	}
	for _, p := range []string{s.Match, s.Never} {
		if _, err := regexp.Compile(p); err != nil {
			return err
		}
	}
	if s.Match != "" {
		return nil
	}
	_, err := regexp.Compile(s.Pattern)
	return err
}

// print writes one line for each operation and shape, in order, so that a
// change of the model can be read as a diff.
func (f *facts) print() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("{\n\"operations\": {\n")
	if err := lines(&b, f.Operations); err != nil {
		return nil, err
	}
	b.WriteString("},\n\"shapes\": {\n")
	if err := lines(&b, f.Shapes); err != nil {
		return nil, err
	}
	b.WriteString("}\n}\n")
	return b.Bytes(), nil
}

func lines[V any](b *bytes.Buffer, m map[string]V) error {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	for i, name := range names {
		var line bytes.Buffer
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m[name]); err != nil {
			return err
		}
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		fmt.Fprintf(b, "%q:%s%s\n", name, bytes.TrimSpace(line.Bytes()), end)
	}
	return nil
}
