package main

import (
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/java"
	"lambent/internal/runtimes/node"
	"lambent/internal/runtimes/python"
	"lambent/internal/runtimes/ruby"
)

// runtimeOptions say where this host's interpreters are looked for.
func runtimeOptions(dir string, o options) runtimes.Options {
	return runtimes.Options{
		Dir: dir, Families: []runtimes.Family{python.Family{}, node.Family{}, ruby.Family{}, java.Family{}}, Folders: o.runtimeDirs,
		AnyArchitecture: o.anyArch,
	}
}
