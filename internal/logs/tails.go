package logs

import (
	"sync"
	"sync/atomic"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/logline"
)

// Tails collects the last lines of invocations that asked for them
// (LogType=Tail). It is fed as events happen, so a tail is complete as soon as
// the report of its invocation was published. With no tail open an event costs
// one atomic load.
type Tails struct {
	style logline.Style
	count atomic.Int32

	mu   sync.Mutex
	open map[string]*tail
}

// tail is from START to REPORT; what comes before, such as an Init inside the
// invocation, is not in it (F274).
type tail struct {
	started bool
	text    []byte
	ends    []int
}

// NewTails makes a Tails.
func NewTails(style logline.Style) *Tails {
	return &Tails{style: style, open: make(map[string]*tail)}
}

// Open begins to collect. It must come before the invocation is handed over.
func (t *Tails) Open(requestID string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[requestID]; !ok {
		t.open[requestID] = &tail{}
		t.count.Add(1)
	}
}

// Close ends the collection and returns at most the last lambda.MaxLogTail bytes.
// Every Open needs a Close, also when the caller has gone.
func (t *Tails) Close(requestID string) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	tl, ok := t.open[requestID]
	if !ok {
		return nil
	}
	delete(t.open, requestID)
	t.count.Add(-1)
	return tl.text[max(0, len(tl.text)-lambda.MaxLogTail):]
}

// Publish adds the event to the tail of its invocation, if that is open.
func (t *Tails) Publish(e event.Event) {
	if t.count.Load() == 0 {
		return
	}
	id := requestID(e.Record)
	if id == "" || e.Origin == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	tl, ok := t.open[id]
	if !ok {
		return
	}
	if _, starts := e.Record.(event.Start); starts {
		tl.started, tl.text = true, tl.text[:0] // an attempt again is a tail again
	}
	if !tl.started || !logline.Wanted(e) {
		return
	}
	tl.text, tl.ends = logline.AppendMessages(tl.text, tl.ends[:0], e, t.style)
	if len(tl.text) > 4*lambda.MaxLogTail {
		tl.text = append(make([]byte, 0, 2*lambda.MaxLogTail), tl.text[len(tl.text)-lambda.MaxLogTail:]...)
	}
}

// requestID is the invocation that a record with a message belongs to.
func requestID(r event.Record) string {
	switch r := r.(type) {
	case event.Start:
		return r.RequestID
	case event.Line:
		return r.RequestID
	case event.RuntimeDone:
		return r.RequestID
	case event.Report:
		return r.RequestID
	}
	return ""
}
