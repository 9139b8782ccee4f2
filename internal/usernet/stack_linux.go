package usernet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const (
	// mtu is as large as an IP packet can be: the way to the daemon has no
	// frames, and larger packets mean fewer system calls.
	mtu     = 65535
	nic     = 1
	device  = "eth0"
	maxSYNs = 1 << 16 // connections being made, of all sandboxes; each has its own limit

	firstAddress = 169<<24 | 254<<16 | 192<<8
	addresses    = 1 << 14 // 169.254.192.0/18
)

// Stack is the one TCP/IP stack for all sandboxes.
type Stack struct {
	cfg      Config
	net      *stack.Stack
	link     *link
	polls    []*poll
	resolver *dns
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	work     sync.WaitGroup // flows and polls
	closing  sync.WaitGroup // devices that are being removed

	mu       sync.Mutex
	closed   bool
	free     []uint16 // slots, the longest unused first
	attached map[*Attachment]struct{}
}

// New starts a stack.
func New(cfg Config) (*Stack, error) {
	s := &Stack{cfg: cfg.withDefaults(), attached: make(map[*Attachment]struct{})}
	s.dial = new(net.Dialer).DialContext
	s.resolver = newDNS(s.cfg.Resolvers)
	for slot := 1; slot < addresses-1; slot++ {
		s.free = append(s.free, uint16(slot))
	}
	s.link = &link{}
	s.net = stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	if err := s.configure(); err != nil {
		s.net.Destroy()
		return nil, err
	}
	for range min(4, runtime.NumCPU()) {
		p, err := newPoll(s.link)
		if err != nil {
			_ = s.Close()
			return nil, err
		}
		s.polls = append(s.polls, p)
		s.work.Go(p.run)
	}
	return s, nil
}

// configure makes the stack take packets to any address and answer from it.
func (s *Stack) configure() error {
	failed := func(what string, err tcpip.Error) error { return fmt.Errorf("%s of network stack: %s", what, err) }
	if err := s.net.CreateNIC(nic, s.link); err != nil {
		return failed("make interface", err)
	}
	if err := s.net.SetPromiscuousMode(nic, true); err != nil {
		return failed("set promiscuous mode", err)
	}
	if err := s.net.SetSpoofing(nic, true); err != nil {
		return failed("set spoofing", err)
	}
	s.net.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	if err := s.tune(); err != nil {
		return failed("tune", err)
	}
	forwarder := tcp.NewForwarder(s.net, 0, maxSYNs, s.acceptTCP)
	s.net.SetTransportProtocolHandler(tcp.ProtocolNumber, forwarder.HandlePacket)
	datagrams := udp.NewForwarder(s.net, s.acceptUDP)
	s.net.SetTransportProtocolHandler(udp.ProtocolNumber, func(id stack.TransportEndpointID, p *stack.PacketBuffer) bool {
		// What is not handled is answered with port unreachable.
		way, _ := s.cfg.lead(false, addrPort(id.LocalAddress, id.LocalPort))
		return way != refused && datagrams.HandlePacket(id, p)
	})
	return nil
}

// tune bounds what a connection may buffer in the daemon, and forgets ended ones
// soon: both ends are on this host.
func (s *Stack) tune() tcpip.Error {
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: 256 << 10, Max: 1 << 20}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: 256 << 10, Max: 1 << 20}
	selective := tcpip.TCPSACKEnabled(true)
	timeWait := tcpip.TCPTimeWaitTimeoutOption(timeWait)
	for _, option := range []tcpip.SettableTransportProtocolOption{&receive, &send, &selective, &timeWait} {
		if err := s.net.SetTransportProtocolOption(tcp.ProtocolNumber, option); err != nil {
			return err
		}
	}
	return nil
}

// Close detaches every sandbox and ends the stack. It waits for all that the
// stack began. Nothing else may be called at the same time.
func (s *Stack) Close() error {
	s.mu.Lock()
	s.closed = true
	var left []*Attachment
	for a := range s.attached {
		left = append(left, a)
	}
	s.mu.Unlock()
	for _, a := range left {
		a.Detach()
	}
	for _, p := range s.polls {
		p.close()
	}
	s.net.Close()
	s.work.Wait()
	s.closing.Wait()
	s.net.Destroy()
	return nil
}

