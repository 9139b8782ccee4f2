package tun

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// inNewNetwork runs f on a thread with a network namespace of its own, which is
// thrown away.
func inNewNetwork(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("cannot make a network namespace: %v", err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	inNewNetwork(t, func() {
		file, err := Create(Config{Name: "eth0", Address: netip.MustParseAddr("169.254.192.9"), MTU: 65535})
		if err != nil {
			if os.IsNotExist(err) || os.IsPermission(err) {
				t.Logf("no /dev/net/tun here: %v", err)
				return
			}
			t.Error(err)
			return
		}
		i, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Error(err)
			return
		}
		if i.MTU != 65535 || i.Flags&net.FlagUp == 0 {
			t.Errorf("device: MTU %d, flags %s, want 65535 and up", i.MTU, i.Flags)
		}
		var got []string
		addresses, _ := i.Addrs()
		for _, a := range addresses {
			got = append(got, a.String())
		}
		if want := []string{"169.254.192.9/32"}; !slices.Equal(got, want) {
			t.Errorf("addresses: got %v, want %v and no IPv6", got, want)
		}
		routes, _ := os.ReadFile("/proc/thread-self/net/route")
		if !strings.Contains(string(routes), "eth0\t00000000\t00000000\t") {
			t.Errorf("no default route in %q", routes)
		}
		_ = file.Close()
		if _, err := net.InterfaceByName("eth0"); err == nil {
			t.Error("the device outlived its file")
		}
	})
}

func TestCreateRefused(t *testing.T) {
	t.Parallel()
	inNewNetwork(t, func() {
		if f, err := Create(Config{Name: "a-name-that-is-too-long", Address: netip.MustParseAddr("169.254.192.9"), MTU: 1500}); err == nil {
			_ = f.Close()
			t.Error("a device with too long a name was made")
		}
	})
}
