// Program sigterm is a Go function with the internal extension of AWS's own
// library, which is there for its SIGTERM.
package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartWithOptions(func(context.Context) (string, error) { return "fine", nil },
		lambda.WithEnableSIGTERM(func() { fmt.Println("goodbye from Go") }))
}
