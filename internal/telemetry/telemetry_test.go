package telemetry_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/telemetry"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const extension = "5f2a7a34-0f5b-4b0c-9d55-1d1f6f5a7b10"

// stage is an environment with one extension, in a bubble of virtual time.
type stage struct {
	t         *testing.T
	hub       *telemetry.Hub
	began     time.Time
	announced []event.TelemetrySubscription

	mu      sync.Mutex
	dials   int
	answers []int // statuses of the next deliveries; then 200
	hold    chan struct{}
	endless bool     // the next answers have a header of 64 MB
	taken   int      // the most that was read of one
	got     []string // "<time since the start> <what was delivered>"
	conns   []net.Conn
	serving sync.WaitGroup
	noDial  bool
}

func play(t *testing.T, f func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, began: time.Now()}
		s.hub = telemetry.New(telemetry.Config{
			Dialer: s,
			Name: func(id string) (string, error) {
				if id != extension {
					return "", &lambda.Refusal{Type: lambda.RefusedExtensionUnknown, Message: "Unknown extension " + id}
				}
				return "ext", nil
			},
			Subscribed: func(r event.TelemetrySubscription) { s.announced = append(s.announced, r) },
		})
		f(s)
		s.end()
	})
}

func (s *stage) end() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s.hub.Close(ctx)
	s.mu.Lock()
	for _, c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// Dial connects to the extension, which answers as it was told.
func (s *stage) Dial(_ context.Context, address string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials++
	if s.noDial {
		return nil, errors.New("nobody listens")
	}
	if address != "127.0.0.1:8080" {
		return nil, fmt.Errorf("dialled %s", address)
	}
	here, there := net.Pipe()
	s.conns = append(s.conns, there)
	s.serving.Go(func() { s.listen(there) })
	return here, nil
}

// listen is the extension: HTTP or lines, whatever comes.
func (s *stage) listen(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		first, err := r.Peek(1)
		if err != nil {
			return
		}
		if first[0] == '{' {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			s.note(line)
			continue
		}
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		s.note(req.Method + " " + req.URL.Path + " " + req.Host + " " + shorten(s.t, body))
		if s.floods(c) {
			return
		}
		status := s.status()
		if _, err := fmt.Fprintf(c, "HTTP/1.1 %d x\r\nContent-Length: 2\r\n\r\nok", status); err != nil {
			return
		}
	}
}

// floods answers with a header that does not end, if it was told to.
func (s *stage) floods(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.endless {
		return false
	}
	piece, taken := []byte("X-More: "+strings.Repeat("x", 4<<10)+"\r\n"), 0
	for text := []byte("HTTP/1.1 200 x\r\n"); taken < 64<<20; text = piece {
		n, err := c.Write(text)
		taken += n
		if err != nil {
			break
		}
	}
	s.taken = max(s.taken, taken)
	return true
}

