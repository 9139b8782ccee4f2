package main

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed clients handlers
var sources embed.FS

// subject is a function in one language, with all the ways to run it.
type subject struct {
	name  string // go, python, node, or a runtime of Java
	code  definition
	dir   string   // its files
	floor []string // the command that runs it behind the floor
	bare  []string // the start of its interpreter alone
	bareS string   // how that is written in tables
}

// memoryMiB gives a function about one processor, so that no quota interferes.
const memoryMiB = 1792

// prepare builds the functions of the languages that this host has. What is
// missing is told and left out.
func (b *bench) prepare(ctx context.Context, s *server) error {
	found, err := s.interpreters(ctx)
	if err != nil {
		return err
	}
	type maker struct {
		name string
		make func(context.Context, map[string]string) (subject, error)
	}
	makers := []maker{{"go", b.goSubject}, {"python", b.python}, {"node", b.node}}
	for _, runtime := range ofLanguage(found, "java") {
		makers = append(makers, maker{runtime, func(ctx context.Context, found map[string]string) (subject, error) {
			return b.java(ctx, runtime, found)
		}})
	}
	for _, m := range makers {
		if len(b.only) > 0 && !slices.Contains(b.only, m.name) {
			continue
		}
		one, err := m.make(ctx, found)
		if err != nil {
			b.say("left out: %v", err)
			continue
		}
		b.subjects = append(b.subjects, one)
	}
	for _, name := range b.only {
		if _, ok := b.subject(name); !ok {
			return fmt.Errorf("-only: there is no function in %q here", name)
		}
	}
	return nil
}

// needs finds the subject of a part, or tells why the part has no row.
func (b *bench) needs(part, name string) (subject, bool) {
	s, ok := b.subject(name)
	if !ok {
		b.note(row{Part: part, What: name, Side: "lambent", Skipped: "there is no function in " + name})
	}
	return s, ok
}

// subject finds one by its language.
func (b *bench) subject(name string) (subject, bool) {
	for _, s := range b.subjects {
		if s.name == name {
			return s, true
		}
	}
	return subject{}, false
}

func (b *bench) goSubject(ctx context.Context, _ map[string]string) (s subject, err error) {
	s = subject{name: "go", dir: filepath.Join(b.dir, "go"), bareS: "static hello"}
	s.floor = []string{filepath.Join(s.dir, "bootstrap")}
	s.bare = []string{filepath.Join(b.dir, "hello")}
	for target, pkg := range map[string]string{s.floor[0]: "lambent/bench/function", s.bare[0]: "lambent/bench/hello"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "lambda.norpc", "-o", target, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return s, fmt.Errorf("go: build %s: %w: %s", pkg, err, out)
		}
	}
	s.code = definition{Runtime: "provided.al2023", Handler: "bootstrap", Memory: memoryMiB}
	s.code.Code, err = packed(s.dir, "bootstrap")
	return s, err
}

func (b *bench) python(_ context.Context, found map[string]string) (s subject, err error) {
	runtime, path := choose(found, "python", "python3.11")
	if path == "" {
		return s, errors.New("python: lambent has found no interpreter")
	}
	s = subject{name: "python", dir: filepath.Join(b.dir, "python"), bare: []string{path, "-S", "-c", "pass"}, bareS: runtime + " -S -c pass"}
	s.floor = []string{path, "client.py"}
	if err := unfold(s.dir, "handlers/function.py", "clients/client.py"); err != nil {
		return s, err
	}
	s.code = definition{Runtime: runtime, Handler: "function.handler", Memory: memoryMiB}
	s.code.Code, err = packed(s.dir, "function.py")
	return s, err
}

func (b *bench) node(_ context.Context, found map[string]string) (s subject, err error) {
	runtime, path := choose(found, "nodejs", "")
	if path == "" {
		return s, errors.New("node: lambent has found no interpreter")
	}
	s = subject{name: "node", dir: filepath.Join(b.dir, "node"), bare: []string{path, "-e", "0"}, bareS: "node -e 0 (" + runtime + ")"}
	s.floor = []string{path, "client.cjs"}
	if err := unfold(s.dir, "handlers/index.js", "clients/client.cjs"); err != nil {
		return s, err
	}
	s.code = definition{Runtime: runtime, Handler: "index.handler", Memory: memoryMiB}
	s.code.Code, err = packed(s.dir, "index.js")
	return s, err
}

// java runs one class, compiled for the oldest release that is served, on every
// virtual machine that was found.
func (b *bench) java(ctx context.Context, runtime string, found map[string]string) (s subject, err error) {
	path := found[runtime]
	s = subject{name: runtime, dir: filepath.Join(b.dir, "java"), bare: []string{path, "-version"}, bareS: "java -version"}
	if err := unfold(s.dir, "handlers/Function.java"); err != nil {
		return s, err
	}
	cmd := exec.CommandContext(ctx, "javac", "-Xlint:-options", "--release", "8", "Function.java")
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return s, fmt.Errorf("%s: compile: %w: %s", runtime, err, out)
	}
	s.code = definition{Runtime: runtime, Handler: "Function::handle", Memory: memoryMiB}
	s.code.Code, err = packed(s.dir, "Function.class")
	return s, err
}

// ofLanguage lists the runtimes of a language that are here, the newest first, without
// their elders' other names.
func ofLanguage(found map[string]string, language string) (names []string) {
	for r := range found {
		if strings.HasPrefix(r, language) && !strings.Contains(r, ".al2") {
			names = append(names, r)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(b, a)) // python3.10 before python3.9
	})
	return names
}

// choose takes the preferred runtime of a family if it is here, else the newest.
func choose(found map[string]string, family, preferred string) (runtime, path string) {
	if path := found[preferred]; path != "" {
		return preferred, path
	}
	names := ofLanguage(found, family)
	if len(names) == 0 {
		return "", ""
	}
	return names[0], found[names[0]]
}

// unfold writes embedded files into a folder.
func unfold(dir string, names ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		data, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
