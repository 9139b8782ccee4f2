package namespace

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/tun"
	"lambent/internal/sandbox/namespace/initproto"
)

// Sockets of the sandbox's network are made by its PID 1, which lives there, and
// handed over: the daemon need not enter anything, and without root could not.

// Listen opens a listener in the sandbox's network.
func (b *box) Listen(host string, port int) (net.Listener, error) {
	l, err := b.listen(host, port)
	if err != nil {
		return nil, fmt.Errorf("listen in sandbox %s at %s:%d: %w", b.ID(), host, port, err)
	}
	return l, nil
}

func (b *box) listen(host string, port int) (net.Listener, error) {
	address, err := b.lookup(host)
	if err != nil {
		return nil, err
	}
	if !address.Is4() {
		return nil, errors.New("not an IPv4 address")
	}
	f, err := b.file(context.Background(), initproto.Listen, &initproto.ListenRequest{Address: address.As4(), Port: port})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}

// Dial connects to who listens inside.
func (b *box) Dial(ctx context.Context, address string) (net.Conn, error) {
	c, err := b.dial(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("dial %s in sandbox %s: %w", address, b.ID(), err)
	}
	return c, nil
}

func (b *box) dial(ctx context.Context, address string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, err
	}
	to, err := b.lookup(host)
	if err != nil {
		return nil, err
	}
	family, sockaddr := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(port), Addr: to.As16()})
	if to.Is4() {
		family, sockaddr = unix.AF_INET, &unix.SockaddrInet4{Port: int(port), Addr: to.As4()}
	}
	f, err := b.file(ctx, initproto.Socket, &initproto.SocketRequest{Family: family})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := connect(ctx, f, sockaddr); err != nil {
		return nil, err
	}
	return net.FileConn(f)
}

// file sends a request that is answered by a descriptor.
func (b *box) file(ctx context.Context, kind initproto.Kind, request any, with ...int) (*os.File, error) {
	fds, err := b.conn.do(ctx, kind, request, with)
	if err != nil {
		return nil, err
	}
	if len(fds) != 1 {
		closeAll(fds)
		return nil, errors.New("PID 1 handed over no descriptor")
	}
	return os.NewFile(uintptr(fds[0]), "from PID 1"), nil
}

// attach connects the sandbox to the network, if there is one, by its namespace.
func (b *box) attach(ctx context.Context, namespace *os.File) (err error) {
	if b.d.network != nil && !b.d.rootless {
		b.outside, err = b.d.network.Attach(ctx, namespace, b.name)
	}
	return err
}

// attachDevice connects it by a device that PID 1 makes, who has the right to,
// while the host's /dev is still in its sight.
func (b *box) attachDevice(ctx context.Context) (err error) {
	network, ok := b.d.network.(DeviceNetwork)
	if !ok || !b.d.rootless {
		return nil
	}
	b.outside, err = network.AttachDevice(b.name, func(c tun.Config) (*os.File, error) {
		if !c.Address.Is4() {
			return nil, errors.New("not an IPv4 address")
		}
		return b.file(ctx, initproto.Device, &initproto.DeviceRequest{Name: c.Name, Address: c.Address.As4(), MTU: c.MTU})
	})
	return err
}

// connect connects a non-blocking socket and waits for it.
func connect(ctx context.Context, f *os.File, to unix.Sockaddr) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	begun := false
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		if !begun {
			begun = true
			failed = unix.Connect(int(fd), to)
			return failed != unix.EINPROGRESS
		}
		var code int
		if code, failed = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); failed == nil && code != 0 {
			failed = unix.Errno(code)
		}
		return true
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(err, failed)
}

// lookup finds a name as processes inside do, by the hosts file.
func (b *box) lookup(host string) (netip.Addr, error) {
	if host == "localhost" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	for _, h := range b.blank.Hosts {
		if h.Name == host {
			host = h.Address
			break
		}
	}
	return netip.ParseAddr(host)
}
