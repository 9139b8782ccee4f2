package logs

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
)

// What asks for a group or a stream that is not there, or makes one that is, gets
// one of these, in CloudWatch's words.
var (
	ErrNoGroup      error = lambda.Errorf(lambda.NotFound, "The specified log group does not exist.")
	ErrNoStream     error = lambda.Errorf(lambda.NotFound, "The specified log stream does not exist.")
	ErrGroupExists  error = lambda.Errorf(lambda.Conflict, "The specified log group already exists")
	ErrStreamExists error = lambda.Errorf(lambda.Conflict, "The specified log stream already exists")
)

// Group is a log group.
type Group struct {
	Name      string            `json:"name"`
	Created   time.Time         `json:"created"`
	Retention time.Duration     `json:"retention,omitempty"` // 0: the default of the daemon
	Class     string            `json:"class,omitempty"`     // empty: STANDARD
	Tags      map[string]string `json:"tags,omitempty"`
}

func (g Group) folder() string { return escape(g.Name) }

// Stream is a log stream.
type Stream struct {
	Name     string
	Bytes    int64     // on disk
	Ingested time.Time // when its last record was stored
}

// doInOrder is do after everything that was published before: what is deleted does
// not come back by a record from before, and what is looked for is there.
func (l *Logs) doInOrder(ctx context.Context, f func() error) error {
	return l.do(ctx, func() error { l.drain(); return f() })
}

// Groups lists the groups by name.
func (l *Logs) Groups(ctx context.Context) ([]Group, error) {
	if err := l.Sync(ctx); err != nil {
		return nil, err
	}
	groups := groupsOf(l.folder)
	slices.SortFunc(groups, func(a, b Group) int { return strings.Compare(a.Name, b.Name) })
	return groups, nil
}

// Bytes is how much of the disk each group takes, when it was last looked at:
// within the hour.
func (l *Logs) Bytes(ctx context.Context) (map[string]int64, error) {
	var bytes map[string]int64
	err := l.do(ctx, func() error { bytes = maps.Clone(l.disk.sizes); return nil })
	return bytes, err
}

// Streams lists a group's streams, the one written last first.
func (l *Logs) Streams(ctx context.Context, group string) ([]Stream, error) {
	if err := l.Sync(ctx); err != nil {
		return nil, err
	}
	return streamsOf(l.folder, group)
}

// CreateGroup makes a group that is not there yet. Functions write to it as they
// would to one that came by itself.
func (l *Logs) CreateGroup(ctx context.Context, g Group) error {
	return l.doInOrder(ctx, func() error {
		if _, err := readGroup(l.folder, g.folder()); err == nil {
			return ErrGroupExists
		}
		g.Created = time.Now()
		return writeGroup(l.folder, g)
	})
}

// ChangeGroup changes a group's retention, class or tags. An error of change
// changes nothing.
func (l *Logs) ChangeGroup(ctx context.Context, name string, change func(*Group) error) error {
	return l.doInOrder(ctx, func() error {
		g, err := readGroup(l.folder, escape(name))
		if err != nil {
			return err
		}
		retention := g.Retention
		if err := change(&g); err != nil {
			return err
		}
		if g.Retention != retention {
			l.disk.scanned = time.Time{} // what has expired now goes with the next maintenance
		}
		return writeGroup(l.folder, g)
	})
}

// DeleteGroup removes a group with all its streams. An environment that still
// writes makes it again, as on AWS.
func (l *Logs) DeleteGroup(ctx context.Context, name string) error {
	return l.doInOrder(ctx, func() error { return l.disk.deleteGroup(name) })
}

// CreateStream makes an empty stream.
func (l *Logs) CreateStream(ctx context.Context, group, stream string) error {
	return l.doInOrder(ctx, func() error {
		key := streamKey{group, stream}
		if _, err := l.folder.Stat(escape(group)); err != nil {
			return ErrNoGroup
		}
		if segments, err := segmentsOf(l.folder, key.folder()); err != nil || len(segments) > 0 {
			return cmp.Or(err, ErrStreamExists)
		}
		if err := l.disk.create(key); err != nil {
			return err
		}
		return l.disk.ready(l.disk.appender(key, time.Now()))
	})
}

// Message is what somebody other than an environment adds to a stream.
type Message struct {
	Time time.Time
	Text string
}

// Put adds messages to a stream that is there. They are as durable as others.
func (l *Logs) Put(ctx context.Context, group, stream string, messages []Message) error {
	return l.doInOrder(ctx, func() error {
		if _, err := openStream(l.folder, streamKey{group, stream}); err != nil {
			return err
		}
		w := writing{key: streamKey{group, stream}, now: time.Now()}
		for _, m := range messages {
			w.add(m.Time.UnixMilli(), []byte(m.Text))
		}
		return l.disk.add(&w)
	})
}

// Span is when a stream began and what its records tell of time. An empty stream
// has no First and no Last.
type Span struct{ Created, First, Last, Ingested time.Time }