// shorten keeps of each record its type and, of a string, the text.
func shorten(t *testing.T, body []byte) string {
	var records []struct {
		Type   string
		Record json.RawMessage
	}
	if err := json.Unmarshal(body, &records); err != nil {
		t.Errorf("delivered %q: %v", body, err)
	}
	var words []string
	for _, r := range records {
		word := r.Type
		if r.Record[0] == '"' {
			word = string(r.Record)
		} else if r.Type == "platform.logsDropped" {
			word += string(r.Record[strings.IndexByte(string(r.Record), ','):])
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func (s *stage) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, time.Since(s.began).String()+" "+strings.TrimSpace(what))
}

func (s *stage) status() int {
	s.mu.Lock()
	hold := s.hold
	status := http.StatusOK
	if len(s.answers) > 0 {
		status, s.answers = s.answers[0], s.answers[1:]
	}
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	return status
}

// set changes how the extension answers, once everything has come to rest.
func (s *stage) set(change func()) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// dialled checks how many connections were tried.
func (s *stage) dialled(want int) {
	s.t.Helper()
	s.set(func() {
		if s.dials != want {
			s.t.Errorf("%d connections were tried, want %d", s.dials, want)
		}
	})
}

// delivered checks what has arrived since the last time.
func (s *stage) delivered(want ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.Join(s.got, "\n"); got != strings.Join(want, "\n") {
		s.t.Errorf("delivered\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	s.got = nil
}

func (s *stage) publish(records ...event.Record) {
	origin := &event.Origin{Environment: "e", Function: "f", Version: "$LATEST", InitType: "on-demand", LogFormat: "JSON"}
	for _, r := range records {
		s.hub.Publish(event.Event{Time: time.Now(), Origin: origin, Record: r})
	}
}

func line(text string) event.Line { return event.Line{Text: []byte(text)} }

func overHTTP() lambda.Subscription {
	return lambda.Subscription{
		Types: []string{"platform", "function"}, MaxItems: 10, MaxBytes: 10_000, Timeout: time.Second,
		Destination: lambda.Destination{Protocol: "HTTP", URI: "http://sandbox.localdomain:8080/p", Method: "POST", Port: 8080},
	}
}

func (s *stage) subscribe(sub lambda.Subscription) {
	s.t.Helper()
	if err := s.hub.Subscribe(extension, sub); err != nil {
		s.t.Fatalf("Subscribe: %v", err)
	}
}

// subscribed is a stage whose extension has subscribed and whose Init is over.
func (s *stage) subscribed(sub lambda.Subscription) {
	s.t.Helper()
	sub.Types = []string{"function"}
	s.publish(event.InitStart{})
	s.subscribe(sub)
	s.publish(event.InitRuntimeDone{})
}

const to = "POST /p sandbox.localdomain:8080 "

func TestSubscribing(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		refused := func(want string, id string, sub lambda.Subscription) {
			t.Helper()
			var r *lambda.Refusal
			if err := s.hub.Subscribe(id, sub); !errors.As(err, &r) || r.Type != want {
				t.Errorf("Subscribe: %v, want %s", err, want)
			}
		}
		logs := overHTTP()
		logs.LogsAPI = true
		refused("Telemetry.SubscriptionClosed", extension, overHTTP())
		s.publish(event.InitStart{}, line("early"))
		refused(lambda.RefusedExtensionUnknown, "x", overHTTP())
		s.subscribe(overHTTP())
		refused("ValidationError", extension, logs)
		s.publish(event.Extension{Name: "ext"}, event.InitRuntimeDone{}, event.Created{})
		refused("Telemetry.SubscriptionClosed", extension, overHTTP())
		refused("Logs.SubscriptionClosed", extension, logs)
		time.Sleep(time.Second)
		s.delivered("1s " + to + `platform.initStart "early" platform.extension platform.initRuntimeDone`)
		if len(s.announced) != 1 || s.announced[0].Name != "ext" || s.announced[0].State != "Subscribed" {
			t.Errorf("announced %+v, want ext once", s.announced)
		}
	})
}

func TestSubscribingAgainReplaces(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.publish(event.InitStart{})
		s.subscribe(overHTTP())
		s.publish(line("a"))
		quick := overHTTP()
		quick.Timeout = 25 * time.Millisecond
		quick.Types = []string{"function"}
		s.subscribe(quick)
		time.Sleep(time.Hour)
		s.delivered("25ms " + to + `"a"`)
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	t.Run("by time", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.publish(line("a"))
			time.Sleep(900 * time.Millisecond)
			s.publish(line("b"))
			s.delivered()
			time.Sleep(time.Hour)
			s.delivered("1s " + to + `"a" "b"`)
			s.publish(line("c"))
			time.Sleep(time.Hour)
			s.delivered("1h0m1.9s " + to + `"c"`)
			s.dialled(1)
		})
	})
	t.Run("by records", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			sub := overHTTP()
			sub.MaxItems = 2
			s.subscribed(sub)
			s.publish(line("a"), line("b"), line("c"))
			s.delivered("0s " + to + `"a" "b"`)
			time.Sleep(time.Second)
			s.delivered("1s " + to + `"c"`)
		})
	})
	t.Run("by bytes", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			sub := overHTTP()
			sub.MaxBytes = 150 // two lines of 75
			s.subscribed(sub)
			s.publish(line("a123456789"), line("b123456789"))
			s.delivered("0s " + to + `"a123456789" "b123456789"`)
		})
	})
}

