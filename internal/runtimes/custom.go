package runtimes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lambent/internal/sandbox"
)

// EntrypointError is a version that has nothing to start. The fault is the
// function's: its invocations are answered with the type and the message.
type EntrypointError struct{ Tried []string }

func (e *EntrypointError) Error() string {
	return fmt.Sprintf("Couldn't find valid bootstrap(s): [%s]", strings.Join(e.Tried, " "))
}

// FaultType is the error type that the caller of the function sees.
func (e *EntrypointError) FaultType() string { return "Runtime.InvalidEntrypoint" }

// custom starts the bootstrap that the package or a layer brings
// (docs/environment.md §2.11). A file that is there but may not be executed is
// started only when there is no better one, so that the refusal names it.
func custom(task string, opt []string) (sandbox.Program, error) {
	type place struct{ host, inside string }
	places := []place{{task, TaskRoot}}
	for i := len(opt) - 1; i >= 0; i-- { // the last layer hides the others
		places = append(places, place{opt[i], LayerRoot})
	}
	second := ""
	for _, p := range places {
		info, err := os.Stat(filepath.Join(p.host, "bootstrap"))
		if err != nil || info.IsDir() {
			continue
		}
		inside := p.inside + "/bootstrap"
		if info.Mode()&0o111 != 0 {
			return sandbox.Program{Argv: []string{inside}, Dir: TaskRoot}, nil
		}
		if second == "" {
			second = inside
		}
	}
	if second != "" {
		return sandbox.Program{Argv: []string{second}, Dir: TaskRoot}, nil
	}
	return sandbox.Program{}, &EntrypointError{Tried: []string{TaskRoot + "/bootstrap", LayerRoot + "/bootstrap"}}
}
