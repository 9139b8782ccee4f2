package usernet

import (
	"net/netip"
	"testing"
)

func TestLead(t *testing.T) {
	t.Parallel()
	api := netip.MustParseAddrPort("127.0.0.1:4566")
	nat := Config{Services: map[uint16]netip.AddrPort{4566: api}, Deny: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	host := nat
	host.HostLoopback = true
	for _, tc := range []struct {
		cfg  Config
		tcp  bool
		dst  string
		want way
		to   string
	}{
		{nat, true, "93.184.216.34:443", direct, ""},
		{nat, false, "93.184.216.34:443", direct, ""},
		{nat, true, "192.168.1.1:80", direct, ""},
		{nat, true, "10.1.2.3:80", refused, ""},
		{nat, true, "93.184.216.34:25", refused, ""},
		{nat, false, "93.184.216.34:25", direct, ""},
		{nat, true, "93.184.216.34:0", refused, ""},
		{nat, true, "127.0.0.1:80", refused, ""},
		{nat, true, "127.1.2.3:80", refused, ""},
		{nat, true, "0.0.0.0:80", refused, ""},
		{nat, true, "169.254.169.254:80", refused, ""},
		{nat, false, "169.254.192.7:53", refused, ""},
		{nat, false, "224.0.0.251:5353", refused, ""},
		{nat, false, "255.255.255.255:67", refused, ""},
		{nat, true, "240.0.0.1:80", refused, ""},
		{nat, true, "[::1]:80", refused, ""},
		{nat, true, "169.254.100.5:53", resolver, ""},
		{nat, false, "169.254.100.5:53", resolver, ""},
		{nat, true, "169.254.100.5:4566", direct, "127.0.0.1:4566"},
		{nat, false, "169.254.100.5:4566", refused, ""},
		{nat, true, "169.254.100.5:5432", refused, ""},
		{host, true, "169.254.100.5:5432", direct, "127.0.0.1:5432"},
		{host, false, "169.254.100.5:5432", direct, "127.0.0.1:5432"},
		{host, true, "127.0.0.1:5432", refused, ""},
	} {
		if tc.to == "" {
			tc.to = tc.dst
		}
		got, to := tc.cfg.lead(tc.tcp, netip.MustParseAddrPort(tc.dst))
		if got != tc.want || to.String() != tc.to {
			t.Errorf("lead(tcp %v, %s) with host loopback %v: got %v to %s, want %v to %s", tc.tcp, tc.dst, tc.cfg.HostLoopback, got, to, tc.want, tc.to)
		}
	}
}
