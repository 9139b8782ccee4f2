package logline

import (
	"bytes"
	"sync"
	"unicode/utf8"
)

// Lines splits what is written to it at newlines and hands each line, with its
// newline, to emit. How the text is cut into writes makes no difference. A line
// longer than MaxLength is handed over in parts, none of which ends within a
// UTF-8 sequence.
//
// Lines may be written and flushed from different goroutines. The lock is held
// while emit runs, since the order of lines is part of the promise: emit must be
// quick, and must not keep the slice.
type Lines struct {
	emit func(line []byte)

	mu   sync.Mutex
	rest []byte // begun and not yet ended; at most MaxLength bytes
}

// NewLines makes a Lines.
func NewLines(emit func(line []byte)) *Lines { return &Lines{emit: emit} }

// Write takes any piece of text. It never fails.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			l.keep(p)
			break
		}
		l.line(p[:end])
		p = p[end:]
	}
	return n, nil
}

// Flush hands over a line that was begun and not ended: at the end of the
// process, and at the end of an invocation, where AWS shows such text as it is.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

// line takes the rest of a line, with its newline.
func (l *Lines) line(end []byte) {
	if len(l.rest) == 0 && len(end) <= MaxLength {
		l.emit(end)
		return
	}
	l.keep(end)
	l.flush()
}

// keep adds to the unfinished line and hands over what is too long.
func (l *Lines) keep(p []byte) {
	for len(l.rest)+len(p) > MaxLength {
		n := MaxLength - len(l.rest)
		l.rest = append(l.rest, p[:n]...)
		p = p[n:]
		cut := wholeRunes(l.rest)
		l.emit(l.rest[:cut])
		l.rest = l.rest[:copy(l.rest, l.rest[cut:])]
	}
	l.rest = append(l.rest, p...)
}

func (l *Lines) flush() {
	if len(l.rest) > 0 {
		l.emit(l.rest)
	}
	l.rest = emptied(l.rest)
}

// emptied gives the buffer back empty, or none when it is too large to lie
// around in thousands of idle environments.
func emptied(b []byte) []byte {
	if cap(b) > keepCapacity {
		return nil
	}
	return b[:0]
}

// wholeRunes tells how many of b's bytes to take so that a UTF-8 sequence which
// goes on after b is not torn. Text that is not UTF-8 is taken whole.
func wholeRunes(b []byte) int {
	for back := 1; back < utf8.UTFMax && back < len(b); back++ {
		c := b[len(b)-back]
		if c < utf8.RuneSelf {
			break
		}
		if utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-back:]) {
				return len(b) - back
			}
			break
		}
	}
	return len(b)
}
