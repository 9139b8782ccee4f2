// Package usernet gives sandboxes a way out without touching the host's network:
// no bridge, no firewall rule, no forwarding, no right but those over the
// sandbox's own network namespace.
//
// Each sandbox has a TUN device. What its processes send arrives in the daemon as
// IP packets, is fed to one TCP/IP stack in user space (gVisor's netstack), and
// leaves as ordinary connections of the daemon. So a sandbox reaches what the
// daemon's user could reach, and nobody can reach into a sandbox.
//
// # Addresses
//
// Sandboxes have addresses of 169.254.192.0/18: link-local addresses can hide
// nothing that a function may want to reach, as it may not reach any. The
// gateway's address is the same in all of them. There is one interface for all
// sandboxes in the stack; a packet comes in only when its source is the address
// of the sandbox that it came from, and goes out to the sandbox whose address is
// its destination. Nothing is ever routed from one sandbox to another.
//
// # What is refused
//
// Loopback, link-local (the metadata service 169.254.169.254 with it),
// multicast and broadcast destinations, TCP port 25 as on AWS, and what the
// operator denies. TCP gets a reset at once and UDP a port unreachable, so that a
// library which tries does not wait. IPv6, ICMP and everything else is dropped.
//
// # The gateway
//
// It answers DNS on port 53 with the host's resolvers, and knows the name
// host.lambent.internal, which is itself. Its other ports lead to services of
// the host that the configuration names; with HostLoopback to all of them.
//
// # Limits and time
//
// A flow is a TCP connection, or a UDP pair of addresses. Their number is bounded
// for each sandbox, a silent one ends after its idle time, and detaching ends all
// of a sandbox. A frozen sandbox's kernel still acknowledges until its buffers are
// full, and then keeps the sender waiting; a connection outlives a freeze as long
// as its peer and the idle time allow.
package usernet
