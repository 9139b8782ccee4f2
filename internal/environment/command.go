package environment

import (
	"strings"
	"time"

	"lambent/internal/event"
	"lambent/internal/lifecycle"
	"lambent/internal/logline"
	"lambent/internal/sandbox"
)

// command is a process to start, with what must be done when it has ended.
type command struct {
	sandbox.Command
	flush func() // hands over lines that were begun and not ended
}

// command says how a process of the environment is run.
func (e *Environment) command(p lifecycle.Process) (command, error) {
	if p.Extension != "" {
		return e.extensionCommand(p.Extension), nil
	}
	if e.program.err != nil || len(e.program.Argv) == 0 {
		return command{}, e.noProgram()
	}
	return e.runtimeCommand(), nil
}

func (e *Environment) runtimeCommand() command {
	argv := e.translateAll(e.program.Argv)
	if wrapper := e.customer("AWS_LAMBDA_EXEC_WRAPPER"); wrapper != "" && e.program.Wrapper {
		// The managed bootstraps are shell scripts that exec the wrapper, so a
		// missing one is the shell's exit status 127 (F253).
		argv = append([]string{"/bin/sh", "-c", `exec "$@"`, "bootstrap", e.translate(wrapper)}, argv...)
	}
	c := e.processCommand(argv, false)
	c.Env = e.runtimeVariables()
	c.Dir = e.box.Path(e.program.Dir)
	c.Ahead = e.program.Ahead
	if fd := e.program.LogFD; fd > 0 {
		frames := logline.NewFrames(e.frame)
		c.Extra = []sandbox.Pipe{{FD: fd, W: frames}}
		lines := c.flush
		c.flush = func() { lines(); frames.Flush() }
	}
	return c
}

func (e *Environment) extensionCommand(name string) command {
	c := e.processCommand([]string{e.box.Path("/opt/extensions/" + name)}, true)
	c.Env = e.extensionVariables()
	c.Dir = "/"
	return c
}

// processCommand joins a process's output to the event stream, line by line.
func (e *Environment) processCommand(argv []string, extension bool) command {
	emit := func(text []byte) { e.line(time.Now(), event.Line{Extension: extension, Text: text}) }
	stdout, stderr := logline.NewLines(emit), logline.NewLines(emit)
	return command{
		Command: sandbox.Command{Path: argv[0], Args: argv[1:], Stdout: stdout, Stderr: stderr},
		flush:   func() { stdout.Flush(); stderr.Flush() },
	}
}

// frame publishes a record of the framed log protocol.
func (e *Environment) frame(f logline.Frame) {
	at := f.Time
	if at.IsZero() {
		at = time.Now()
	}
	e.line(at, event.Line{Text: f.Text, Framed: true, JSON: f.JSON, Level: f.Level.String()})
}

// line publishes a line as the invocation in progress's.
func (e *Environment) line(at time.Time, l event.Line) {
	owner := e.lines.Load()
	l.RequestID, l.Tenant = owner.RequestID, owner.Tenant
	e.emit(at, l)
}

func (e *Environment) customer(name string) string {
	for _, v := range e.version.Environment {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// translateAll makes inside paths what processes must be told.
func (e *Environment) translateAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = e.translate(w)
	}
	return out
}

// translate does the same for one word, which may be a list of paths
// ("/opt/java:/var/task") or an option with one ("-Dx=/var/task").
func (e *Environment) translate(word string) string {
	if !strings.Contains(word, "/") {
		return word
	}
	parts := strings.Split(word, ":")
	for i, p := range parts {
		option, path, found := strings.Cut(p, "=/")
		switch {
		case strings.HasPrefix(p, "/"):
			parts[i] = e.box.Path(p)
		case found:
			parts[i] = option + "=" + e.box.Path("/"+path)
		}
	}
	return strings.Join(parts, ":")
}
