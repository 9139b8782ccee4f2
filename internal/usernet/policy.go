package usernet

import (
	"net/netip"
	"time"
)

// HostName is the name of the gateway, which leads to services of the host.
const HostName = "host.lambent.internal"

// Gateway is the gateway's address in every sandbox.
var Gateway = netip.AddrFrom4([4]byte{169, 254, 100, 5})

// Config is what a Stack allows. The zero value is the mode "nat": the outside,
// and nothing of the host's loopback.
type Config struct {
	// Services are TCP ports of the gateway that lead to addresses of the host,
	// such as the daemon's own API.
	Services map[uint16]netip.AddrPort

	// HostLoopback makes every other port of the gateway lead to the same port of
	// the host's 127.0.0.1: the mode "host".
	HostLoopback bool

	// Deny are further destinations that no sandbox reaches.
	Deny []netip.Prefix

	// Resolvers answer DNS; the host's /etc/resolv.conf when empty.
	Resolvers []netip.AddrPort

	// MaxTCP and MaxUDP bound the flows of one sandbox. 0 is the default.
	MaxTCP, MaxUDP int

	// TCPIdle and UDPIdle end silent flows. 0 is the default.
	TCPIdle, UDPIdle time.Duration
}

// The defaults of Config. A function may have 1,024 descriptors.
const (
	DefaultMaxTCP  = 1024
	DefaultMaxUDP  = 256
	DefaultTCPIdle = 30 * time.Minute
	DefaultUDPIdle = time.Minute
)

func (c Config) withDefaults() Config {
	if c.MaxTCP == 0 {
		c.MaxTCP = DefaultMaxTCP
	}
	if c.MaxUDP == 0 {
		c.MaxUDP = DefaultMaxUDP
	}
	if c.TCPIdle == 0 {
		c.TCPIdle = DefaultTCPIdle
	}
	if c.UDPIdle == 0 {
		c.UDPIdle = DefaultUDPIdle
	}
	return c
}

// way is where a destination leads.
type way int

const (
	refused way = iota
	resolver
	direct
)

const (
	portSMTP = 25
	portDNS  = 53
)

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// lead tells where a sandbox's packet to dst leads, and for direct to which
// address of the host's world.
func (c Config) lead(tcp bool, dst netip.AddrPort) (way, netip.AddrPort) {
	if dst.Addr() == Gateway {
		if dst.Port() == portDNS {
			return resolver, dst
		}
		if to, ok := c.Services[dst.Port()]; ok && tcp {
			return direct, to
		}
		if c.HostLoopback {
			return direct, netip.AddrPortFrom(loopback, dst.Port())
		}
		return refused, dst
	}
	if c.denied(dst.Addr()) || dst.Port() == 0 || (tcp && dst.Port() == portSMTP) {
		return refused, dst
	}
	return direct, dst
}

// denied lists what is nobody's business outside: "this" network and loopback,
// link-local, multicast, and all that is reserved behind it with broadcast.
func (c Config) denied(a netip.Addr) bool {
	if !a.Is4() {
		return true
	}
	first := a.As4()[0]
	if first == 0 || first >= 224 || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range c.Deny {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
