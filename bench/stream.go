package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

const (
	streamed    = 20 * mebibyte // of each response
	streamFirst = 20            // first bytes in a turn
)

// stream tells when the first byte of a streamed response is there, how quickly the
// rest comes when no rate holds it, and how much the daemon holds of it.
func (b *bench) stream(ctx context.Context) error {
	node, ok := b.needs("stream", "node")
	if !ok {
		return nil
	}
	o := b.options
	o.serve += " --stream-rate 0"
	s, err := startLambent(o, filepath.Join(b.dir, "streams"))
	if err != nil {
		return err
	}
	defer s.stop()
	code, dir := node.code, filepath.Join(b.dir, "streaming")
	if err := unfold(dir, "handlers/stream.js"); err != nil {
		return err
	}
	code.Handler = "stream.handler"
	if code.Code, err = packed(dir, "stream.js"); err != nil {
		return err
	}
	if err := s.create(ctx, "stream", code); err != nil {
		return err
	}
	if _, _, err := s.readStream(ctx, 1); err != nil { // cold
		return err
	}
	pid := s.cmd.Process.Pid
	resetPeak(pid)
	before := peakMemory(pid)
	var firsts, wholes []time.Duration
	for range b.rounds {
		for range streamFirst {
			first, _, err := s.readStream(ctx, 1)
			if err != nil {
				return err
			}
			firsts = append(firsts, first)
		}
		_, whole, err := s.readStream(ctx, streamed)
		if err != nil {
			return err
		}
		wholes = append(wholes, whole)
	}
	b.note(row{Part: "stream", What: "first byte p50", Side: "lambent", Value: milliseconds(median(firsts)), Unit: "ms"})
	b.note(row{Part: "stream", What: "20 MiB", Side: "lambent", Value: streamed / mebibyte / median(wholes).Seconds(), Unit: "MiB/s"})
	b.note(row{Part: "stream", What: "20 MiB growth", Side: "lambent", Value: float64(peakMemory(pid)-before) / mebibyte, Unit: "MiB"})
	return nil
}

// readStream asks for a response of a size, and tells when its first byte and its
// last were there.
func (s *server) readStream(ctx context.Context, size int) (first, whole time.Duration, err error) {
	body := strings.NewReader(fmt.Sprintf(`{"size":%d}`, size))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/2021-11-15/functions/stream/response-streaming-invocations", body)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("ask for a stream: %s", resp.Status)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		return 0, 0, fmt.Errorf("read a stream: %w", err)
	}
	first = time.Since(began)
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && n < int64(size) {
		err = fmt.Errorf("a stream of %d bytes has %d", size, n)
	}
	return first, time.Since(began), err
}
