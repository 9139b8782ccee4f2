package main

import "golang.org/x/sys/unix"

// hostMemory is this host's memory in bytes.
func hostMemory() (uint64, error) { return unix.SysctlUint64("hw.memsize") }
