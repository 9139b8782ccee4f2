package simulated

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
)

// client speaks HTTP/1.1 over one connection at a time, without a goroutine of
// its own, so that a process that is killed leaves none behind.
type client struct {
	p       *Process
	address string
	conn    net.Conn
	r       *bufio.Reader
}

type reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// call sends a request and waits for its answer, as long as it takes. A body
// of another kind than *bytes.Reader is sent in chunks.
func (c *client) call(method, path string, header http.Header, body io.Reader) (reply, error) {
	if c.conn == nil {
		conn, err := c.p.Dial(c.address)
		if err != nil {
			return reply{}, err
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	answer, err := c.exchange(method, path, header, body)
	if err != nil {
		c.hangUp()
		return reply{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return answer, nil
}

func (c *client) exchange(method, path string, header http.Header, body io.Reader) (reply, error) {
	req, err := http.NewRequest(method, "http://"+c.address+path, body)
	if err != nil {
		return reply{}, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if err := req.Write(c.conn); err != nil {
		return reply{}, err
	}
	resp, err := http.ReadResponse(c.r, req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, err
	}
	if resp.Close {
		c.hangUp()
	}
	return reply{Status: resp.StatusCode, Header: resp.Header, Body: data}, nil
}

// truncate begins a request and breaks off in the middle of its body.
func (c *client) truncate(method, path string, body []byte) {
	if c.conn == nil {
		return
	}
	fmt.Fprintf(c.conn, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
		method, path, c.address, len(body)+1, body)
	c.hangUp()
}

func (c *client) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func bodyOf(b []byte) io.Reader { return bytes.NewReader(b) }
