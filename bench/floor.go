package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// floor is the smallest correct Runtime API bridge on net/http: what comes in on
// RIE's path goes to the one function process, and what that answers goes back.
// There is no isolation, no log, no freeze, no timeout and no second environment;
// what is quicker than this has found a better way to do the same.
type floor struct {
	events chan *passage // to the parked Next
	busy   chan struct{} // holds one token: one event at a time
	open   chan *passage // the event in progress
}

// passage is one event on its way.
type passage struct {
	id     string
	event  []byte
	answer chan answer
}

type answer struct {
	body   []byte
	failed bool
}

// runFloor serves the program on its command line: `floor COMMAND…`. It says its
// address on standard output, and ends on SIGTERM.
func runFloor(command []string) error {
	if len(command) == 0 {
		return errors.New("floor: a command is needed")
	}
	f := &floor{events: make(chan *passage), busy: make(chan struct{}, 1), open: make(chan *passage, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+invokePath("function"), f.invoke)
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { f.settle(w, r, false) })
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { f.settle(w, r, true) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, mux) }() // ends with the process

	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	fmt.Printf("http://%s\n", listener.Addr())
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	select {
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-ended
		return nil
	case err := <-ended: // nobody would answer the events any more
		select {
		case <-ctx.Done(): // the signal was the function's too
			return nil
		case <-time.After(100 * time.Millisecond):
		}
		return fmt.Errorf("floor: its function has ended: %w", cmp.Or(err, errors.New("without an error")))
	}
}

func (f *floor) invoke(w http.ResponseWriter, r *http.Request) {
	event, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	p := &passage{id: hex.EncodeToString(id[:]), event: event, answer: make(chan answer, 1)}
	f.busy <- struct{}{}
	defer func() { <-f.busy }()
	f.events <- p
	a := <-p.answer
	if a.failed {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.body)
}

func (f *floor) next(w http.ResponseWriter, _ *http.Request) {
	p := <-f.events
	f.open <- p
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", p.id)
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:function")
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
	_, _ = w.Write(p.event)
}

func (f *floor) settle(w http.ResponseWriter, r *http.Request, failed bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p := <-f.open
	if p.id != r.PathValue("id") {
		f.open <- p
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	p.answer <- answer{body, failed}
}
