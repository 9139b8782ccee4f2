//go:build !linux

// Package epoll exists on Linux only.
package epoll
