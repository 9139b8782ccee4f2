package logs

import (
	"container/list"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"lambent/internal/event"
)

const (
	segmentBytes = 4 << 20
	maxOpen      = 256 // descriptors
)

// disk is what the writer does to files. It has one owner and no lock.
type disk struct {
	root      *os.Root
	maxBytes  int64
	retention time.Duration
	problem   func(error)
	failing   bool

	streams map[streamKey]*appender
	open    list.List        // of *appender with an open file, the last used first
	total   int64            // bytes of all segments
	sizes   map[string]int64 // the same by group
	scanned time.Time        // when both were last measured
	stats   Stats

	appended func(key streamKey, from Position)
	openFile func(name string) (segment, error) // replaced by tests of failing disks
}

type streamKey struct{ group, stream string }

func (k streamKey) folder() string { return path.Join(escape(k.group), escape(k.stream)) }

// segment is an open segment file.
type segment interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Close() error
}

// appender is the end of one stream.
type appender struct {
	key    streamKey
	known  bool     // base and size are what the disk has
	base   Position // of the last segment
	size   int64    // whole records in it
	file   segment
	place  *list.Element // in disk.open, while file is open
	lost   event.LogsDropped
	usedAt time.Time
}

func (a *appender) end() Position { return a.base + Position(a.size) }

// writing is a batch on its way to the disk.
type writing struct {
	key       streamKey
	now       time.Time
	data      []byte
	records   int64
	bytes     int64 // of messages
	tellsLoss bool  // data holds a record of what was lost before
}

func (w *writing) add(at int64, message []byte) {
	w.data = appendRecord(w.data, at, w.now.UnixMilli(), message)
	w.records++
	w.bytes += int64(len(message))
}

func newDisk(root *os.Root, cfg Config) *disk {
	d := &disk{
		root: root, maxBytes: cfg.MaxBytes, retention: cfg.Retention, problem: cfg.Problem,
		streams: make(map[streamKey]*appender), sizes: make(map[string]int64), appended: func(streamKey, Position) {},
	}
	d.openFile = func(name string) (segment, error) {
		return root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	}
	return d
}

// append adds a batch to its stream. A batch that cannot be written is lost and
// counted; nothing of it stays.
func (d *disk) append(w *writing) {
	if len(w.data) == 0 {
		return
	}
	if d.add(w) != nil {
		a := d.appender(w.key, w.now)
		a.lost.Records += w.records
		a.lost.Bytes += w.bytes
		d.countLoss(event.LogsDropped{Records: w.records, Bytes: w.bytes})
	}
}

// add adds a batch to its stream, as a whole or not at all.
func (d *disk) add(w *writing) error {
	a := d.appender(w.key, w.now)
	from := a.end()
	err := d.put(a, w.data)
	d.report(err)
	if err != nil {
		d.stats.WriteErrors++
		return err
	}
	if w.tellsLoss {
		a.lost = event.LogsDropped{}
	}
	d.stats.Records += w.records
	d.stats.Bytes += w.bytes
	d.total += int64(len(w.data))
	d.sizes[w.key.group] += int64(len(w.data))
	d.appended(w.key, max(from, a.end()-Position(len(w.data))))
	if d.total > d.maxBytes {
		d.prune(w.now)
	}
	return nil
}

// report tells of the first failure and of the first success after it.
func (d *disk) report(err error) {
	if (err != nil) == d.failing {
		return
	}
	d.failing = err != nil
	if d.problem != nil {
		d.problem(err)
	}
}

func (d *disk) countLoss(lost event.LogsDropped) {
	d.stats.DroppedRecords += lost.Records
	d.stats.DroppedBytes += lost.Bytes
}

// lossOf is what the stream lost and has not been told of.
func (d *disk) lossOf(key streamKey) event.LogsDropped {
	if a, ok := d.streams[key]; ok {
		return a.lost
	}
	return event.LogsDropped{}
}

func (d *disk) appender(key streamKey, now time.Time) *appender {
	a, ok := d.streams[key]
	if !ok {
		a = &appender{key: key}
		d.streams[key] = a
	}
	a.usedAt = now
	return a
}

