package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// What asks for a group or a stream that is not there gets one of these.
var (
	ErrNoGroup  = errors.New("no such log group")
	ErrNoStream = errors.New("no such log stream")
)

// Group is a log group.
type Group struct {
	Name      string        `json:"name"`
	Created   time.Time     `json:"created"`
	Retention time.Duration `json:"retention,omitempty"` // 0: the default of the daemon
}

func (g Group) folder() string { return escape(g.Name) }

// Stream is a log stream.
type Stream struct {
	Name     string
	Bytes    int64     // on disk
	Ingested time.Time // when its last record was stored
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

// Streams lists a group's streams, the one written last first.
func (l *Logs) Streams(ctx context.Context, group string) ([]Stream, error) {
	if err := l.Sync(ctx); err != nil {
		return nil, err
	}
	return streamsOf(l.folder, group)
}

// CreateGroup makes a group, or changes the retention of one that is there.
func (l *Logs) CreateGroup(ctx context.Context, name string, retention time.Duration) error {
	return l.do(ctx, func() error {
		g, err := readGroup(l.folder, escape(name))
		if err != nil {
			g = Group{Name: name, Created: time.Now()}
		}
		g.Retention = retention
		return writeGroup(l.folder, g)
	})
}

// DeleteGroup removes a group with all its streams.
func (l *Logs) DeleteGroup(ctx context.Context, name string) error {
	return l.do(ctx, func() error { return l.disk.deleteGroup(name) })
}

// DeleteStream removes a stream.
func (l *Logs) DeleteStream(ctx context.Context, group, stream string) error {
	return l.do(ctx, func() error { return l.disk.deleteStream(streamKey{group, stream}) })
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
	d.scanned = time.Time{} // total is measured again at the next maintenance
	return nil
}

func (d *disk) deleteStream(key streamKey) error {
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
