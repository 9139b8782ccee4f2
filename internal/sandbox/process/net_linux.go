package process

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
)

// guardedListener hands over connections of its sandbox's processes only: the
// others on this host, another sandbox's among them, must not speak to its
// Runtime API.
type guardedListener struct {
	net.Listener
	sandbox *Sandbox
}

func guard(s *Sandbox, l net.Listener) net.Listener { return guardedListener{l, s} }

// Accept hangs up on strangers.
func (l guardedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.sandbox.holdsOtherEnd(c) {
			return c, nil
		}
		c.Close()
	}
}

// holdsOtherEnd reports whether one of the sandbox's processes has the socket at
// a connection's other end.
func (s *Sandbox) holdsOtherEnd(c net.Conn) bool {
	theirs, is := c.RemoteAddr().(*net.TCPAddr)
	ours, also := c.LocalAddr().(*net.TCPAddr)
	if !is || !also {
		return false
	}
	inodes := sockets(func(local, remote string) bool {
		return slices.Contains(tableForms(theirs), local) && slices.Contains(tableForms(ours), remote)
	})
	return s.holds(inodes)
}

// listensAt reports whether one of the sandbox's processes listens at a port.
func (s *Sandbox) listensAt(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return false
	}
	end := fmt.Sprintf(":%04X", number)
	return s.holds(sockets(func(local, remote string) bool {
		return strings.HasSuffix(local, end) && strings.HasSuffix(remote, ":0000")
	}))
}

// holds reports whether one of the sandbox's processes has one of the sockets
// open. The processes that were started are asked before all others are looked for.
func (s *Sandbox) holds(inodes map[string]bool) bool {
	if len(inodes) == 0 {
		return false
	}
	k := s.kin()
	for _, pid := range k.roots {
		if hasSocket(pid, inodes) {
			return true
		}
	}
	members, err := k.find()
	return err == nil && slices.ContainsFunc(members, func(e entry) bool { return hasSocket(e.pid, inodes) })
}

func hasSocket(pid int, inodes map[string]bool) bool {
	folder := "/proc/" + strconv.Itoa(pid) + "/fd"
	fds, err := os.ReadDir(folder)
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if link, err := os.Readlink(folder + "/" + fd.Name()); err == nil && inodes[link] {
			return true
		}
	}
	return false
}

// sockets finds the TCP sockets whose addresses match, by the name that they
// have in /proc/<pid>/fd.
func sockets(match func(local, remote string) bool) map[string]bool {
	found := map[string]bool{}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(table)
		if err != nil {
			continue // no IPv6 here
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if fields := strings.Fields(lines.Text()); len(fields) > 9 && match(fields[1], fields[2]) {
				found["socket:["+fields[9]+"]"] = true
			}
		}
		f.Close()
	}
	return found
}

// tableForms is an IPv4 address as the kernel's tables show it: of a socket of
// IPv4, and of one of IPv6. Addresses are there in words of the host's byte
// order, which is little-endian on every machine that we run on.
func tableForms(a *net.TCPAddr) []string {
	ip := slices.Clone(a.IP.To4())
	slices.Reverse(ip)
	form := fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(ip)), a.Port)
	return []string{form, "0000000000000000FFFF0000" + form}
}
