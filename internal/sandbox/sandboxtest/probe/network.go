package main

import (
	"io"
	"net"
	"os"
	"time"

	"lambent/internal/sandbox/sandboxtest/finding"
)

func networkVerbs() map[string]verb {
	return map[string]verb{
		"dial":    dial,
		"serve":   serve,
		"resolve": resolve,
		"unix":    dialUnix,
	}
}

// connect patiently: the suite judges by what happens, not by when.
func connect(address string) (net.Conn, finding.Finding) {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	return c, outcome(err)
}

// dial sends a word and gives what comes back until the other end closes. It did
// so only if something came back.
func dial(args []string) finding.Finding {
	c, f := connect(args[0])
	if !f.Did {
		return f
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, args[1]+"\n"); err != nil {
		return outcome(err)
	}
	b, err := io.ReadAll(c)
	f = outcome(err)
	f.Text = string(b)
	f.Did = f.Did && len(b) > 0
	return f
}

// serve listens, tells where, and gives back what each connection sends.
func serve([]string) finding.Finding {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return outcome(err)
	}
	tell(finding.Finding{Did: true, Text: l.Addr().String()})
	for {
		c, err := l.Accept()
		if err != nil {
			return outcome(err)
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

func resolve(args []string) finding.Finding {
	addresses, err := net.LookupHost(args[0])
	f := outcome(err)
	f.List = addresses
	f.Text, _ = os.Hostname()
	return f
}

func dialUnix(args []string) finding.Finding {
	c, err := net.Dial("unix", args[0])
	if err == nil {
		c.Close()
	}
	return outcome(err)
}
