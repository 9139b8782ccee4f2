package logline

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func splitLines(chunks ...[]byte) []string {
	var got []string
	l := NewLines(func(line []byte) { got = append(got, string(line)) })
	for _, c := range chunks {
		_, _ = l.Write(c)
	}
	l.Flush()
	return got
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", MaxLength)
	euro := strings.Repeat("x", MaxLength-1) + "€uro\n"
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"two lines":                    {"a\nb\n", []string{"a\n", "b\n"}},
		"carriage return stays (F275)": {"another\rline\n", []string{"another\rline\n"}},
		"carriage return and newline":  {"a\r\n", []string{"a\r\n"}},
		"no newline at the end":        {"a\nb", []string{"a\n", "b"}},
		"empty lines":                  {"\n\na\n", []string{"\n", "\n", "a\n"}},
		"nothing":                      {"", nil},
		"as long as may be":            {long[1:] + "\n", []string{long[1:] + "\n"}},
		"too long":                     {long + "yz\n", []string{long, "yz\n"}},
		"too long by its newline":      {long + "\n", []string{long, "\n"}},
		"cut before a rune":            {euro, []string{euro[:MaxLength-1], "€uro\n"}},
		"not UTF-8":                    {strings.Repeat("\x80", MaxLength+1), []string{strings.Repeat("\x80", MaxLength), "\x80"}},
	} {
		if got := splitLines([]byte(tc.in)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: lines of %d bytes: got %d %.60q, want %d %.60q", name, len(tc.in), len(got), got, len(tc.want), tc.want)
		}
	}
}

func TestLinesFlushBetweenWrites(t *testing.T) {
	t.Parallel()
	var got []string
	l := NewLines(func(line []byte) { got = append(got, string(line)) })
	for _, s := range []string{"dot.", "dot."} {
		_, _ = l.Write([]byte(s))
		l.Flush()
		l.Flush()
	}
	if want := []string{"dot.", "dot."}; !slices.Equal(got, want) {
		t.Errorf("lines after flushes: got %q, want %q", got, want)
	}
}

func TestLinesKeepsNoLargeBuffer(t *testing.T) {
	t.Parallel()
	l := NewLines(func([]byte) {})
	_, _ = l.Write(bytes.Repeat([]byte("x"), 100_000))
	l.Flush()
	if c := cap(l.rest); c > keepCapacity {
		t.Errorf("buffer that stays after a long line: %d bytes, want at most %d", c, keepCapacity)
	}
}

func TestLinesAllocatesNothing(t *testing.T) {
	l := NewLines(func([]byte) {})
	text := []byte("one line\nanother line\nbegun")
	_, _ = l.Write(text)
	if n := testing.AllocsPerRun(100, func() { _, _ = l.Write(text) }); n != 0 {
		t.Errorf("allocations per write: %v, want 0", n)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\nc"), 2)
	f.Add([]byte(strings.Repeat("é", 140_000)), 77_777)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		whole := splitLines(text)
		if joined := strings.Join(whole, ""); joined != string(text) {
			t.Fatalf("lines of %q joined are %q", text, joined)
		}
		for _, line := range whole {
			if len(line) > MaxLength || line == "" || strings.Contains(line[:len(line)-1], "\n") {
				t.Fatalf("bad line of %d bytes", len(line))
			}
			if utf8.Valid(text) && !utf8.ValidString(line) {
				t.Fatalf("a line of valid UTF-8 is not: %.80q", line)
			}
		}
		size = max(1, min(size, len(text)+1))
		if cut := splitLines(slices.Collect(slices.Chunk(text, size))...); !slices.Equal(cut, whole) {
			t.Fatalf("written in pieces of %d: got %.200q, want %.200q", size, cut, whole)
		}
	})
}
