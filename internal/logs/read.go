package logs

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"time"
)

// End is the position after the last record of a stream.
const End Position = -1

// Query says which records of a stream to read.
type Query struct {
	From     Position // of the first record; reading backward, of the one after it. End is the end
	Backward bool
	Limit    int       // records; DefaultLimit when 0
	Since    time.Time // not before; the zero time is no bound
	Until    time.Time // before; the zero time is no bound
}

// Page is an answer to a Query, in the order of the stream also when it was read
// backward. Next and Previous continue forward and backward, whatever the
// direction of this one was.
type Page struct {
	Records        []Record
	Next, Previous Position
}

// A page is bounded as CloudWatch's are.
const (
	DefaultLimit = 10_000
	pageBytes    = 1 << 20
)

// Read reads a page of a stream.
func (l *Logs) Read(ctx context.Context, group, stream string, q Query) (Page, error) {
	if err := l.Sync(ctx); err != nil {
		return Page{}, err
	}
	s, err := openStream(l.folder, streamKey{group, stream})
	if err != nil {
		return Page{}, err
	}
	if q.Limit <= 0 || q.Limit > DefaultLimit {
		q.Limit = DefaultLimit
	}
	q.Since = later(q.Since, l.keptSince(group))
	walk := s.forward
	if q.Backward {
		walk = s.backward
	}
	page := Page{Next: q.From, Previous: q.From}
	bytes := 0
	for rec := range walk(q.From) {
		if err := ctx.Err(); err != nil {
			return Page{}, context.Cause(ctx)
		}
		if q.matches(rec.Time) {
			bytes += len(rec.Message) + recordOverhead
			if len(page.Records) == q.Limit || (bytes > pageBytes && len(page.Records) > 0) {
				break
			}
			page.Records = append(page.Records, rec)
		}
		page.cover(rec)
	}
	if page.Next == End {
		page.Next, page.Previous = s.end(), s.end()
	}
	if q.Backward {
		slices.Reverse(page.Records)
	}
	return page, s.err
}

// cover widens the page over a record, whether it shows it or not.
func (p *Page) cover(rec Record) {
	if p.Next == End || rec.nextStart > p.Next {
		p.Next = rec.nextStart
	}
	if p.Previous == End || rec.Position < p.Previous {
		p.Previous = rec.Position
	}
}

func (q Query) matches(t time.Time) bool {
	return !t.Before(q.Since) && (q.Until.IsZero() || t.Before(q.Until))
}

// Filter says which records of a group to read.
type Filter struct {
	Streams []string // all when empty
	Prefix  string   // of the streams' names
	Since   time.Time
	Until   time.Time
	Limit   int               // DefaultLimit when 0
	Bytes   int               // of the messages kept, which may be twice that; 0 is no bound
	Newest  bool              // the last records that match, not the first
	After   *Record           // continue after this one
	Match   func(string) bool // of the message; nil matches all
}

// Filter reads the records of all streams of a group in the order of their
// time. It looks at every record in the range and keeps no more than Limit.
func (l *Logs) Filter(ctx context.Context, group string, f Filter) ([]Record, error) {
	if err := l.Sync(ctx); err != nil {
		return nil, err
	}
	streams, err := streamsOf(l.folder, group)
	if err != nil {
		return nil, err
	}
	if f.Limit <= 0 || f.Limit > DefaultLimit {
		f.Limit = DefaultLimit
	}
	f.Since = later(f.Since, l.keptSince(group))
	best := selection{limit: f.Limit, bytes: f.Bytes, newest: f.Newest}
	for _, info := range streams {
		if !f.wants(info) {
			continue
		}
		s, err := openStream(l.folder, streamKey{group, info.Name})
		if err != nil {
			continue // pruned since it was listed
		}
		for rec := range s.forward(0) {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if f.matches(rec) {
				best.add(rec)
			}
		}
	}
	return best.sorted(), nil
}

// keptSince is how old records of the group may be. Older ones are there until
// their segment has no younger one, but nobody sees them.
func (l *Logs) keptSince(group string) time.Time {
	keep := l.retention
	if g, err := readGroup(l.folder, escape(group)); err == nil && g.Retention > 0 {
		keep = g.Retention
	}
	if keep == 0 {
		return time.Time{}
	}
	return time.Now().Add(-keep)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// wants tells whether a stream can have matching records: none is later than
// maxAhead after it was stored.
func (f Filter) wants(s Stream) bool {
	return (len(f.Streams) == 0 || slices.Contains(f.Streams, s.Name)) && strings.HasPrefix(s.Name, f.Prefix) &&
		!s.Ingested.Add(maxAhead).Before(f.Since)
}

func (f Filter) matches(rec Record) bool {
	return Query{Since: f.Since, Until: f.Until}.matches(rec.Time) &&
		(f.After == nil || compareRecords(rec, *f.After) > 0) && (f.Match == nil || f.Match(rec.Message))
}

// compareRecords orders the records of a group: by time, then by when they were
// stored, then by stream and place.
func compareRecords(a, b Record) int {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c
	}
	if c := a.Ingested.Compare(b.Ingested); c != 0 {
		return c
	}
	if c := strings.Compare(a.Stream, b.Stream); c != 0 {
		return c
	}
	return int(a.Position - b.Position)
}

