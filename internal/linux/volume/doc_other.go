//go:build !linux

// Package volume makes file systems of an exact size on Linux.
package volume