func TestFrozen(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.subscribed(overHTTP())
		s.publish(line("a"), event.Frozen{})
		time.Sleep(time.Hour)
		s.delivered()
		s.publish(event.Thawed{})
		s.delivered("1h0m0s " + to + `"a"`)

		// A delivery that a freeze interrupts is neither late nor sent twice.
		s.set(func() { s.hold = make(chan struct{}) })
		s.publish(line("b"))
		time.Sleep(time.Second)
		s.delivered("1h0m1s " + to + `"b"`)
		s.publish(event.Frozen{})
		time.Sleep(time.Hour)
		s.publish(event.Thawed{})
		close(s.hold)
		time.Sleep(time.Hour)
		s.delivered()
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.subscribed(overHTTP())
		s.answers = []int{500, 301, 202}
		s.publish(line("a"))
		time.Sleep(time.Hour)
		s.delivered("1s "+to+`"a"`, "1.05s "+to+`"a"`, "1.15s "+to+`"a"`)

		s.set(func() { s.answers = []int{500, 500, 500, 500, 500} })
		s.publish(line("b"))
		time.Sleep(time.Hour)
		s.set(func() {
			if len(s.got) != 5 {
				t.Errorf("tried %d times, want 5", len(s.got))
			}
			s.got = nil
		})
		s.publish(line("c"))
		time.Sleep(time.Hour)
		s.delivered("2h0m1s " + to + `platform.logsDropped,"droppedRecords":1,"droppedBytes":66} "c"`)
	})
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.subscribed(overHTTP())
		s.hold = make(chan struct{})
		s.publish(line("a"))
		time.Sleep(2 * time.Second)
		s.delivered("1s " + to + `"a"`)
		time.Sleep(100 * time.Millisecond)
		s.delivered("2.05s " + to + `"a"`)
		close(s.hold)
		time.Sleep(time.Hour)
		s.delivered()
	})
}

// TestEndlessAnswer: an extension cannot have us keep as much as it likes.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.subscribed(overHTTP())
		s.set(func() { s.endless = true })
		s.publish(line("a"))
		time.Sleep(time.Hour)
		s.dialled(5)
		s.set(func() { s.endless = false })
		if s.taken == 0 || s.taken > 1<<20 {
			t.Errorf("%d bytes were read of an answer", s.taken)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.noDial = true
		s.subscribed(overHTTP())
		s.publish(line("a"))
		time.Sleep(time.Hour)
		s.dialled(5)
		s.set(func() { s.noDial = false })
		s.publish(line("b"))
		time.Sleep(time.Second)
		s.delivered("1h0m1s " + to + `platform.logsDropped,"droppedRecords":1,"droppedBytes":66} "b"`)
	})
}

func TestKeptConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.subscribed(overHTTP())
		s.publish(line("a"))
		time.Sleep(time.Second)
		s.delivered("1s " + to + `"a"`)
		s.set(func() { s.conns[0].Close() })
		s.publish(line("b"))
		time.Sleep(time.Second)
		s.delivered("2s " + to + `"b"`) // at once
	})
}

func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		sub := overHTTP()
		sub.MaxItems = 2
		s.subscribed(sub)
		s.hold = make(chan struct{})
		s.publish(line("a"), line("b"))
		s.delivered("0s " + to + `"a" "b"`)
		s.publish(line("c"), line("d"), line("e"), line("f"), line("g"), line("h")) // room for four
		close(s.hold)
		s.delivered("0s "+to+`"c" "d"`, "0s "+to+`"e" "f"`)
		time.Sleep(time.Second)
		s.delivered("1s " + to + `platform.logsDropped,"droppedRecords":2,"droppedBytes":132}`)
	})
}

func TestTCP(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		sub := overHTTP()
		sub.SchemaVersion = "2022-12-13"
		sub.Destination = lambda.Destination{Protocol: "TCP", Port: 8080}
		s.subscribed(sub)
		s.publish(line("a\n"), line(`{"level":"INFO"}`), event.Line{Extension: true, Text: []byte("x")})
		time.Sleep(time.Second)
		s.delivered(
			`1s {"time":"2000-01-01T00:00:00.000Z","type":"function","record":"a\n"}`,
			`1s {"time":"2000-01-01T00:00:00.000Z","type":"function","record":{"level":"INFO"}}`)
	})
}

func TestOldSchemaHasStrings(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"", "2022-07-01"} {
		play(t, func(s *stage) {
			sub := overHTTP()
			sub.SchemaVersion = schema
			s.subscribed(sub)
			s.publish(line(`{"a":1}`))
			time.Sleep(time.Second)
			s.delivered("1s " + to + `"{\"a\":1}"`)
		})
	}
}

