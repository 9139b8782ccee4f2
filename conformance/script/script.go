// Package script is the language between the conformance suite and its probe:
// what a process inside an environment is to do, and what it then tells.
package script

// Script is the whole life of one process. The keys of Moments are "init",
// "invoke", "shutdown" and "term" (SIGTERM, once it is trapped); "invoke#2" is
// for the second one of the environment's life alone.
type Script struct {
	Moments map[string][]Step `json:"moments"`
	// Tell also prints every record, for moments whose files nobody can read any more.
	Tell bool `json:"tell,omitempty"`
	// Idle only answers and asks for the next event, without a note: for measuring.
	Idle bool `json:"idle,omitempty"`
}

// Event is the payload of an invocation: what the runtime does with it. Unless
// one of the steps has answered, the answer is an Answer.
type Event struct {
	Steps   []Step `json:"steps,omitempty"`
	Collect bool   `json:"collect,omitempty"` // answer with all records of the environment
	// Silent leaves the answer to the steps alone.
	Silent bool `json:"silent,omitempty"`
}

// Answer is what the runtime answers by default.
type Answer struct {
	Header  map[string]string `json:"header"` // of the event
	Records []Record          `json:"records"`
}

// Step is one thing to do. ${name} in paths, headers, bodies and texts stands
// for a variable: id is the request ID, and others are saved from answers.
type Step struct {
	Do    string `json:"do"`
	Label string `json:"label,omitempty"`

	// request: one HTTP request to the Runtime API.
	Method  string            `json:"method,omitempty"`
	Path    string            `json:"path,omitempty"`
	Header  map[string]string `json:"header,omitempty"`
	Body    string            `json:"body,omitempty"`
	Size    int               `json:"size,omitempty"`    // bytes of the letter x behind Body
	Chunked bool              `json:"chunked,omitempty"` // no Content-Length
	Trailer map[string]string `json:"trailer,omitempty"`
	Save    map[string]string `json:"save,omitempty"`   // variable to header of the answer
	Millis  int               `json:"millis,omitempty"` // sleep; how long a request may take; a collector's delay; a tick

	Text     string `json:"text,omitempty"` // raw: the bytes to send; print; file: contents
	Code     int    `json:"code,omitempty"` // exit; signal; a collector's status
	Port     int    `json:"port,omitempty"` // collect
	Protocol string `json:"protocol,omitempty"`
	Times    int    `json:"times,omitempty"` // print; a collector's first answers that have Code
	Quiet    bool   `json:"quiet,omitempty"` // a collector that notes only how much came, and what was dropped
	Steps    []Step `json:"steps,omitempty"` // async; repeat
}

// Record is what came of a step.
type Record struct {
	At      int64             `json:"at"` // Unix microseconds
	Process string            `json:"process"`
	Run     int               `json:"run"` // how often the process has started in this environment
	Label   string            `json:"label"`
	Status  int               `json:"status,omitempty"`
	Header  map[string]string `json:"header,omitempty"`
	Body    string            `json:"body,omitempty"`
	Count   int               `json:"count,omitempty"`
	Error   string            `json:"error,omitempty"`
	Millis  float64           `json:"millis,omitempty"`
}
