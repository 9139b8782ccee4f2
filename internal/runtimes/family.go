package runtimes

import (
	"context"
	"io/fs"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// Where functions expect a runtime's parts, as seen inside.
const (
	TaskRoot   = "/var/task"
	LayerRoot  = "/opt"
	RuntimeDir = "/var/runtime"
	LangDir    = "/var/lang"
)

// LogFD is the descriptor of the framed log protocol that AWS's environments
// use (docs/environment.md §7.5).
const LogFD = 62

// Family is the managed runtimes of one language.
type Family interface {
	// Name is the language's, and part of a folder name: "python".
	Name() string

	// Runtimes are the identifiers that the family can serve where an
	// interpreter is found, newest first.
	Runtimes() []lambda.Runtime

	// Advice says how an operator gets the runtime on this kind of host, in a
	// sentence without a full stop.
	Advice(r lambda.Runtime) string

	// Bootstrap is what is shown at /var/runtime. It is written out once.
	Bootstrap() fs.FS

	// Find looks for interpreters. It returns as many as there are, the best
	// of a runtime first, and must neither hang nor fail: what cannot be used
	// is left out.
	Find(ctx context.Context, host *Host) []Found

	// Program says how the version is started with an interpreter of Find's.
	// An error is ours, or carries a fault type (EntrypointError).
	Program(v *lambda.Version, found Found, dirs Dirs) (sandbox.Program, error)
}

// Preparer is a Family with something to make ahead for an interpreter, such
// as compiled code. Prepare may add files to the bootstrap's host folder under
// names that tell interpreters apart; it is called once per folder and
// interpreter. When it fails the runtime is served all the same, only slower.
type Preparer interface {
	Prepare(ctx context.Context, found Found, host *Host, folder string) error
}

// Found is an interpreter on this host; or, in Set.List, its absence.
type Found struct {
	Runtime lambda.Runtime `json:"runtime"`
	Version string         `json:"version,omitempty"` // "3.11.7"
	Path    string         `json:"path,omitempty"`    // the real binary; empty: not here
	Prefix  string         `json:"prefix,omitempty"`  // host folder shown at /var/lang
	Source  string         `json:"source,omitempty"`  // who installed it: "pyenv", "PATH"
	Missing string         `json:"missing,omitempty"` // when not here: what to do
}

// Here tells whether there is an interpreter.
func (f Found) Here() bool { return f.Path != "" }

// Dirs are the host folders of what a version is made of.
type Dirs struct {
	Bootstrap string   // the family's, written out
	Task      string   // the function's package
	Layers    []string // in the order of the configuration: a later one hides an earlier one's files
}

// Mounts are the two folders that every managed runtime needs.
func (d Dirs) Mounts(found Found) []sandbox.Mount {
	return []sandbox.Mount{
		{Source: found.Prefix, Target: LangDir},
		{Source: d.Bootstrap, Target: RuntimeDir},
	}
}

// Variable reads one of the version's environment variables.
func Variable(v *lambda.Version, name string) (string, bool) {
	for _, x := range v.Environment {
		if x.Name == name {
			return x.Value, true
		}
	}
	return "", false
}
