package stream

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/lambda"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made writes pieces and ends with a result.
func made(result lambda.Result, err error, pieces ...string) Run {
	return func(_ context.Context, to lambda.Stream) (lambda.Result, error) {
		to.Runs("7")
		if err != nil {
			return result, err
		}
		to.Begin("text/plain")
		for _, p := range pieces {
			if _, err := to.Write([]byte(p)); err != nil {
				return result, err
			}
		}
		return result, nil
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	fault := &lambda.Fault{Type: "Function.Boom"}
	s := Open(t.Context(), Rate{}, made(lambda.Result{Fault: fault}, nil, "one", "two"))
	defer s.Close()
	var first [8]byte
	n, err := s.Read(first[:])
	if err != nil || string(first[:n]) != "one" || s.Version() != "7" || s.ContentType() != "text/plain" {
		t.Fatalf("first piece %q, %v, version %q, type %q", first[:n], err, s.Version(), s.ContentType())
	}
	rest, err := io.ReadAll(s)
	result, failed := s.Result()
	if string(rest) != "two" || err != nil || result.Fault != fault || failed != nil {
		t.Errorf("the rest is %q, %v; result %+v, %v", rest, err, result, failed)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	refusal := lambda.Errorf(lambda.Throttled, "too many")
	s := Open(t.Context(), Rate{}, made(lambda.Result{}, refusal))
	defer s.Close()
	if n, err := s.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
	if _, err := s.Result(); !errors.Is(err, refusal) || s.ContentType() != "application/octet-stream" {
		t.Errorf("result %v, type %s", err, s.ContentType())
	}
}

// TestUnread: a reader who stops reading ends the wait of the writer, who is told.
func TestUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := make(chan error, 1)
		s := Open(t.Context(), AWS(), func(ctx context.Context, to lambda.Stream) (lambda.Result, error) {
			go func() { // the function, which outlives its caller
				_, err := to.Write(make([]byte, 8<<20))
				told <- err
			}()
			<-ctx.Done()
			return lambda.Result{}, ctx.Err()
		})
		if _, err := s.Read(make([]byte, 1)); err != nil {
			t.Errorf("read: %v", err)
		}
		s.Close()
		if err := <-told; err == nil {
			t.Error("the writer was not told that nobody reads")
		}
	})
}

// TestPauseEnds: so does one who leaves while the rate makes the writer wait.
func TestPauseEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		told := make(chan error, 1)
		s := Open(ctx, Rate{Burst: 1, PerSecond: 8}, func(ctx context.Context, to lambda.Stream) (lambda.Result, error) {
			go func() {
				_, err := to.Write(make([]byte, 1000))
				told <- err
			}()
			<-ctx.Done()
			return lambda.Result{}, ctx.Err()
		})
		go func() { _, _ = io.Copy(io.Discard, s) }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		leave()
		if err := <-told; err == nil {
			t.Error("the writer was not told that nobody reads")
		}
		s.Close()
	})
}

// TestRate: 6 MB at once, then 2 MB a second, in steps.
func TestRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate Rate
		size int
		want time.Duration
	}{
		{AWS(), 6 << 20, 0},
		{AWS(), 6<<20 + 1, 125 * time.Millisecond},
		{AWS(), 20 << 20, 7 * time.Second},
		{PerSecond(8 << 20), 22 << 20, 2 * time.Second},
		{PerSecond(0), 200 << 20, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := Open(t.Context(), c.rate, func(_ context.Context, to lambda.Stream) (lambda.Result, error) {
				piece := make([]byte, 32<<10)
				for left := c.size; left > 0; left -= len(piece) {
					if _, err := to.Write(piece[:min(left, len(piece))]); err != nil {
						return lambda.Result{}, err
					}
				}
				return lambda.Result{}, nil
			})
			defer s.Close()
			began := time.Now()
			n, err := io.Copy(io.Discard, s)
			if took := time.Since(began); n != int64(c.size) || err != nil || took != c.want {
				t.Errorf("%d bytes at %+v: %d, %v after %s, want %s", c.size, c.rate, n, err, took, c.want)
			}
		})
	}
}

// TestUnused: what was not sent may be sent later, but no more than the burst.
func TestUnused(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	b := newBucket(Rate{Burst: 1000, PerSecond: 80}, now)
	for _, c := range []struct {
		after     time.Duration
		ask, want int
		wait      time.Duration
	}{
		{0, 900, 900, 0},
		{time.Hour, 2000, 1000, 0},
		{100 * time.Millisecond, 1, 0, 25 * time.Millisecond},
		{25 * time.Millisecond, 100, 10, 0},
		{300 * time.Millisecond, 100, 20, 0},
	} {
		now = now.Add(c.after)
		if got, wait := b.take(now, c.ask); got != c.want || wait != c.wait {
			t.Errorf("%d at %s: %d and a wait of %s, want %d and %s", c.ask, now, got, wait, c.want, c.wait)
		}
	}
}

// TestCaller: what is written is there before anything else is, and the connection
// serves the next request.
func TestCaller(t *testing.T) {
	t.Parallel()
	step := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := To(w)
		defer c.Done()
		for _, p := range []string{"a", "b"} {
			if _, err := c.Write([]byte(p)); err != nil {
				t.Errorf("write: %v", err)
			}
			<-step
		}
	}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()
	for range 2 {
		response, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"a", "b"} {
			var got [1]byte
			if _, err := io.ReadFull(response.Body, got[:]); err != nil || string(got[:]) != want {
				t.Errorf("read %q, %v, want %s", got, err, want)
			}
			step <- struct{}{}
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}
