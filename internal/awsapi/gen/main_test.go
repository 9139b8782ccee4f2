package main

import (
	"bytes"
	"os"
	"testing"
)

// TestModelIsFresh fails when the facts were changed and not generated from.
func TestModelIsFresh(t *testing.T) {
	t.Parallel()
	want, err := generate(".")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../lambdaapi/model.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("lambdaapi/model.json is not what the facts say: run `go generate ./internal/awsapi/...`")
	}
}