func TestLogsAPI(t *testing.T) {
	t.Parallel()
	report := event.Report{RequestID: "r", Duration: 1234567 * time.Nanosecond, Billed: 2 * time.Millisecond, MemorySize: 128, MemoryUsed: 40, Init: time.Second, Trace: "Root=1", FaultText: "r Task timed out"}
	for schema, done := range map[string]string{
		"2020-08-15": "",
		"2021-03-18": `0s {"time":"2000-01-01T00:00:00.000Z","type":"platform.runtimeDone","record":{"requestId":"r","status":"success"}}`,
	} {
		play(t, func(s *stage) {
			sub := overHTTP()
			sub.LogsAPI, sub.SchemaVersion, sub.Timeout = true, schema, 0
			sub.Destination = lambda.Destination{Protocol: "TCP", Port: 8080}
			s.publish(event.InitStart{})
			s.subscribe(sub)
			s.publish(event.InitRuntimeDone{}, event.Start{RequestID: "r", Version: "1"}, line(`{"a":1}`), event.RuntimeDone{RequestID: "r", Status: event.Success}, report)
			want := []string{
				`0s {"time":"2000-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"r","version":"1"}}`,
				`0s {"time":"2000-01-01T00:00:00.000Z","type":"function","record":"{\"a\":1}"}`,
				done,
				`0s {"time":"2000-01-01T00:00:00.000Z","type":"platform.fault","record":"r Task timed out"}`,
				`0s {"time":"2000-01-01T00:00:00.000Z","type":"platform.end","record":{"requestId":"r"}}`,
				`0s {"time":"2000-01-01T00:00:00.000Z","type":"platform.report","record":{"requestId":"r","metrics":{"durationMs":1.23,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":40,"initDurationMs":1000},"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}}`,
			}
			if done == "" {
				want = append(want[:2], want[3:]...)
			}
			s.delivered(want...)
		})
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	t.Run("reset and another Init", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.publish(line("a"), event.Reset{})
			s.delivered("0s " + to + `"a"`)
			s.publish(event.InitStart{}, line("b"))
			time.Sleep(time.Hour)
			s.delivered()
			s.subscribe(overHTTP())
			time.Sleep(time.Hour)
			s.delivered("1h0m1s " + to + `platform.initStart "b"`)
		})
	})
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.publish(line("a"), event.Gone{}, line("b"))
			time.Sleep(time.Hour)
			s.delivered()
		})
	})
	t.Run("closing delivers what is left", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.publish(line("a"))
			s.hub.Close(s.t.Context())
			s.publish(line("b"))
			s.delivered("0s " + to + `"a"`)
		})
	})
	t.Run("closing while frozen, or unanswered, waits no longer than it may", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.hold = make(chan struct{})
			s.publish(line("a"))
			time.Sleep(time.Second)
			synctest.Wait()
			s.publish(event.Frozen{}, line("b"))
			ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
			defer cancel()
			s.hub.Close(ctx)
			if took := time.Since(s.began); took != 6*time.Second {
				t.Errorf("closing ended at %s, want 6s", took)
			}
			close(s.hold)
			s.delivered("1s " + to + `"a"`)
		})
	})
}

// TestBacklogIsBounded: what nobody asked for yet is not kept without end.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	play(t, func(s *stage) {
		s.publish(event.InitStart{})
		for range 20 {
			s.publish(line(strings.Repeat("x", 100_000)))
		}
		sub := overHTTP()
		sub.MaxItems, sub.MaxBytes, sub.Types = 10_000, 1<<20, []string{"function"}
		s.subscribe(sub)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.got) != 1 || strings.Count(s.got[0], `"x`) != 10 {
			t.Errorf("%d deliveries, the first of %d bytes, want one with ten lines", len(s.got), len(s.got[0]))
		}
		s.got = nil
	})
}

func BenchmarkPublishToNobody(b *testing.B) {
	h := telemetry.New(telemetry.Config{})
	defer h.Close(b.Context())
	e := event.Event{Record: line("x")}
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(e)
	}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	took := func(s *stage, limit time.Duration) time.Duration {
		began := time.Now()
		ctx, cancel := context.WithTimeout(s.t.Context(), limit)
		defer cancel()
		s.hub.Flush(ctx, extension)
		return time.Since(began)
	}
	t.Run("returns when all is delivered", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.publish(line("a"))
			if d := took(s, time.Minute); d != 0 {
				t.Errorf("took %v", d)
			}
			s.delivered("0s " + to + `"a"`)
		})
	})
	t.Run("waits for a batch on its way, but no longer than it may", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			s.subscribed(overHTTP())
			s.hold = make(chan struct{})
			s.publish(line("a"))
			time.Sleep(1100 * time.Millisecond)
			if d := took(s, 200*time.Millisecond); d != 200*time.Millisecond {
				t.Errorf("took %v", d)
			}
			close(s.hold)
			s.delivered("1s " + to + `"a"`)
			if d := took(s, time.Minute); d != 0 {
				t.Errorf("took %v when nothing was left", d)
			}
		})
	})
	t.Run("of nobody is done at once", func(t *testing.T) {
		t.Parallel()
		play(t, func(s *stage) {
			if d := took(s, time.Minute); d != 0 {
				t.Errorf("took %v", d)
			}
		})
	})
}
