package simulated

import (
	"fmt"
	"io"
	"time"

	"lambent/internal/sandbox"
)

// Turn is what a runtime or an extension does between two calls of its API, in
// the order of the fields. The zero Turn is done at once and well.
type Turn struct {
	Lines  []string      // prints these
	Memory int64         // has so many bytes in use from now on, unless 0
	Sleep  time.Duration // waits
	Work   time.Duration // computes, charged as CPU time
	Hang   bool          // waits for ever
	Exit   *sandbox.Exit // ends without an answer

	// The answer is one of these; the first that is set. An extension has no
	// answer other than Error.
	Error    string  // an error of this type
	Truncate bool    // half an answer, and hangs up
	Stream   []Chunk // a streamed response
	Answer   []byte  // a response; nil is the event itself

	LinesAfter []string      // prints these when it has answered
	WorkAfter  time.Duration // computes on
	HangAfter  bool          // never asks for the next event
	ExitAfter  *sandbox.Exit // ends instead of asking for the next event
}

// Chunk is a part of a streamed response.
type Chunk struct {
	Sleep time.Duration // before it
	Data  string
}

// Exited is how a process ends by itself, for the fields of a Turn.
func Exited(code int) *sandbox.Exit { return &sandbox.Exit{Code: code} }

// begin does what comes before the answer.
func (t Turn) begin(p *Process) {
	t.print(p, t.Lines)
	if t.Memory > 0 {
		p.Use(t.Memory)
	}
	if t.Sleep > 0 {
		p.Sleep(t.Sleep)
	}
	p.Work(t.Work)
	t.stop(p, t.Hang, t.Exit)
}

// end does what comes after it.
func (t Turn) end(p *Process) {
	t.print(p, t.LinesAfter)
	p.Work(t.WorkAfter)
	t.stop(p, t.HangAfter, t.ExitAfter)
}

func (t Turn) print(p *Process, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(p.Stdout, line)
	}
}

func (t Turn) stop(p *Process, hang bool, exit *sandbox.Exit) {
	if hang {
		<-p.Context().Done()
		p.Gate()
	}
	if exit != nil {
		p.Exit(*exit)
	}
}

// chunks reads a stream at its own pace.
type chunks struct {
	p    *Process
	left []Chunk
	now  string
}

func (c *chunks) Read(b []byte) (int, error) {
	for c.now == "" {
		if len(c.left) == 0 {
			return 0, io.EOF
		}
		if c.left[0].Sleep > 0 {
			c.p.Sleep(c.left[0].Sleep)
		}
		c.now, c.left = c.left[0].Data, c.left[1:]
	}
	n := copy(b, c.now)
	c.now = c.now[n:]
	return n, nil
}
