package main

import (
	"io"
	"os"
	"strings"

	"lambent/internal/sandbox/sandboxtest/finding"
)

// ahead waits until it is told what it is, and then is that: its arguments,
// folder and variables come by standard input.
func ahead(do func(args []string) finding.Finding) finding.Finding {
	message, err := io.ReadAll(os.Stdin)
	parts := strings.Split(strings.TrimSuffix(string(message), "\x00"), "\x00")
	if err != nil || len(parts) < 2 {
		os.Exit(65)
	}
	os.Clearenv()
	for _, v := range parts[2:] {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			return outcome(err)
		}
	}
	if err := os.Chdir(parts[1]); err != nil {
		return outcome(err)
	}
	os.Args = append(os.Args[:1:1], strings.Split(parts[0], "\x01")...)
	return do(os.Args[1:])
}