// Span looks at the first and the last record of a stream. A stream is as old as
// the first record that is still there.
func (l *Logs) Span(ctx context.Context, group, stream string) (Span, error) {
	if err := l.Sync(ctx); err != nil {
		return Span{}, err
	}
	s, err := openStream(l.folder, streamKey{group, stream})
	if err != nil {
		return Span{}, err
	}
	var span Span
	for rec := range s.forward(0) {
		span.Created, span.First = rec.Ingested, rec.Time
		break
	}
	for rec := range s.backward(End) {
		span.Last, span.Ingested = rec.Time, rec.Ingested
		break
	}
	if span.First.IsZero() {
		span.Created = describe(l.folder, stream, s.key.folder()).Ingested
	}
	return span, s.err
}

// DeleteStream removes a stream.
func (l *Logs) DeleteStream(ctx context.Context, group, stream string) error {
	return l.doInOrder(ctx, func() error { return l.disk.deleteStream(streamKey{group, stream}) })
}

func (d *disk) deleteGroup(name string) error {
	if _, err := d.root.Stat(escape(name)); err != nil {
		return ErrNoGroup
	}
	for key, a := range d.streams {
		if key.group == name {
			d.release(a)
			delete(d.streams, key)
		}
	}
	if err := d.root.RemoveAll(escape(name)); err != nil {
		return fmt.Errorf("delete log group %s: %w", name, err)
	}
	delete(d.sizes, name)
	d.scanned = time.Time{} // total is measured again at the next maintenance
	return nil
}

func (d *disk) deleteStream(key streamKey) error {
	if _, err := d.root.Stat(escape(key.group)); err != nil {
		return ErrNoGroup
	}
	if _, err := d.root.Stat(key.folder()); err != nil {
		return ErrNoStream
	}
	if a, ok := d.streams[key]; ok {
		d.release(a)
		delete(d.streams, key)
	}
	if err := d.root.RemoveAll(key.folder()); err != nil {
		return fmt.Errorf("delete log stream %s: %w", key.stream, err)
	}
	d.scanned = time.Time{}
	return nil
}

// writeGroup stores what is known of a group, whole or not at all.
func writeGroup(root *os.Root, g Group) error {
	data, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("encode log group: %w", err)
	}
	if err := root.MkdirAll(g.folder(), 0o700); err != nil {
		return fmt.Errorf("make log group: %w", err)
	}
	file := path.Join(g.folder(), groupFile)
	if err := root.WriteFile(file+".new", data, 0o600); err != nil {
		return fmt.Errorf("write log group: %w", err)
	}
	if err := root.Rename(file+".new", file); err != nil {
		return fmt.Errorf("write log group: %w", err)
	}
	return nil
}

// readGroup reads a group; its name can be read from the folder's when the file
// was lost.
func readGroup(root *os.Root, folder string) (Group, error) {
	var g Group
	data, err := root.ReadFile(path.Join(folder, groupFile))
	if err == nil && json.Unmarshal(data, &g) == nil && escape(g.Name) == folder {
		return g, nil
	}
	name, ok := unescape(folder)
	if !ok {
		return g, ErrNoGroup
	}
	info, err := root.Stat(folder)
	if err != nil || !info.IsDir() {
		return g, ErrNoGroup
	}
	return Group{Name: name, Created: info.ModTime()}, nil
}

func groupsOf(root *os.Root) []Group {
	entries, _ := readFolder(root, ".")
	var groups []Group
	for _, e := range entries {
		if g, err := readGroup(root, e.Name()); err == nil {
			groups = append(groups, g)
		}
	}
	return groups
}

func streamsOf(root *os.Root, group string) ([]Stream, error) {
	folder := escape(group)
	if _, err := root.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoGroup
	}
	entries, err := readFolder(root, folder)
	if err != nil {
		return nil, err
	}
	var streams []Stream
	for _, e := range entries {
		if name, ok := streamName(root, path.Join(folder, e.Name())); ok && e.IsDir() {
			streams = append(streams, describe(root, name, path.Join(folder, e.Name())))
		}
	}
	slices.SortFunc(streams, func(a, b Stream) int {
		if c := b.Ingested.Compare(a.Ingested); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return streams, nil
}

func streamName(root *os.Root, folder string) (string, bool) {
	if name, ok := unescape(path.Base(folder)); ok {
		return name, true
	}
	data, err := root.ReadFile(path.Join(folder, nameFile))
	return string(data), err == nil && escape(string(data)) == path.Base(folder)
}

func describe(root *os.Root, name, folder string) Stream {
	s := Stream{Name: name}
	segments, _ := segmentsOf(root, folder)
	for _, segment := range segments {
		if info, err := root.Stat(segment.name); err == nil {
			s.Bytes += info.Size()
			s.Ingested = info.ModTime()
		}
	}
	return s
}
