//go:build !linux

// Lambent-init is PID 1 of the Linux sandboxes; elsewhere it has nothing to do.
package main

func main() {}
