// Package socket has connections whose short reads and writes Go's scheduler is
// not told of.
//
// A system call that may block is announced to the scheduler, and the first one
// after the process was idle wakes the scheduler's watchman, a thread that then
// looks every 20 µs whether somebody is stuck. On a server that mostly waits this
// happens several times for every request, and costs as much as a hop to another
// process. The sockets of net never block, so a short transfer need not be
// announced: it is over as soon as the bytes are copied.
package socket

import "net"

// short is the most that is transferred unannounced: what the kernel copies
// within a few microseconds.
const short = 16 << 10

// Brief gives a connection that differs in nothing but that. At most one
// goroutine may read at a time, and at most one write. A connection that has no
// descriptor of its own is given back as it is.
func Brief(c net.Conn) net.Conn { return brief(c) }
