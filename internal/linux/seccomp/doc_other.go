//go:build !linux

// Package seccomp filters system calls on Linux; other systems have no such thing.
package seccomp
