package main

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/tun"
	"lambent/internal/sandbox/namespace/initproto"
)

const loopbackIndex = 1

// raiseLoopback brings up lo, the one interface that every network namespace has.
func raiseLoopback() error {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], loopbackIndex)
	binary.NativeEndian.PutUint32(body[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP)
	return netlink(unix.RTM_NEWLINK, 0, body)
}

// device makes the way out and hands its other end to the driver. The host's
// /dev, where TUN devices come from, is there only before Setup.
func (p *pid1) device(packet []byte) {
	var r initproto.DeviceRequest
	if err := initproto.DecodeInto(packet, &r); err != nil {
		p.done("read the device", err, -1)
		return
	}
	f, err := tun.Create(tun.Config{Name: r.Name, Address: netip.AddrFrom4(r.Address), MTU: r.MTU})
	if err != nil {
		var code unix.Errno
		if !errors.As(err, &code) {
			code = unix.EIO
		}
		p.done(err.Error(), code, -1)
		return
	}
	p.done("device", nil, int(f.Fd()))
	f.Close()
}

// listen opens a listening socket here, in the sandbox's network, and hands it
// to the driver. An address that is not of 127/8 is given to lo first.
func (p *pid1) listen(packet []byte) {
	var r initproto.ListenRequest
	what, err := "read the address", initproto.DecodeInto(packet, &r)
	if err == nil && r.Address[0] != 127 && r.Address != [4]byte{} {
		what, err = "add the address", addAddress(r.Address)
	}
	fd := -1
	if err == nil {
		what = "listen"
		fd, err = listener(r)
	}
	p.done(what, err, fd)
	if fd >= 0 {
		unix.Close(fd)
	}
}

func listener(r initproto.ListenRequest) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: r.Port, Addr: r.Address})
	}
	if err == nil {
		err = unix.Listen(fd, 128)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// socket hands the driver a socket of this network, to connect from outside to
// who listens here.
func (p *pid1) socket(packet []byte) {
	var r initproto.SocketRequest
	fd, err := -1, initproto.DecodeInto(packet, &r)
	if err == nil {
		fd, err = unix.Socket(r.Family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	}
	p.done("socket", err, fd)
	if fd >= 0 {
		unix.Close(fd)
	}
}

// addAddress gives lo an address of its own (/32); having it already is fine.
func addAddress(address [4]byte) error {
	body := make([]byte, unix.SizeofIfAddrmsg, unix.SizeofIfAddrmsg+16)
	body[0] = unix.AF_INET
	body[1] = 32
	body[3] = unix.RT_SCOPE_HOST
	binary.NativeEndian.PutUint32(body[4:], loopbackIndex)
	for _, kind := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		body = binary.NativeEndian.AppendUint16(body, 8)
		body = binary.NativeEndian.AppendUint16(body, kind)
		body = append(body, address[:]...)
	}
	err := netlink(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
	if err == unix.EEXIST {
		return nil
	}
	return err
}

// netlink sends one route request and reads its acknowledgement.
func netlink(kind, flags uint16, body []byte) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	msg := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(body))
	msg = append(msg, body...)
	binary.NativeEndian.PutUint32(msg[0:], uint32(len(msg)))
	binary.NativeEndian.PutUint16(msg[4:], kind)
	binary.NativeEndian.PutUint16(msg[6:], flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	if err := unix.Sendto(fd, msg, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(buf[4:]) != unix.NLMSG_ERROR {
		return unix.EPROTO
	}
	if code := int32(binary.NativeEndian.Uint32(buf[unix.SizeofNlMsghdr:])); code < 0 {
		return unix.Errno(-code)
	}
	return nil
}
