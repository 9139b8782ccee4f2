package python

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lambent/internal/runtimes"
)

// loadedAhead are the modules that a bootstrap which is started ahead has loaded
// besides those that every start loads (_lambent/ahead.py), and those that they
// load in turn, in any version of Python.
var loadedAhead = []string{
	"_collections_abc", "_colorize", "_heapq", "_py_abc", "_weakrefset", "abc", "annotationlib", "ast", "codecs", "collections", "contextlib",
	"copyreg", "dis", "encodings", "enum", "functools", "genericpath", "heapq", "importlib", "inspect", "io", "json", "keyword",
	"linecache", "logging", "math", "opcode", "operator", "os", "posixpath", "re", "reprlib", "sre_compile", "sre_constants", "sre_parse", "stat",
	"string", "textwrap", "threading", "token", "tokenize", "traceback", "types", "typing", "warnings", "weakref",
}

// shadows tells whether the package or a layer has a module of its own under one
// of these names. An ordinary start would load that one.
func shadows(dirs runtimes.Dirs, version string) bool {
	folders := []string{dirs.Task}
	for _, layer := range dirs.Layers {
		python := filepath.Join(layer, "python")
		folders = append(folders, python, filepath.Join(python, "lib", version, "site-packages"))
	}
	return slices.ContainsFunc(folders, func(folder string) bool {
		entries, _ := os.ReadDir(folder) // one that is not there shadows nothing
		return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
			name, _, _ := strings.Cut(e.Name(), ".")
			return slices.Contains(loadedAhead, name) || strings.HasSuffix(e.Name(), ".pth") // which may name any folder
		})
	})
}