// selection keeps the first or the last records of those added.
type selection struct {
	limit   int
	bytes   int // 0: no bound
	newest  bool
	records []Record
	held    int // bytes of their messages
}

func (s *selection) add(rec Record) {
	s.records = append(s.records, rec)
	s.held += len(rec.Message)
	if len(s.records) >= 2*s.limit+1000 || s.bytes > 0 && s.held >= 2*s.bytes+pageBytes {
		s.records = s.sorted()
	}
}

func (s *selection) sorted() []Record {
	slices.SortFunc(s.records, compareRecords)
	if over := len(s.records) - s.limit; over > 0 && s.newest {
		s.records = append(s.records[:0], s.records[over:]...)
	} else if over > 0 {
		s.records = s.records[:s.limit]
	}
	s.shrink()
	return s.records
}

// shrink drops the records beyond the bound of bytes, from the end that matters
// less, and keeps at least one.
func (s *selection) shrink() {
	s.held = 0
	for i := range s.records {
		at := i
		if s.newest {
			at = len(s.records) - 1 - i
		}
		s.held += len(s.records[at].Message)
		if s.bytes == 0 || s.held <= s.bytes || i == 0 {
			continue
		}
		if s.held -= len(s.records[at].Message); s.newest {
			s.records = append(s.records[:0], s.records[at+1:]...)
		} else {
			s.records = s.records[:at]
		}
		return
	}
}

// stream reads a stream's segments.
type stream struct {
	root     *os.Root
	key      streamKey
	segments []segmentFile
	err      error // that ended the last walk
}

func openStream(root *os.Root, key streamKey) (*stream, error) {
	if _, err := root.Stat(escape(key.group)); err != nil {
		return nil, ErrNoGroup
	}
	segments, err := segmentsOf(root, key.folder())
	if err != nil {
		return nil, err
	}
	if len(segments) == 0 {
		return nil, ErrNoStream
	}
	return &stream{root: root, key: key, segments: segments}, nil
}

// forward walks from a position, or from the first record that is still there.
func (s *stream) forward(from Position) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		if from == End {
			return
		}
		for i, segment := range s.segments {
			if i+1 < len(s.segments) && s.segments[i+1].base <= from {
				continue
			}
			if !s.within(segment, func(file io.ReaderAt, size int64) bool {
				off := max(0, int64(from-segment.base))
				if off >= size {
					return true // nothing is there yet, or ever was: positions come from callers
				}
				return s.walkForward(segment.base, &window{r: file, size: size}, off, yield)
			}) {
				return
			}
		}
	}
}

func (s *stream) walkForward(base Position, file io.ReaderAt, off int64, yield func(Record) bool) bool {
	var buf []byte
	for {
		rec, end, space, ok := readRecord(file, off, buf)
		if !ok {
			return true
		}
		rec.Stream, rec.Position, rec.nextStart = s.key.stream, base+Position(off), base+Position(end)
		if !yield(rec) {
			return false
		}
		off, buf = end, space
	}
}

// backward walks the records before a position, the last first.
func (s *stream) backward(from Position) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for i := len(s.segments) - 1; i >= 0; i-- {
			segment := s.segments[i]
			if from != End && segment.base >= from {
				continue
			}
			if !s.within(segment, func(file io.ReaderAt, size int64) bool {
				end := size
				if from != End {
					end = min(size, int64(from-segment.base))
				}
				return s.walkBackward(segment.base, file, end, yield)
			}) {
				return
			}
		}
	}
}

func (s *stream) walkBackward(base Position, file io.ReaderAt, off int64, yield func(Record) bool) bool {
	var buf []byte
	searched := false
	for off > 0 {
		begin, ok := recordBefore(file, off)
		var rec Record
		var end int64
		if ok {
			rec, end, buf, ok = readRecord(file, begin, buf)
		}
		if !ok || end != off {
			// A torn end, or a position that is none: the whole records before
			// it are found from the front, once.
			if searched {
				return true
			}
			searched, off = true, validEnd(file, off)
			continue
		}
		rec.Stream, rec.Position, rec.nextStart = s.key.stream, base+Position(begin), base+Position(end)
		if !yield(rec) {
			return false
		}
		off = begin
	}
	return true
}

// end is the position after the last whole record.
func (s *stream) end() Position {
	for rec := range s.backward(End) {
		return rec.nextStart
	}
	return s.segments[len(s.segments)-1].base
}

// within opens a segment for f, which tells whether to go on. A segment that was
// pruned meanwhile has no records.
func (s *stream) within(segment segmentFile, f func(file io.ReaderAt, size int64) bool) bool {
	file, err := s.root.Open(segment.name)
	if os.IsNotExist(err) {
		return true
	}
	if err != nil {
		s.err = fmt.Errorf("open log segment: %w", err)
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		s.err = fmt.Errorf("look at log segment: %w", err)
		return false
	}
	return f(file, info.Size())
}
