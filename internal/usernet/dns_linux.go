package usernet

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	resolvConf   = "/etc/resolv.conf"
	recheck      = 5 * time.Second // how often the file is looked at
	serverWait   = 3 * time.Second // for one resolver
	queriesAhead = 16              // of one socket of a sandbox
	dnsIdle      = 10 * time.Second
)

// dns answers the questions of sandboxes with the host's resolvers. The host may
// move between networks, so its configuration is read again when it changes.
type dns struct {
	fixed  []netip.AddrPort
	dialer net.Dialer

	mu      sync.Mutex
	checked time.Time
	changed time.Time // modification time of the file
	found   []netip.AddrPort
	lines   string // search and options
}

func newDNS(fixed []netip.AddrPort) *dns { return &dns{fixed: fixed} }

// servers are the resolvers to ask, in order.
func (d *dns) servers() []netip.AddrPort {
	if len(d.fixed) > 0 {
		return d.fixed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	return d.found
}

// config is a sandbox's resolv.conf.
func (d *dns) config() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refresh()
	return "nameserver " + Gateway.String() + "\n" + d.lines
}

func (d *dns) refresh() {
	now := time.Now()
	if !d.checked.IsZero() && now.Sub(d.checked) < recheck {
		return
	}
	d.checked = now
	info, err := os.Stat(resolvConf)
	if err != nil || info.ModTime().Equal(d.changed) {
		return
	}
	data, err := os.ReadFile(resolvConf)
	if err != nil {
		return
	}
	d.changed = info.ModTime()
	d.found, d.lines = parseResolvConf(string(data))
}

// parseResolvConf takes the IPv4 and IPv6 resolvers, and the lines that a sandbox
// needs as well.
func parseResolvConf(text string) (servers []netip.AddrPort, lines string) {
	s := bufio.NewScanner(strings.NewReader(text))
	for s.Scan() {
		fields := strings.Fields(s.Text())
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "nameserver":
			if a, err := netip.ParseAddr(fields[1]); err == nil {
				servers = append(servers, netip.AddrPortFrom(a, portDNS))
			}
		case "search", "domain", "options":
			lines += strings.Join(fields, " ") + "\n"
		}
	}
	return servers, lines
}

// serve answers the questions that come from one UDP socket of a sandbox. Two at
// a time are usual: a name's IPv4 and IPv6 addresses.
func (d *dns) serve(f *flow) {
	var asking sync.WaitGroup
	defer asking.Wait()
	defer f.end()
	f.idle = dnsIdle
	f.watch()
	defer f.timer.Stop()
	places := make(chan struct{}, queriesAhead)
	for {
		query := make([]byte, 4096)
		n, err := f.read(query)
		if err == errAgain {
			if f.wait(waiter.ReadableEvents) != nil {
				return
			}
			continue
		}
		if err != nil {
			return
		}
		f.touch()
		select {
		case places <- struct{}{}:
		default:
			continue // too many: the sandbox will ask again
		}
		asking.Go(func() {
			defer func() { <-places }()
			if reply := d.answer(f.ctx, query[:n]); reply != nil {
				_ = f.write(reply)
			}
		})
	}
}

// answer is the reply to a query, nil for what is none.
func (d *dns) answer(ctx context.Context, query []byte) []byte {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil || head.Response {
		return nil
	}
	question, err := p.Question()
	if err != nil {
		return nil
	}
	if strings.EqualFold(strings.TrimSuffix(question.Name.String(), "."), HostName) {
		return ownAnswer(head, question)
	}
	for _, server := range d.servers() {
		if reply := d.ask(ctx, server, query); reply != nil {
			return reply
		}
	}
	return reply(head, question, dnsmessage.RCodeServerFailure, nil)
}

// ask forwards a query as it is.
func (d *dns) ask(ctx context.Context, server netip.AddrPort, query []byte) []byte {
	ctx, cancel := context.WithTimeout(ctx, serverWait)
	defer cancel()
	conn, err := d.dialer.DialContext(ctx, "udp", server.String())
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(query); err != nil {
		return nil
	}
	answer := make([]byte, mtu)
	for {
		n, err := conn.Read(answer)
		if err != nil {
			return nil
		}
		if n >= 12 && answer[0] == query[0] && answer[1] == query[1] {
			return answer[:n]
		}
	}
}

// ownAnswer is the gateway's address for its name, and nothing of other types.
func ownAnswer(head dnsmessage.Header, q dnsmessage.Question) []byte {
	var address *dnsmessage.AResource
	if q.Type == dnsmessage.TypeA {
		address = &dnsmessage.AResource{A: Gateway.As4()}
	}
	return reply(head, q, dnsmessage.RCodeSuccess, address)
}

func reply(head dnsmessage.Header, q dnsmessage.Question, code dnsmessage.RCode, address *dnsmessage.AResource) []byte {
	m := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: head.ID, Response: true, OpCode: head.OpCode, RecursionDesired: head.RecursionDesired,
			RecursionAvailable: true, RCode: code,
		},
		Questions: []dnsmessage.Question{q},
	}
	if address != nil {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}, Body: address,
		}}
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}
