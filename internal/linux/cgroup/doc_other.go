//go:build !linux

// Package cgroup limits groups of processes through Linux cgroups; other
// systems have none.
package cgroup
