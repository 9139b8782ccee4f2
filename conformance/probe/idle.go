package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
)

// idle does nothing but what its API demands, on one connection, and as little
// of that as possible. It never returns.
func (p *process) idle() {
	conn, err := net.Dial("tcp", p.api)
	if err != nil {
		os.Exit(94)
	}
	w := &wire{conn: conn, answers: bufio.NewReader(conn)}
	if p.name == "bootstrap" {
		for {
			id := w.call("GET " + runtimePath + "invocation/next HTTP/1.1\r\nHost: x\r\n\r\n").Get("Lambda-Runtime-Aws-Request-Id")
			w.call("POST " + runtimePath + "invocation/" + id + "/response HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
		}
	}
	body := `{"events":["INVOKE"]}`
	id := w.call("POST " + extensionPath + "register HTTP/1.1\r\nHost: x\r\nLambda-Extension-Name: " + p.name +
		"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body).Get("Lambda-Extension-Identifier")
	for {
		w.call("GET " + extensionPath + "event/next HTTP/1.1\r\nHost: x\r\nLambda-Extension-Identifier: " + id + "\r\n\r\n")
	}
}

// wire is a connection to the Runtime API.
type wire struct {
	conn    net.Conn
	answers *bufio.Reader
}

// call sends a request and gives the headers of its answer.
func (w *wire) call(request string) http.Header {
	if _, err := io.WriteString(w.conn, request); err != nil {
		os.Exit(94)
	}
	resp, err := http.ReadResponse(w.answers, nil)
	if err != nil {
		os.Exit(94)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode > 299 {
		fmt.Fprintln(os.Stderr, "probe:", resp.Status, err)
		os.Exit(94)
	}
	return resp.Header
}
