// Program bootstrap is a custom runtime that speaks the Runtime API with no
// client library, and does what the event asks for.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

var base = "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/"

func main() {
	if os.Getenv("TEST_INIT") == "error" {
		post("init/error", `{"errorMessage":"not today","errorType":"Mine.NotToday"}`, "Lambda-Runtime-Function-Error-Type", "Runtime.NotToday")
		os.Exit(1)
	}
	for {
		handle(http.Get(base + "invocation/next"))
	}
}

type request struct {
	Do    string
	Value string
	Size  int
}

func handle(resp *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	var r request
	_ = json.Unmarshal(body, &r) // an event of another shape asks for nothing
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	switch r.Do {
	case "headers":
		answer(id, resp.Header)
	case "environment":
		answer(id, os.Environ())
	case "error":
		post("invocation/"+id+"/error", r.Value, "Lambda-Runtime-Function-Error-Type", "Function.Custom")
	case "answer and exit":
		answer(id, "done")
		os.Exit(5)
	case "wrong id":
		code, text := post("invocation/00000000-0000-0000-0000-000000000000/response", `"x"`)
		answer(id, fmt.Sprint(code, " ", text))
	case "twice":
		answer(id, "first")
		code, text := post("invocation/"+id+"/response", `"second"`)
		fmt.Println("the second answer:", code, text)
	case "large":
		code, text := post("invocation/"+id+"/response", `"`+strings.Repeat("x", r.Size)+`"`)
		fmt.Println("the large answer:", code, text)
	default:
		answer(id, map[string]any{"event": json.RawMessage(body), "time": time.Now().Year() > 2000})
	}
}

func answer(id string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	post("invocation/"+id+"/response", string(body))
}

func post(path, body string, headers ...string) (int, string) {
	req, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		os.Exit(9)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, strings.TrimSpace(string(text))
}
