// The function of the aws-lambda-go package.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Op      string          `json:"op"`
	Value   json.RawMessage `json:"value"`
	Name    string          `json:"name"`
	Text    string          `json:"text"`
	Message string          `json:"message"`
	Code    int             `json:"code"`
}

func handle(ctx context.Context, e event) (any, error) {
	switch e.Op {
	case "echo":
		return e.Value, nil
	case "env":
		if value, ok := os.LookupEnv(e.Name); ok {
			return value, nil
		}
		return nil, nil
	case "print":
		fmt.Println(e.Text)
		return nil, nil
	case "context":
		c, _ := lambdacontext.FromContext(ctx)
		return map[string]string{"id": c.AwsRequestID, "arn": c.InvokedFunctionArn}, nil
	case "stream": // a reader is streamed by the client; its error goes into trailers
		var end io.Reader = strings.NewReader("two")
		if e.Message != "" {
			end = iotest.ErrReader(errors.New(e.Message))
		}
		return io.MultiReader(strings.NewReader("one"), end), nil
	case "raise":
		return nil, errors.New(e.Message)
	case "exit":
		os.Exit(e.Code)
	}
	return nil, fmt.Errorf("unknown op %q", e.Op)
}

func main() { lambda.Start(handle) }
