// Package tun makes the network device of a sandbox: a TUN in the network
// namespace of the calling thread, with its address, route and MTU. It imports
// the standard library and x/sys only, so that the first process of a sandbox can
// use it where the daemon may not enter the namespace.
package tun

import "net/netip"

// Config is what the device shall be.
type Config struct {
	Name    string // at most 15 bytes
	Address netip.Addr
	MTU     int
}
