// Program testprog is a custom runtime whose function tells a test of every event
// that it gets, and fails or ends when the event says so.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

var base = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"

type event struct {
	N       int
	Fail    bool
	Exit    bool
	Version string `json:"version"` // of a record that came from a destination
}

func main() {
	for {
		if err := handle(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

func handle() error {
	resp, err := http.Get(base + "next")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var e event
	_ = json.Unmarshal(body, &e) // other shapes are recorded, too
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	if err := record(fmt.Sprintf("%d %s %s", e.N, id, body)); err != nil {
		return err
	}
	if e.Exit {
		os.Exit(7)
	}
	if e.Fail {
		return post(id+"/error", `{"errorMessage":"no luck","errorType":"Error"}`)
	}
	return post(id+"/response", `{"ok":true}`)
}

// record tells the test, and returns when the test knows.
func record(line string) error {
	url := os.Getenv("TEST_RECORD")
	if url == "" {
		return nil
	}
	return send(url, "text/plain", line)
}

func post(path, body string) error {
	return send(base+path, "application/json", body)
}

func send(url, contentType, body string) error {
	resp, err := http.Post(url, contentType, strings.NewReader(body))
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return resp.Body.Close()
}
