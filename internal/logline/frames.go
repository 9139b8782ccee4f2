package logline

import (
	"bytes"
	"encoding/binary"
	"sync"
	"time"
)

// Frame is one record of the framed log protocol.
type Frame struct {
	Text  []byte
	JSON  bool      // the header says that Text is JSON
	Level Level     // Undefined when the header has none
	Time  time.Time // zero when the header has none
}

// The header of a frame, big-endian: type (4 bytes), length of the text (4),
// and with bitTime microseconds since the epoch (8). The type is frameMagic
// with the level in bits 2 to 4.
const (
	frameMagic   = 0xa55a0000
	bitText      = 1
	bitTime      = 2
	levelShift   = 2
	lastType     = frameMagic | uint32(Fatal)<<levelShift | bitTime | bitText
	shortHeader  = 8
	longHeader   = 16
	typeLength   = 4
	firstOfMagic = frameMagic >> 24
)

// Frames parses the framed log protocol out of whatever pieces are written to
// it, and hands each record to emit. A text longer than MaxLength becomes
// several records of the same level and time, so nothing waits in memory for a
// length that a header merely claims. Bytes that are no frame are handed over
// line by line without a level: a child process that got hold of the
// descriptor, or a runtime that died within a frame, is still heard.
//
// Like Lines it may be used from several goroutines, and emit must be quick and
// must not keep the text. Unlike a line, a frame has a known length and may go
// on after an invocation has ended: Flush only when the process is gone.
type Frames struct {
	emit func(Frame)

	mu     sync.Mutex
	head   [longHeader]byte
	headN  int    // bytes of head that are filled
	frame  Frame  // of the text being read; its Text is unused
	left   uint32 // bytes of that text still to come
	body   []byte // what has come of it, when not all came at once
	strays *Lines // bytes outside any frame
}

// NewFrames makes a Frames.
func NewFrames(emit func(Frame)) *Frames {
	return &Frames{
		emit:   emit,
		strays: NewLines(func(line []byte) { emit(Frame{Text: line}) }),
	}
}

// Write takes any piece of the stream. It never fails.
func (f *Frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		if f.left > 0 {
			p = f.text(p)
		} else {
			p = f.header(p)
		}
	}
	return n, nil
}

// Flush hands over what came of a frame that will not be finished.
func (f *Frames) Flush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.body) > 0 {
		f.hand(f.body, false)
	}
	f.stray(f.head[:f.headN])
	f.strays.Flush()
	f.body, f.left, f.headN = nil, 0, 0
}

// header takes bytes until a header is complete, and returns those after it.
func (f *Frames) header(p []byte) []byte {
	if f.headN == 0 && p[0] != firstOfMagic {
		start := bytes.IndexByte(p, firstOfMagic)
		if start < 0 {
			start = len(p)
		}
		f.stray(p[:start])
		return p[start:]
	}
	need := typeLength
	if f.headN >= typeLength {
		need = headerLength(f.kind())
	}
	n := copy(f.head[f.headN:need], p)
	f.headN += n
	if f.headN == need {
		f.headDone()
	}
	return p[n:]
}

// headDone looks at a header that has its type, or all of its bytes.
func (f *Frames) headDone() {
	if f.headN == typeLength {
		if !validType(f.kind()) {
			f.resync()
		}
		return
	}
	kind := f.kind()
	f.frame = Frame{JSON: kind&bitText == 0, Level: Level(kind >> levelShift & 7)}
	if kind&bitTime != 0 {
		f.frame.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(f.head[shortHeader:]))).UTC()
	}
	f.left = binary.BigEndian.Uint32(f.head[typeLength:])
	f.headN = 0
	f.strays.Flush()
}

// resync gives up the first byte, and all up to the next that may begin a header.
func (f *Frames) resync() {
	skip := bytes.IndexByte(f.head[1:f.headN], firstOfMagic) + 1
	if skip == 0 {
		skip = f.headN
	}
	f.stray(f.head[:skip])
	f.headN = copy(f.head[:], f.head[skip:f.headN])
}

// text takes bytes of the current frame, and returns those after it.
func (f *Frames) text(p []byte) []byte {
	n := min(int(f.left), len(p))
	if len(f.body) == 0 && n == int(f.left) && n <= MaxLength {
		f.left = 0
		f.hand(p[:n], true)
		return p[n:]
	}
	if room := MaxLength - len(f.body); room == 0 {
		cut := wholeRunes(f.body)
		f.hand(f.body[:cut], false)
		f.body = f.body[:copy(f.body, f.body[cut:])]
		return p
	} else if n > room {
		n = room
	}
	f.body = append(f.body, p[:n]...)
	f.left -= uint32(n)
	if f.left == 0 {
		f.hand(f.body, true)
		f.body = emptied(f.body)
	}
	return p[n:]
}

// hand emits text of the current frame. A part of a JSON text is no JSON.
func (f *Frames) hand(text []byte, last bool) {
	frame := f.frame
	frame.Text = text
	if !last {
		f.frame.JSON = false
	}
	frame.JSON = f.frame.JSON
	f.emit(frame)
}

func (f *Frames) stray(p []byte) { _, _ = f.strays.Write(p) }

func (f *Frames) kind() uint32 { return binary.BigEndian.Uint32(f.head[:]) }

func headerLength(kind uint32) int {
	if kind&bitTime != 0 {
		return longHeader
	}
	return shortHeader
}

func validType(kind uint32) bool { return kind >= frameMagic && kind <= lastType }
