package lambent_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// The import law (docs/ARCHITECTURE.md): nouns < decisions < engines,
// nouns < wrappers, edges > nouns, cmd and sim > all. Engines and wrappers never
// import each other; they meet through interfaces that the user declares.
// "sandbox" and "store" are the shared contracts.
var (
	nouns     = []string{"lambda", "event", "invariant"}
	contracts = []string{"sandbox", "store"}
	decisions = []string{"lifecycle", "placement", "admission", "retry", "logline", "recursion", "turn", "alarm", "policy", "sigv4"}
)

// law says what a package may import of ours, by its path below internal. The
// longest entry that is the package or a folder above it counts.
var law = map[string][]string{
	"lambda":    nil,
	"event":     nil,
	"invariant": nil,
	"turn":      nil,       // taking turns by name: a small lock, no noun
	"alarm":     nil,       // a timer, no noun
	"socket":    nil,       // a connection, no noun
	"spare":     nil,       // buffers, no noun
	"readable":  {"linux"}, // descriptors, no noun
	"stream":    nouns,

	"sandbox": nil,
	"store":   nouns,

	"lifecycle": join(nouns, "sandbox"),
	"placement": nil,
	"admission": nil,
	"retry":     nouns,
	"logline":   nouns,
	"recursion": nil,
	"policy":    nil,
	"sigv4":     nil,

	"environment": join(nouns, decisions, contracts),
	"fleet":       join(nouns, decisions),
	"invoke":      join(nouns, decisions),
	"catalog":     join(nouns, decisions, contracts),
	"roles":       join(nouns, decisions, contracts),
	"access":      join(nouns, decisions, contracts),

	"sandbox/sandboxtest": join(nouns, "sandbox", "sandbox/sandboxtest"),
	"sandbox/simulated":   join(nouns, "sandbox"),
	"sandbox/process":     join(nouns, "sandbox"),
	"sandbox/namespace":   join(nouns, "sandbox", "linux", "readable"),
	"linux":               {"linux"},
	"bootpool":            {"sandbox"}, // a driver before a driver
	"usernet":             join(nouns, "linux"),
	"secrets":             join(nouns, "store"),
	"store/sqlite":        join(nouns, "store"),
	"store/memory":        join(nouns, "store"),
	"store/storetest":     join(nouns, "store"),
	"code":                join(nouns, "turn"),
	"compiled":            join(nouns, "sandbox"),
	"logs":                join(nouns, "logline"),
	"telemetry":           join(nouns, "logline"),
	"trace":               nouns,
	"runtimeapi":          join(nouns, "alarm", "readable", "socket", "spare"),
	"runtimes":            join(nouns, "sandbox", "runtimes"),

	"asyncq":      join(nouns, decisions, contracts),
	"destination": nouns,
	"functionurl": join(nouns, "stream"),

	"schedule":            join(nouns, decisions, contracts),
	"schedule/expression": nil,
	"metrics":             nouns,

	"awsapi": join(nouns, "awsapi", "alarm", "socket", "spare", "stream"),
	"ownapi": nouns,
}

func join(parts ...any) []string {
	var all []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}

type listed struct {
	ImportPath string
	Imports    []string
}

const prefix = "lambent/internal/"

func TestImportLaw(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name, ours := strings.CutPrefix(p.ImportPath, prefix)
		if !ours || name == "sim" || strings.HasPrefix(name, "e2e") {
			continue // cmd, sim and the tests of the whole join the parts
		}
		allowed, known := lawOf(name)
		if !known {
			t.Errorf("%s: no entry in the import law; decide what it is and add one", name)
			continue
		}
		for _, i := range p.Imports {
			if i, ours := strings.CutPrefix(i, prefix); ours && !permitted(i, name, allowed) {
				t.Errorf("%s imports %s, which the import law does not allow", name, i)
			}
		}
	}
}

// TestNounsAreStandard: what everybody shares depends on nobody.
func TestNounsAreStandard(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		name, _ := strings.CutPrefix(p.ImportPath, prefix)
		if !contains(join(nouns, decisions, "sandbox"), name) {
			continue
		}
		for _, i := range p.Imports {
			if first, _, _ := strings.Cut(i, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: only the standard library belongs there", name, i)
			}
		}
	}
}

func lawOf(name string) (allowed []string, known bool) {
	for n := name; n != ""; {
		if allowed, known = law[n]; known {
			return allowed, true
		}
		i := strings.LastIndex(n, "/")
		n = n[:max(i, 0)]
	}
	return nil, false
}

func permitted(imported, by string, allowed []string) bool {
	if strings.HasPrefix(imported, by+"/") || contains(allowed, imported) {
		return true
	}
	for _, a := range allowed {
		if a != "sandbox" && a != "store" && strings.HasPrefix(imported, a+"/") {
			return true
		}
	}
	return false
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