// put writes data at the end of the stream, in a new segment when the last one
// is full.
func (d *disk) put(a *appender, data []byte) error {
	if !a.known {
		if err := d.find(a); err != nil {
			return err
		}
	}
	if a.size > 0 && a.size+int64(len(data)) > segmentBytes {
		d.release(a)
		a.base, a.size = a.end(), 0
	}
	if err := d.ready(a); err != nil {
		return err
	}
	if _, err := a.file.WriteAt(data, a.size); err != nil {
		// What was written of it fails its checksum or is cut off here; when
		// even that fails, the next append writes over it.
		_ = a.file.Truncate(a.size)
		return fmt.Errorf("append to log stream %s: %w", a.key.stream, err)
	}
	a.size += int64(len(data))
	return nil
}

// find learns where the stream ends and cuts off what a daemon that was killed
// left torn.
func (d *disk) find(a *appender) error {
	segments, err := segmentsOf(d.root, a.key.folder())
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		if err := d.create(a.key); err != nil {
			return err
		}
		a.known = true
		return nil
	}
	a.base = segments[len(segments)-1].base
	if err := d.ready(a); err != nil {
		return err
	}
	info, err := a.file.Stat()
	if err != nil {
		return fmt.Errorf("look at log segment: %w", err)
	}
	a.size = validEnd(a.file, info.Size())
	if a.size < info.Size() {
		if err := a.file.Truncate(a.size); err != nil {
			return fmt.Errorf("cut torn log segment: %w", err)
		}
	}
	a.known = true
	return nil
}

// create makes the folders of a stream that has none.
func (d *disk) create(key streamKey) error {
	if _, err := d.root.Stat(escape(key.group)); errors.Is(err, fs.ErrNotExist) {
		if err := writeGroup(d.root, Group{Name: key.group, Created: time.Now()}); err != nil {
			return err
		}
	}
	folder := key.folder()
	if err := d.root.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make log stream: %w", err)
	}
	if _, plain := unescape(path.Base(folder)); !plain {
		if err := d.root.WriteFile(path.Join(folder, nameFile), []byte(key.stream), 0o600); err != nil {
			return fmt.Errorf("name log stream: %w", err)
		}
	}
	return nil
}

// ready opens the last segment, if it is not open, at the cost of the one that
// was used least recently.
func (d *disk) ready(a *appender) error {
	if a.file != nil {
		d.open.MoveToFront(a.place)
		return nil
	}
	name := path.Join(a.key.folder(), segmentName(a.base))
	file, err := d.openFile(name)
	if errors.Is(err, fs.ErrNotExist) { // the folder went with its last segment
		if err = d.create(a.key); err == nil {
			file, err = d.openFile(name)
		}
	}
	if err != nil {
		return fmt.Errorf("open log segment: %w", err)
	}
	a.file, a.place = file, d.open.PushFront(a)
	if d.open.Len() > maxOpen {
		d.release(d.open.Back().Value.(*appender))
	}
	return nil
}

func (d *disk) release(a *appender) {
	if a.file != nil {
		_ = a.file.Close()
		d.open.Remove(a.place)
		a.file, a.place = nil, nil
	}
}

func (d *disk) close() {
	for _, a := range d.streams {
		d.release(a)
	}
}

// segmentFile is a segment as a folder lists it.
type segmentFile struct {
	base Position
	name string // relative to the root
}

// segmentsOf lists a stream's segments, the oldest first; none when there is no
// such stream.
func segmentsOf(root *os.Root, folder string) ([]segmentFile, error) {
	entries, err := readFolder(root, folder)
	if err != nil {
		return nil, err
	}
	var segments []segmentFile
	for _, e := range entries {
		if base, ok := parseSegment(e.Name()); ok {
			segments = append(segments, segmentFile{base, path.Join(folder, e.Name())})
		}
	}
	slices.SortFunc(segments, func(a, b segmentFile) int { return int(a.base - b.base) })
	return segments, nil
}

// readFolder lists a folder; one that is not there is empty.
func readFolder(root *os.Root, folder string) ([]fs.DirEntry, error) {
	f, err := root.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open log folder: %w", err)
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list log folder: %w", err)
	}
	return entries, nil
}
