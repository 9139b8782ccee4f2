package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// makers is how many functions are made at the same time.
const makers = 16

// gets is how many functions are read to see how long one takes.
const gets = 2000

// functions tells what many functions cost: an invocation of one, reading one,
// listing all, the daemon's memory.
func (b *bench) functions(ctx context.Context) error {
	s, ok := b.needs("functions", "go")
	if !ok {
		return nil
	}
	name, err := b.deploy(ctx, s)
	if err != nil {
		return err
	}
	lone, err := startLambent(b.options, filepath.Join(b.dir, "one-function"))
	if err != nil {
		return err
	}
	defer lone.stop()
	if err := lone.create(ctx, name, s.code); err != nil {
		return err
	}
	before, _ := memoryOf(b.server.cmd.Process.Pid)
	names, err := b.deployMany(ctx)
	if err != nil {
		return err
	}
	lone.quiet(ctx)
	sides := []side{b.server.side(name), lone.side(name)}
	sides[1].name = "1 function"
	out, err := b.turns(ctx, load{clients: 1, length: b.length, event: smallEvent}, sides)
	if err != nil {
		return err
	}
	with := fmt.Sprintf(" with %d functions", b.many)
	b.compare("functions", "p50"+with, "µs", out, sides, "1 function", p50)
	after, _ := memoryOf(b.server.cmd.Process.Pid)
	b.note(row{Part: "functions", What: "daemon's memory" + with, Side: "lambent", Value: float64(after) / mebibyte, Unit: "MiB",
		Remarks: fmt.Sprintf("%.1f KiB for each", float64(after-before)/float64(b.many)/kibibyte)})
	if err := errors.Join(b.list(ctx, with), b.read(ctx, names, with)); err != nil {
		return err
	}
	return b.each(append(names, name), func(n string) error { return b.server.remove(ctx, n) })
}

// deployMany makes functions with small packages, several at a time.
func (b *bench) deployMany(ctx context.Context) (names []string, err error) {
	const file = "many-bootstrap"
	if err := os.WriteFile(filepath.Join(b.dir, file), []byte("#!/bin/sh\n"), 0o755); err != nil {
		return nil, fmt.Errorf("write a small package: %w", err)
	}
	code, err := packed(b.dir, file)
	if err != nil {
		return nil, err
	}
	for i := range b.many {
		names = append(names, fmt.Sprintf("many-%d", i))
	}
	began := time.Now()
	err = b.each(names, func(name string) error {
		return b.server.create(ctx, name, definition{Runtime: "provided.al2023", Handler: "none", Memory: 128, Code: code})
	})
	b.note(row{Part: "functions", What: fmt.Sprintf("make one, %d at a time", makers), Side: "lambent", Value: milliseconds(time.Since(began)) / float64(b.many), Unit: "ms"})
	return names, err
}

// each does something for every name, several at a time, and tells the first error.
func (b *bench) each(names []string, do func(string) error) error {
	var all sync.WaitGroup
	var mu sync.Mutex
	var first error
	next := make(chan string)
	for range makers {
		all.Go(func() {
			for name := range next {
				err := do(name)
				mu.Lock()
				first = cmp.Or(first, err)
				mu.Unlock()
			}
		})
	}
	for _, name := range names {
		next <- name
	}
	close(next)
	all.Wait()
	return first
}

// list reads all pages of ListFunctions.
func (b *bench) list(ctx context.Context, with string) error {
	began, pages, found := time.Now(), 0, 0
	for marker := ""; ; pages++ {
		text, err := b.server.call(ctx, http.MethodGet, "/2015-03-31/functions?Marker="+url.QueryEscape(marker), nil)
		if err != nil {
			return err
		}
		var page struct {
			Functions  []struct{}
			NextMarker string
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return fmt.Errorf("read a list of functions: %w", err)
		}
		found += len(page.Functions)
		if marker = page.NextMarker; marker == "" {
			break
		}
	}
	if found < b.many {
		return fmt.Errorf("the lists have %d functions of %d", found, b.many)
	}
	b.note(row{Part: "functions", What: "a page of ListFunctions" + with, Side: "lambent", Value: milliseconds(time.Since(began)) / float64(pages+1), Unit: "ms",
		Remarks: fmt.Sprintf("%d pages", pages+1)})
	return nil
}

// read gets functions here and there.
func (b *bench) read(ctx context.Context, names []string, with string) error {
	var took []time.Duration
	for i := range gets {
		began := time.Now()
		if _, err := b.server.call(ctx, http.MethodGet, "/2015-03-31/functions/"+names[i*7919%len(names)], nil); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	all := sample{latencies: took}
	b.note(row{Part: "functions", What: "GetFunction p50" + with, Side: "lambent", Value: p50(all), Unit: "µs"})
	b.note(row{Part: "functions", What: "GetFunction p99" + with, Side: "lambent", Value: p99(all), Unit: "µs"})
	return nil
}