// enter lets a flow begin, which leaves by work.Done; not when the stack closes.
func (s *Stack) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Add(1)
	}
	return !s.closed
}

// addressOf is the address of the sandbox in a slot.
func addressOf(slot uint16) netip.Addr {
	n := uint32(firstAddress) + uint32(slot)
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// slotOf is the slot that an address belongs to.
func slotOf(a [4]byte) (uint16, bool) {
	n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
	n -= firstAddress
	return uint16(n), n < addresses
}

func addrPort(a tcpip.Address, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(a.As4()), port)
}

// link is the stack's one interface. It finds the sandbox of a packet by its
// address.
type link struct {
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
	slots      [addresses]atomic.Pointer[Attachment]
}

// deliver hands a sandbox's packet to the stack, if it is TCP or UDP over IPv4
// from the sandbox's own address.
func (l *link) deliver(slot uint16, packet []byte) {
	if len(packet) < header.IPv4MinimumSize || packet[0]>>4 != header.IPv4Version {
		return
	}
	ip := header.IPv4(packet)
	if from, ok := slotOf([4]byte(packet[12:16])); !ok || from != slot {
		return
	}
	if p := ip.TransportProtocol(); p != tcp.ProtocolNumber && p != udp.ProtocolNumber {
		return
	}
	dispatcher := l.dispatcher.Load()
	if dispatcher == nil {
		return
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(packet)})
	(*dispatcher).DeliverNetworkPacket(ipv4.ProtocolNumber, pkt)
	pkt.DecRef()
}

// WritePackets sends packets to the sandboxes of their destinations. What a
// sandbox does not take is lost, as on any network.
func (l *link) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	all := packets.AsSlice()
	for _, p := range all {
		ip := header.IPv4(p.NetworkHeader().Slice())
		if len(ip) < header.IPv4MinimumSize {
			continue
		}
		if slot, ok := slotOf([4]byte(ip[16:20])); ok {
			if a := l.slots[slot].Load(); a != nil {
				a.send(p.AsSlices())
			}
		}
	}
	return len(all), nil
}

// Attach keeps the way into the stack; nil ends it.
func (l *link) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		l.dispatcher.Store(nil)
		return
	}
	l.dispatcher.Store(&d)
}

// IsAttached, MTU and the rest are what stack.LinkEndpoint asks of a link
// without frames.
func (l *link) IsAttached() bool { return l.dispatcher.Load() != nil }

// MTU is the size of the largest packet.
func (l *link) MTU() uint32 { return mtu }

// SetMTU is ignored: the devices have theirs already.
func (l *link) SetMTU(uint32) {}

// MaxHeaderLength is 0: there are no frames.
func (l *link) MaxHeaderLength() uint16 { return 0 }

// LinkAddress is empty.
func (l *link) LinkAddress() tcpip.LinkAddress { return "" }

// SetLinkAddress is ignored.
func (l *link) SetLinkAddress(tcpip.LinkAddress) {}

// Capabilities says that checksums of incoming packets are the kernel's own work.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload
}

// ARPHardwareType is none.
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// AddHeader does nothing.
func (l *link) AddHeader(*stack.PacketBuffer) {}

// ParseHeader does nothing.
func (l *link) ParseHeader(*stack.PacketBuffer) bool { return true }

// Wait does nothing: the link has no goroutine.
func (l *link) Wait() {}

// Close does nothing: the devices are closed by their attachments.
func (l *link) Close() {}

// SetOnCloseAction is ignored.
func (l *link) SetOnCloseAction(func()) {}

var _ stack.LinkEndpoint = (*link)(nil)

// writev sends one packet.
func writev(fd int, parts [][]byte) {
	if len(parts) == 1 {
		_, _ = unix.Write(fd, parts[0])
		return
	}
	_, _ = unix.Writev(fd, parts)
}
