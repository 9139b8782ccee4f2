//go:build !linux || race

package socket

import "net"

// The race detector knows only of what goes through the packages that tell it:
// bytes that a peer sends put what happens in order, and it must see that.
func brief(c net.Conn) net.Conn { return c }
