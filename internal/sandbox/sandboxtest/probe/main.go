// Command probe runs inside a sandbox and does there what the suite tells it
// to: honest things and attempts to get out. Its first argument is a verb; it
// reports findings on its standard output, a line of JSON each. It is built
// without cgo, so it needs nothing in the sandbox but itself.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"lambent/internal/sandbox/sandboxtest/finding"
)

// verb does something with its arguments.
type verb func(args []string) finding.Finding

func main() {
	verbs := map[string]verb{}
	for _, some := range []map[string]verb{processVerbs(), fileVerbs(), networkVerbs(), loadVerbs(), escapeVerbs()} {
		for name, v := range some {
			verbs[name] = v
		}
	}
	do := func(args []string) finding.Finding {
		if len(args) < 1 || verbs[args[0]] == nil {
			fmt.Fprintln(os.Stderr, "probe: unknown verb:", args)
			os.Exit(64)
		}
		return verbs[args[0]](args[1:])
	}
	verbs["ahead"] = func([]string) finding.Finding { return ahead(do) }
	tell(do(os.Args[1:]))
}

// tell writes a finding.
func tell(f finding.Finding) {
	line, err := json.Marshal(f)
	if err != nil {
		panic(err) // its fields always have a JSON form
	}
	os.Stdout.Write(append(line, '\n'))
}

// outcome is that of an act with nothing to tell but its error.
func outcome(err error) finding.Finding {
	f := finding.Finding{Did: err == nil}
	if err != nil {
		f.Error = err.Error()
		var errno syscall.Errno
		if errors.As(err, &errno) {
			f.Errno = int(errno)
		}
	}
	return f
}

// number reads an argument that the suite wrote.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe: not a number:", s)
		os.Exit(64)
	}
	return n
}
