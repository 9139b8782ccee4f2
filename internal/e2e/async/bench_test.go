package async

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// caller sends the same event again and again over one connection, at next to no
// cost of its own.
type caller struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
}

func dial(b *testing.B, s *server, name string) *caller {
	b.Helper()
	host := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	const event = `{"key1":"value1","key2":"value2","key3":"value3"}`
	request := fmt.Sprintf("POST /2015-03-31/functions/%s/invocations HTTP/1.1\r\nHost: %s\r\nX-Amz-Invocation-Type: Event\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", name, host, len(event), event)
	return &caller{conn, bufio.NewReader(conn), []byte(request)}
}

func (c *caller) send() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("answered %s", resp.Status)
	}
	return nil
}

// BenchmarkAccepted is how many durable events a second 64 senders get accepted,
// while they are worked off, and how many are worked off a second from the first
// to the last.
func BenchmarkAccepted(b *testing.B) {
	b.Run("worked off as they come", func(b *testing.B) {
		s := own(b)
		begin := accept(b, s)
		for s.queued(b, false).Total > 0 {
			time.Sleep(250 * time.Millisecond) // the server takes its time to list a long queue
		}
		b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "done/s")
	})
	// This tells what acceptance costs by itself: on few processors the functions
	// take most of them. What is left in the queue would take minutes.
	b.Run("one at a time", func(b *testing.B) { accept(b, own(b, "--async-concurrency=1")) })
}

// unbound is the memory that comes with a whole processor: its share of one is not
// what is measured.
const unbound = 1769

// accept sends, and tells when it began.
func accept(b *testing.B, s *server) (begin time.Time) {
	const senders = 64
	s.deploy(b, "f", func(in *lambda.CreateFunctionInput) { in.Environment, in.MemorySize = nil, aws.Int32(unbound) })
	var left atomic.Int64
	left.Store(int64(b.N))
	callers := make([]*caller, senders)
	for i := range callers {
		callers[i] = dial(b, s, "f")
		defer callers[i].conn.Close()
	}
	b.ResetTimer()
	begin = time.Now()
	var all sync.WaitGroup
	for _, c := range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := c.send(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "accepted/s")
	b.ReportMetric(0, "ns/op")
	return begin
}

// BenchmarkIdle is the time from a caller's request to the moment when the warm
// function has the event, and has told us with a request of its own.
func BenchmarkIdle(b *testing.B) {
	s := own(b)
	rec := s.deploy(b, "f", func(in *lambda.CreateFunctionInput) { in.MemorySize = aws.Int32(unbound) })
	c := dial(b, s, "f")
	defer c.conn.Close()
	var took []time.Duration
	once := func() {
		begin := time.Now()
		if err := c.send(); err != nil {
			b.Fatal(err)
		}
		<-rec.came
		took = append(took, time.Since(begin))
		time.Sleep(5 * time.Millisecond) // the queue is idle again
	}
	once()
	took = nil
	for b.Loop() {
		once()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
}
