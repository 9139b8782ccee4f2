package tun

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Create makes the device in the network namespace of the calling thread, which
// must be locked, gives it the address and a default route, and brings it up.
// The device lives as long as the file: closing it is what removes the device.
func Create(cfg Config) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	index, err := name(fd, cfg.Name)
	if err == nil {
		err = configure(index, cfg)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

func name(fd int, device string) (index uint32, err error) {
	request, err := unix.NewIfreq(device)
	if err != nil {
		return 0, fmt.Errorf("name device %q: %w", device, err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return 0, fmt.Errorf("make device %s: %w", device, err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open socket: %w", err)
	}
	defer func() { _ = unix.Close(s) }()
	if err := unix.IoctlIfreq(s, unix.SIOCGIFINDEX, request); err != nil {
		return 0, fmt.Errorf("find device %s: %w", device, err)
	}
	return request.Uint32(), nil
}

// configure tells the kernel what the device shall be.
func configure(index uint32, cfg Config) error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer func() { _ = unix.Close(s) }()
	address := cfg.Address.As4()
	requests := []struct {
		what string
		data []byte
	}{
		{"prepare device", prepare(index, uint32(cfg.MTU))},
		{"bring device up", link(index, unix.IFF_UP)},
		{"set address", newAddress(index, address[:])},
		{"set default route", newRoute(index, address[:])},
	}
	for i, r := range requests {
		if err := exchange(s, uint32(i+1), r.data); err != nil {
			return fmt.Errorf("%s: %w", r.what, err)
		}
	}
	return nil
}

// exchange sends one request and waits for the kernel's verdict.
func exchange(s int, sequence uint32, request []byte) error {
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint32(request[8:], sequence)
	if err := unix.Sendto(s, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	var reply [4096]byte
	n, _, err := unix.Recvfrom(s, reply[:], 0)
	if err != nil {
		return err
	}
	if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(reply[4:]) != unix.NLMSG_ERROR {
		return errors.New("the kernel answered something else than a verdict")
	}
	if code := int32(binary.NativeEndian.Uint32(reply[unix.SizeofNlMsghdr:])); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// prepare sets what must be so before the device is up: its MTU, and that it
// makes no IPv6 address of its own, with which it would solicit routers that are
// not there.
func prepare(index, mtu uint32) []byte {
	m := link(index, 0)
	m = attribute(m, unix.IFLA_MTU, binary.NativeEndian.AppendUint32(nil, mtu))
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		const inet6GenMode, none = 8, 1
		inet6 := attribute(nil, unix.AF_INET6, attribute(nil, inet6GenMode, []byte{none}))
		m = attribute(m, unix.IFLA_AF_SPEC, inet6)
	}
	return m
}

// link is a request to change a device, and those of its flags.
func link(index, flags uint32) []byte {
	m := header(unix.RTM_NEWLINK, 0)
	m = append(m, unix.AF_UNSPEC, 0)
	m = binary.NativeEndian.AppendUint16(m, 0)
	m = binary.NativeEndian.AppendUint32(m, index)
	m = binary.NativeEndian.AppendUint32(m, flags)
	return binary.NativeEndian.AppendUint32(m, flags)
}

func newAddress(index uint32, address []byte) []byte {
	m := header(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	m = append(m, unix.AF_INET, 32, 0, unix.RT_SCOPE_UNIVERSE)
	m = binary.NativeEndian.AppendUint32(m, index)
	m = attribute(m, unix.IFA_LOCAL, address)
	return attribute(m, unix.IFA_ADDRESS, address)
}

func newRoute(index uint32, source []byte) []byte {
	m := header(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	m = append(m, unix.AF_INET, 0, 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_LINK, unix.RTN_UNICAST)
	m = binary.NativeEndian.AppendUint32(m, 0)
	m = attribute(m, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, index))
	return attribute(m, unix.RTA_PREFSRC, source)
}

// header is a message header whose length and sequence exchange fills in.
func header(kind, flags uint16) []byte {
	m := make([]byte, 4, 128)
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	return append(m, 0, 0, 0, 0, 0, 0, 0, 0)
}

func attribute(m []byte, kind uint16, value []byte) []byte {
	m = binary.NativeEndian.AppendUint16(m, uint16(unix.SizeofRtAttr+len(value)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = append(m, value...)
	for len(m)%unix.NLMSG_ALIGNTO != 0 {
		m = append(m, 0)
	}
	return m
}
