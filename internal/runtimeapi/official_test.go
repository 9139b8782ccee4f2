package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/runtimeapi"

	official "github.com/aws/aws-lambda-go/lambda"
)

// functionVariable makes the test binary a function that AWS's own Go client
// runs.
const functionVariable = "LAMBENT_TEST_FUNCTION"

func runFunction() {
	official.StartWithOptions(func(ctx context.Context, event string) (any, error) {
		switch event {
		case "fail":
			return nil, errors.New("it failed")
		case "panic":
			panic("it fell")
		case "stream":
			return strings.NewReader("streamed"), nil
		case "midway":
			return io.MultiReader(strings.NewReader("begun"), broken{}), nil
		}
		return event + "!", nil
	})
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no more") }

// answering hands every answer to the test.
type answering struct {
	*environment
	answers chan lambda.Answer
}

func (a *answering) Answer(_ string, answer lambda.Answer) error {
	a.answers <- answer
	return nil
}

// TestOfficialGoClient: aws-lambda-go, unmodified, in a process of its own (F250).
func TestOfficialGoClient(t *testing.T) {
	t.Parallel()
	env := &answering{newEnvironment(), make(chan lambda.Answer, 1)}
	server, addr := listen(t, runtimeapi.Config{Runtime: env, Extensions: env})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), functionVariable+"=1", "AWS_LAMBDA_RUNTIME_API="+addr)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(gone)
	}()
	defer func() { <-gone }()
	defer func() { _ = cmd.Process.Kill() }()

	for _, c := range []struct{ event, body, errorType string }{
		{"hello", `"hello!"`, ""},
		{"stream", "streamed", ""},
		{"fail", `{"errorMessage":"it failed","errorType":"errorString"}`, ""},
		{"midway", `{"errorMessage":"no more","errorType":"errorString"}`, "errorString"},
		{"hello", `"hello!"`, ""},
		{"panic", `"errorMessage":"it fell"`, ""},
	} {
		env.invocations <- &lambda.Invocation{
			RequestID: "r-" + c.event, Payload: []byte(`"` + c.event + `"`), Deadline: time.Now().Add(time.Hour),
		}
		var a lambda.Answer
		select {
		case a = <-env.answers:
		case <-gone:
			t.Fatalf("the function ended at %q without an answer", c.event)
		}
		failed := strings.Contains(c.body, "errorMessage")
		if !strings.Contains(string(a.Body), c.body) || a.Failed != failed || a.ErrorType != c.errorType {
			t.Errorf("%q was answered %s, want %s (failed %t, error type %q)", c.event, describe(a), c.body, failed, c.errorType)
		}
	}
	if got := server.Release(); !strings.HasPrefix(got, "aws-lambda-go/") {
		t.Errorf("the release is %q", got)
	}
}
