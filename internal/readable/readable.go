// Package readable tells when descriptors can be read, with one goroutine for all
// of them.
//
// Who waits for bytes that may never come usually has a goroutine for it, and a
// buffer to read them into. That is cheap once, and not for every pipe, listener
// and idle connection of a thousand frozen environments: most of what they take of
// the server would be stacks on which nothing happens.
package readable

import (
	"errors"
	"syscall"
)

// Descriptor is what can be watched.
type Descriptor interface {
	// Control calls f with the descriptor, which is open until f returns.
	Control(f func(fd uintptr)) error
}

// Of is the descriptor of a connection, listener or file that has one.
func Of(what any) (Descriptor, error) {
	if one, has := what.(syscall.Conn); has {
		return one.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
