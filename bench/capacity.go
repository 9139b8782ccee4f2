package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	kibibyte = 1 << 10
	mebibyte = 1 << 20
)

// payload compares events and answers of several sizes, and tells how much the
// daemon grew for the largest.
func (b *bench) payload(ctx context.Context) error {
	s, ok := b.needs("payload", "go")
	if !ok {
		return nil
	}
	name, err := b.deploy(ctx, s)
	if err != nil {
		return err
	}
	running, floor, err := startFloor(s.dir, s.floor...)
	if err != nil {
		return err
	}
	defer running.stop()
	sides := []side{b.server.side(name), floor}
	before, _ := memoryOf(b.server.cmd.Process.Pid) // before all sizes: what is kept of one serves the next
	for _, size := range []int{kibibyte, 64 * kibibyte, mebibyte, 6*mebibyte - kibibyte} {
		resetPeak(b.server.cmd.Process.Pid)
		out, err := b.turns(ctx, load{clients: 1, length: b.length, event: bytesEvent(size)}, sides)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%d KiB each way", size/kibibyte)
		b.compare("payload", what+" p50", "µs", out, sides, "floor", p50)
		b.compare("payload", what+" CPU", "µs", out, sides, "floor", cpu)
		grown := peakMemory(b.server.cmd.Process.Pid) - before
		b.note(row{Part: "payload", What: what + " growth", Side: "lambent", Value: float64(grown) / mebibyte, Unit: "MiB",
			Remarks: fmt.Sprintf("%.1f × the payload", float64(grown)/float64(size))})
	}
	return b.server.remove(ctx, name)
}

// densityPart makes many frozen Go environments, each of a function of its own,
// and tells what each costs: the host in all, and the daemon alone.
func (b *bench) densityPart(ctx context.Context) error {
	s, ok := b.needs("density", "go")
	if !ok {
		return nil
	}
	if err := b.server.settled(ctx, 0); err != nil {
		return err
	}
	var names []string
	for range b.density {
		name, err := b.deploy(ctx, s)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	client := newClient(1)
	defer client.CloseIdleConnections()
	host := usedMemory()
	daemon, _ := memoryOf(b.server.cmd.Process.Pid)
	began := time.Now()
	for _, name := range names {
		if _, err := post(ctx, client, b.server.side(name).url, smallEvent); err != nil {
			return err
		}
	}
	took := time.Since(began)
	if err := b.server.settled(ctx, b.density); err != nil {
		return err
	}
	n := float64(b.density)
	after, _ := memoryOf(b.server.cmd.Process.Pid)
	what := fmt.Sprintf("%d frozen environments", b.density)
	b.note(row{Part: "density", What: what + ", host", Side: "lambent", Value: float64(usedMemory()-host) / n / mebibyte, Unit: "MiB", Remarks: "each"})
	b.note(row{Part: "density", What: what + ", daemon", Side: "lambent", Value: float64(after-daemon) / n / kibibyte, Unit: "KiB", Remarks: "each"})
	b.note(row{Part: "density", What: "time to make one", Side: "lambent", Value: milliseconds(took) / n, Unit: "ms"})
	if err := b.rest(ctx, b.server, "density", what+", at rest"); err != nil {
		return err
	}
	for _, name := range names {
		if err := b.server.remove(ctx, name); err != nil {
			return err
		}
	}
	return b.server.settled(ctx, 0)
}

// rest tells how much CPU the daemon takes when nobody asks anything.
func (b *bench) rest(ctx context.Context, s *server, part, what string) error {
	pid := s.cmd.Process.Pid
	before := accountOf(pid)
	select {
	case <-time.After(b.length):
	case <-ctx.Done():
		return ctx.Err()
	}
	spent := accountOf(pid).since(before)
	b.note(row{Part: part, What: what, Side: "lambent", Value: 100 * float64(spent) / float64(b.length), Unit: "% CPU"})
	return nil
}

// daemon measures a server with nothing to do: its start, first and second, its
// memory, its CPU and its size.
func (b *bench) daemon(ctx context.Context) error {
	var first, later []time.Duration
	for round := range b.rounds {
		dir := filepath.Join(b.dir, fmt.Sprintf("daemon-%d", round))
		for _, into := range []*[]time.Duration{&first, &later} {
			s, err := startLambent(b.options, dir)
			if err != nil {
				return err
			}
			*into = append(*into, s.started)
			s.quiet(ctx) // or the folder is not known, and the next start competes with what is left of this one
			if into == &later && round == b.rounds-1 {
				err = b.atRest(ctx, s)
			}
			s.stop()
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
		}
	}
	b.note(row{Part: "daemon", What: "start, new data folder", Side: "lambent", Value: milliseconds(median(first)), Unit: "ms"})
	b.note(row{Part: "daemon", What: "start, known data folder", Side: "lambent", Value: milliseconds(median(later)), Unit: "ms"})
	info, err := os.Stat(b.lambent)
	if err != nil {
		return err
	}
	b.note(row{Part: "daemon", What: "binary", Side: "lambent", Value: float64(info.Size()) / mebibyte, Unit: "MiB"})
	return nil
}

func (b *bench) atRest(ctx context.Context, s *server) error {
	if err := b.rest(ctx, s, "daemon", "at rest"); err != nil {
		return err
	}
	resident, share := memoryOf(s.cmd.Process.Pid)
	b.note(row{Part: "daemon", What: "resident at rest", Side: "lambent", Value: float64(resident) / mebibyte, Unit: "MiB",
		Remarks: fmt.Sprintf("%.1f MiB of it its own share", float64(share)/mebibyte)})
	return nil
}
