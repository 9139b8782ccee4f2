//go:build !linux

package runtimes

import "os/exec"

// Tether does nothing here: a command outlives a process that was killed by the
// limit that its caller gave it.
func Tether(*exec.Cmd) (release func()) { return func() {} }
