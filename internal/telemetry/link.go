package telemetry

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"lambent/internal/lambda"
)

// maxAnswer bounds what is read of the body of an extension's answer to keep its
// connection. With what stands before the body an answer has twice that: an
// extension's header may have no end.
const maxAnswer = 64 << 10

// errRefused is an extension's answer other than 2xx.
var errRefused = errors.New("the extension refused the records")

// link is the connection to one extension's listener, kept between batches.
type link struct {
	conn   net.Conn
	answer *bufio.Reader
	room   *io.LimitedReader // between the two
	out    []byte
}

// connect makes a connection unless there is one, and tells whether it is new.
func (l *link) connect(ctx context.Context, d Dialer, to lambda.Destination) (fresh bool, err error) {
	if l.conn != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	conn, err := d.Dial(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(to.Port)))
	if err != nil {
		return false, fmt.Errorf("connect to port %d: %w", to.Port, err)
	}
	l.room = &io.LimitedReader{R: conn}
	l.conn, l.answer = conn, bufio.NewReader(l.room)
	return true, nil
}

func (l *link) close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// send delivers a batch: an array by HTTP, a line each by TCP.
func (l *link) send(to lambda.Destination, batch [][]byte) error {
	if to.Protocol == "TCP" {
		return l.write(appendLines(l.out[:0], batch))
	}
	head, err := requestHead(to, batch)
	if err != nil {
		return err
	}
	if err := l.write(appendArray(append(l.out[:0], head...), batch)); err != nil {
		return err
	}
	return l.accepted()
}

// write sends and keeps the buffer, unless it is a big one.
func (l *link) write(b []byte) error {
	l.out = nil
	if cap(b) <= maxAnswer {
		l.out = b
	}
	if _, err := l.conn.Write(b); err != nil {
		return fmt.Errorf("send records: %w", err)
	}
	return nil
}

// accepted reads the answer to a batch.
func (l *link) accepted() error {
	l.room.N = 2 * maxAnswer
	res, err := http.ReadResponse(l.answer, nil)
	if err != nil {
		return fmt.Errorf("read the extension's answer: %w", err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer))
	if res.Close || err != nil || n == maxAnswer {
		l.close()
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return errRefused
	}
	return nil
}

func requestHead(to lambda.Destination, batch [][]byte) (string, error) {
	u, err := url.Parse(to.URI)
	if err != nil {
		return "", fmt.Errorf("read destination: %w", err)
	}
	length := len("[]") + len(batch) - 1
	for _, r := range batch {
		length += len(r)
	}
	return to.Method + " " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host +
		"\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(length) + "\r\n\r\n", nil
}

func appendArray(dst []byte, batch [][]byte) []byte {
	for i, r := range batch {
		dst = append(dst, "[,"[min(i, 1)])
		dst = append(dst, r...)
	}
	return append(dst, ']')
}

func appendLines(dst []byte, batch [][]byte) []byte {
	for _, r := range batch {
		dst = append(append(dst, r...), '\n')
	}
	return dst
}
