package usernet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestDNS(t *testing.T) {
	t.Parallel()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		buf := make([]byte, 4096)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			var p dnsmessage.Parser
			head, _ := p.Start(buf[:n])
			question, _ := p.Question()
			var a *dnsmessage.AResource
			if question.Type == dnsmessage.TypeA {
				a = &dnsmessage.AResource{A: [4]byte{192, 0, 2, 7}}
			}
			_, _ = c.WriteTo(reply(head, question, dnsmessage.RCodeSuccess, a), from)
		}
	}()
	defer func() { _ = c.Close(); <-served }()
	s := newStack(t, Config{Resolvers: []netip.AddrPort{netip.MustParseAddrPort(c.LocalAddr().String())}})
	n, _ := attach(t, s)
	if want := "nameserver 169.254.100.5\n"; !strings.HasPrefix(string(s.ResolvConf()), want) {
		t.Errorf("resolv.conf: got %q, want %q first", s.ResolvConf(), want)
	}
	inSandbox := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return n.dial("udp4", Gateway.String()+":53")
	}}
	for name, want := range map[string]string{"example.test.": "192.0.2.7", HostName + ".": Gateway.String(), "HOST.lambent.Internal.": Gateway.String()} {
		got, err := inSandbox.LookupHost(t.Context(), name)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("lookup of %s: got %v, %v, want %s", name, got, err, want)
		}
	}
}

func TestDNSOverTCP(t *testing.T) {
	t.Parallel()
	address := serve(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) })
	s := newStack(t, Config{Resolvers: []netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.1:1"), // nobody's: the next one is asked
		netip.MustParseAddrPort("127.0.0.1:" + portOf(address)),
	}})
	n, _ := attach(t, s)
	conn := n.mustDial("tcp4", Gateway.String()+":53")
	_, _ = conn.Write([]byte("query"))
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "query" {
		t.Errorf("through the gateway to a resolver and back: got %q, %v", got, err)
	}
}

func TestNoResolverAnswersAtOnce(t *testing.T) {
	t.Parallel()
	dead, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := dead.LocalAddr().String()
	_ = dead.Close()
	d := newDNS([]netip.AddrPort{netip.MustParseAddrPort(address)})
	query, err := (&dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{
		{Name: dnsmessage.MustNewName("x.test."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
	}}).Pack()
	if err != nil {
		t.Fatal(err)
	}
	var got dnsmessage.Message
	if err := got.Unpack(d.answer(t.Context(), query)); err != nil || got.ID != 7 || got.RCode != dnsmessage.RCodeServerFailure {
		t.Errorf("answer without a resolver: got %v, %v, want a server failure", got.Header, err)
	}
}

func TestParseResolvConf(t *testing.T) {
	t.Parallel()
	servers, lines := parseResolvConf("# a comment\nnameserver 10.0.0.2\nnameserver fe80::1%eth0\nnameserver bad\nsearch  a.test b.test\noptions ndots:5\nnameserver\n")
	want := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:53"), netip.MustParseAddrPort("[fe80::1%eth0]:53")}
	if len(servers) != 2 || servers[0] != want[0] || servers[1] != want[1] {
		t.Errorf("servers: got %v, want %v", servers, want)
	}
	if want := "search a.test b.test\noptions ndots:5\n"; lines != want {
		t.Errorf("lines: got %q, want %q", lines, want)
	}
}

func FuzzDNSAnswer(f *testing.F) {
	d := newDNS([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1")})
	f.Add([]byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04host\x07lambent\x08internal\x00\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, query []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := d.answer(ctx, query); got != nil && (len(got) < 12 || got[0] != query[0] || got[1] != query[1]) {
			t.Fatalf("answer to %q is %q", query, got)
		}
	})
}
