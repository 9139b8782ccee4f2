package simulated

import (
	"fmt"
	"io"
	"net/http"

	"lambent/internal/sandbox"
)

// Runtime plays a function with its runtime: a client of the Runtime API at
// AWS_LAMBDA_RUNTIME_API, which behaves as its script says.
type Runtime struct {
	// Init is the function's initialisation; nil is done at once. Its Error is
	// posted to /init/error, and ends the process with status 1 unless the Turn
	// says how.
	Init func(p *Process) Turn
	// Invoke handles an invocation; nil answers with the event.
	Invoke func(p *Process, inv Invocation) Turn
	// Answered hears the API's answer to a response or an error.
	Answered func(inv Invocation, status int)
}

// Invocation is what a runtime got.
type Invocation struct {
	ID     string
	Header http.Header
	Event  []byte
	Number int // 1 is the first that this process got
}

const runtimePath = "/2018-06-01/runtime/"

// Program is the process's life.
func (r Runtime) Program(p *Process) sandbox.Exit {
	c := &client{p: p, address: p.Env("AWS_LAMBDA_RUNTIME_API")}
	if r.Init != nil {
		r.init(p, c)
	}
	for n := 1; ; n++ {
		next, err := c.call("GET", runtimePath+"invocation/next", nil, nil)
		if err != nil || next.Status != http.StatusOK {
			return fault(p, "next", next, err)
		}
		inv := Invocation{ID: next.Header.Get("Lambda-Runtime-Aws-Request-Id"), Header: next.Header, Event: next.Body, Number: n}
		turn := Turn{}
		if r.Invoke != nil {
			turn = r.Invoke(p, inv)
		}
		turn.begin(p)
		answer, err := r.answer(p, c, inv, turn)
		if err != nil || answer.Status >= 500 {
			return fault(p, "answer", answer, err)
		}
		if r.Answered != nil {
			r.Answered(inv, answer.Status)
		}
		turn.end(p)
	}
}

func (r Runtime) init(p *Process, c *client) {
	turn := r.Init(p)
	turn.begin(p)
	if turn.Error != "" {
		c.call("POST", runtimePath+"init/error", errorHeader(turn.Error), errorBody(turn.Error))
		turn.end(p)
		p.Exit(sandbox.Exit{Code: 1})
	}
	turn.end(p)
}

// answer sends what the turn says.
func (r Runtime) answer(p *Process, c *client, inv Invocation, t Turn) (reply, error) {
	path := runtimePath + "invocation/" + inv.ID
	switch {
	case t.Error != "":
		return c.call("POST", path+"/error", errorHeader(t.Error), errorBody(t.Error))
	case t.Truncate:
		c.truncate("POST", path+"/response", []byte(`{"half":`))
		return reply{}, nil
	case t.Stream != nil:
		header := http.Header{"Lambda-Runtime-Function-Response-Mode": {"streaming"}}
		return c.call("POST", path+"/response", header, &chunks{p: p, left: t.Stream})
	case t.Answer != nil:
		return c.call("POST", path+"/response", nil, bodyOf(t.Answer))
	}
	return c.call("POST", path+"/response", nil, bodyOf(inv.Event))
}

func errorHeader(kind string) http.Header {
	return http.Header{"Lambda-Runtime-Function-Error-Type": {kind}}
}

func errorBody(kind string) io.Reader {
	return bodyOf(fmt.Appendf(nil, `{"errorMessage":"scripted","errorType":%q}`, kind))
}

// fault ends a process whose API failed it.
func fault(p *Process, act string, got reply, err error) sandbox.Exit {
	fmt.Fprintf(p.Stderr, "%s: status %d, error %v, %s\n", act, got.Status, err, got.Body)
	return sandbox.Exit{Code: 1}
}
