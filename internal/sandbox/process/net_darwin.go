package process

import "net"

// guard lets everybody in: the kernel does not tell whose a connection is.
func guard(_ *Sandbox, l net.Listener) net.Listener { return l }

// listensAt cannot be known.
func (s *Sandbox) listensAt(string) bool { return true }
