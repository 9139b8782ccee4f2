package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// newRoot makes the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "lambent",
		Short:         "AWS Lambda's execution environment on your own machine",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newServe(), newInvoke(), newLogs(), newTrace(), newPs(), newFunctions(), newQueue(), newKeys(), newKMS(), newRuntimes(), newDoctor())
	return root
}

// failure is an error with an exit status of its own.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func exitCode(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return 1
}
