package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// story prints what happens, chapter by chapter.
type story struct {
	out      io.Writer
	chapters int
}

func (s *story) chapter(title string) {
	s.chapters++
	fmt.Fprintf(s.out, "\n%d. %s\n", s.chapters, title)
}

func (s *story) line(format string, args ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, args...)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = "   " + line
		}
		fmt.Fprintln(s.out, line)
	}
}

// times compares the invocations of each function.
func (s *story) times(functions []*function) {
	w := tabwriter.NewWriter(s.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "   function\truntime\tcold, for the caller\tof that Init\twarm, for the caller\tof that the function")
	for _, f := range functions {
		cold, warm := f.calls[0].seen, f.calls[1].seen
		fmt.Fprintf(w, "   %s\t%s\t%s\t%s ms\t%s\t%s ms\n", f.name, f.runtime, round(cold.took), cold.init, round(warm.took), warm.duration)
	}
	w.Flush()
}

// round keeps what a reader compares.
func round(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	default:
		return d.Round(10 * time.Microsecond)
	}
}

// size words a number of bytes.
func size(n int) string {
	if n < 100_000 {
		return fmt.Sprintf("%.1f KB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
