// Command markdown is a Lambda function that turns Markdown into HTML.
package main

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

type request struct {
	Markdown string `json:"markdown"`
}

type response struct {
	HTML        string `json:"html"`
	Invocations int    `json:"invocations"` // of this environment
}

// page is what lives as long as the environment.
type page struct {
	renderer    goldmark.Markdown
	invocations int
}

func (p *page) handle(ctx context.Context, in request) (response, error) {
	p.invocations++
	var out bytes.Buffer
	if err := p.renderer.Convert([]byte(in.Markdown), &out); err != nil {
		return response{}, fmt.Errorf("render: %w", err)
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		fmt.Printf("%d bytes of HTML for %s\n", out.Len(), lc.AwsRequestID)
	}
	return response{HTML: out.String(), Invocations: p.invocations}, nil
}

func main() {
	p := &page{renderer: goldmark.New(goldmark.WithExtensions(extension.GFM))}
	lambda.Start(p.handle)
}
