package runtimeapi

import "bytes"

// Head is what the parser made of a request's head, for the fuzzer.
type Head struct {
	Method, Path string
	Minor        int
	Length       int64
	Chunked      bool
	Closing      bool
	Fields       map[string]string
}

// ParseHead finds and parses the head in b and returns the bytes behind it.
func ParseHead(b []byte) (h Head, rest []byte, ok bool) {
	end, _ := headEnd(b, 0)
	if end < 0 {
		return h, nil, false
	}
	var r request
	if r.parse(b[:end]) != nil {
		return h, nil, false
	}
	h = Head{
		Method: string(r.method), Path: string(r.path), Minor: int(r.minor - '0'),
		Length: r.length, Chunked: r.chunked, Closing: r.closing, Fields: map[string]string{},
	}
	for f, name := range fieldNames {
		if r.has(field(f)) {
			h.Fields[name] = r.text(field(f))
		}
	}
	return h, b[end:], true
}

// ResumesRight tells whether looking for the end of a head in pieces finds what
// looking at the whole does.
func ResumesRight(b []byte, piece int) bool {
	whole, _ := headEnd(b, 0)
	from := 0
	for n := min(piece, len(b)); ; n = min(n+piece, len(b)) {
		end, resume := headEnd(b[:n], from)
		if end >= 0 {
			return end == whole && !bytes.Contains(b[:end-1], []byte("\n\n"))
		}
		if n == len(b) {
			return whole < 0
		}
		from = resume
	}
}

// ErrorCause is errorCause.
func ErrorCause(sent []byte) string { return errorCause(sent) }

// Buffered is how many bytes the server holds for requests in progress.
func (s *Server) Buffered() int64 { return s.buffered.Load() }

// Watched is how many connections have been parked for so long that they are watched.
func (s *Server) Watched() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.mu.Lock()
		if c.coming != nil {
			n++
		}
		c.mu.Unlock()
	}
	return n
}
