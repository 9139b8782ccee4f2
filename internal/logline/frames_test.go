package logline

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// frameBytes builds a frame as a runtime does; a zero time leaves it out.
func frameBytes(kind uint32, at time.Time, text string) string {
	b := binary.BigEndian.AppendUint32(nil, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(text)))
	if !at.IsZero() {
		b = binary.BigEndian.AppendUint64(b, uint64(at.UnixMicro()))
	}
	return string(b) + text
}

func parseFrames(chunks ...[]byte) []string {
	var got []string
	f := NewFrames(func(f Frame) {
		stamp := "-"
		if !f.Time.IsZero() {
			stamp = f.Time.Format(time.RFC3339Nano)
		}
		text := string(f.Text)
		if len(text) > 100 {
			text = fmt.Sprintf("%s(%d)", text[:3], len(text))
		}
		got = append(got, fmt.Sprintf("%v %s %s %q", f.JSON, f.Level, stamp, text))
	})
	for _, c := range chunks {
		_, _ = f.Write(c)
	}
	f.Flush()
	return got
}

func TestFrames(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 10, 0, 0, 15, 64_123_000, time.UTC)
	const stamp = "2026-01-10T00:00:15.064123Z"
	long := strings.Repeat("x", MaxLength+5)
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"text without a level":      {frameBytes(0xa55a0003, at, "a\nb\n"), []string{`false  ` + stamp + ` "a\nb\n"`}},
		"JSON without a level":      {frameBytes(0xa55a0002, at, "{}"), []string{`true  ` + stamp + ` "{}"`}},
		"Python's INFO text":        {frameBytes(0xa55a000f, at, "x"), []string{`false INFO ` + stamp + ` "x"`}},
		"Python's INFO JSON":        {frameBytes(0xa55a000e, at, "{}"), []string{`true INFO ` + stamp + ` "{}"`}},
		"FATAL":                     {frameBytes(0xa55a001b, at, "x"), []string{`false FATAL ` + stamp + ` "x"`}},
		"the older header":          {frameBytes(0xa55a0001, time.Time{}, "old"), []string{`false  - "old"`}},
		"several":                   {frameBytes(0xa55a0001, time.Time{}, "1") + frameBytes(0xa55a0003, at, "2"), []string{`false  - "1"`, `false  ` + stamp + ` "2"`}},
		"an empty one is none":      {frameBytes(0xa55a0003, at, "") + frameBytes(0xa55a0001, time.Time{}, "x"), []string{`false  - "x"`}},
		"strays before":             {"oops\nhm" + frameBytes(0xa55a0001, time.Time{}, "x"), []string{`false  - "oops\n"`, `false  - "hm"`, `false  - "x"`}},
		"a false beginning":         {"\xa5\xa5\x5a" + frameBytes(0xa55a0001, time.Time{}, "x"), []string{`false  - "\xa5\xa5Z"`, `false  - "x"`}},
		"an unknown level is stray": {"\xa5\x5a\x00\x1cab", []string{`false  - "\xa5Z\x00\x1cab"`}},
		"ends within a header":      {"\xa5\x5a\x00\x03\x00", []string{`false  - "\xa5Z\x00\x03\x00"`}},
		"ends within a text":        {frameBytes(0xa55a000f, at, "gone too soon")[:20], []string{`false INFO ` + stamp + ` "gone"`}},
		"too long":                  {frameBytes(0xa55a000e, at, long), []string{`false INFO ` + stamp + ` "xxx(262118)"`, `false INFO ` + stamp + ` "xxxxx"`}},
		"a length that is a lie":    {frameBytes(0xa55a0001, time.Time{}, "x")[:4] + "\xff\xff\xff\xff" + "abc", []string{`false  - "abc"`}},
	} {
		if got := parseFrames([]byte(tc.in)); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
		if got := parseFrames(slices.Collect(slices.Chunk([]byte(tc.in), 3))...); !slices.Equal(got, tc.want) {
			t.Errorf("%s, in small pieces: got %q, want %q", name, got, tc.want)
		}
	}
}

func TestFramesAllocatesNothing(t *testing.T) {
	f := NewFrames(func(Frame) {})
	text := []byte(frameBytes(0xa55a000f, time.Now(), "hello") + frameBytes(0xa55a0001, time.Time{}, "old"))
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Write(text) }); n != 0 {
		t.Errorf("allocations per write: %v, want 0", n)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte(frameBytes(0xa55a0003, time.UnixMicro(1), "hello")+"stray\n"+frameBytes(0xa55a0001, time.Time{}, "old")), 5)
	f.Add([]byte("\xa5\x5a\xa5\x5a\x00\x02\x00\x00\x00\x03"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		whole := parseFrames(stream)
		size = max(1, min(size, len(stream)+1))
		if cut := parseFrames(slices.Collect(slices.Chunk(stream, size))...); !slices.Equal(cut, whole) {
			t.Fatalf("%q in pieces of %d: got %q, want %q", stream, size, cut, whole)
		}
	})
}
