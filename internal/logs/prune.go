package logs

import (
	"path"
	"slices"
	"time"
)

const (
	scanEvery = time.Hour // how often retention is looked at
	pruneTo   = 0.9       // of MaxBytes, so that pruning has a rest in between
)

// maintain forgets silent streams and, once an hour, removes what has expired.
func (d *disk) maintain(now time.Time) {
	for key, a := range d.streams {
		switch silent := now.Sub(a.usedAt); {
		case silent > idleAfter:
			d.forget(key)
		case silent > closeAfter:
			d.release(a)
		}
	}
	if d.scanned.IsZero() || now.Sub(d.scanned) >= scanEvery || d.total > d.maxBytes {
		d.prune(now)
	}
}

// forget closes a stream's segment, and keeps of the stream only what it is still to
// be told.
func (d *disk) forget(key streamKey) {
	a, ok := d.streams[key]
	if !ok {
		return
	}
	d.release(a)
	if a.lost.Records == 0 {
		delete(d.streams, key)
	}
}

// stale is a segment that may have to go.
type stale struct {
	segmentFile
	group    string
	folder   string // of its stream
	bytes    int64
	modified time.Time
}

// prune removes segments that are older than their group's retention, and then
// the oldest ones until there is room.
func (d *disk) prune(now time.Time) {
	var all []stale
	var total int64
	sizes := make(map[string]int64)
	d.scanned = now
	writers := make(map[string]*appender, len(d.streams))
	for key, a := range d.streams {
		writers[key.folder()] = a
	}
	for _, g := range groupsOf(d.root) {
		keep := g.Retention
		if keep == 0 {
			keep = d.retention
		}
		for _, s := range d.segmentsIn(g) {
			if keep > 0 && now.Sub(s.modified) > keep {
				d.remove(s, writers)
				continue
			}
			total += s.bytes
			sizes[g.Name] += s.bytes
			all = append(all, s)
		}
	}
	if total > d.maxBytes {
		slices.SortFunc(all, func(a, b stale) int { return a.modified.Compare(b.modified) })
		goal := int64(float64(d.maxBytes) * pruneTo)
		for _, s := range all {
			if total <= goal {
				break
			}
			total -= s.bytes
			sizes[s.group] -= s.bytes
			d.remove(s, writers)
		}
	}
	d.total, d.sizes = total, sizes
}

// segmentsIn lists the segments of a group with what pruning asks of them.
func (d *disk) segmentsIn(g Group) []stale {
	var all []stale
	streams, _ := readFolder(d.root, g.folder())
	for _, e := range streams {
		if !e.IsDir() {
			continue
		}
		folder := path.Join(g.folder(), e.Name())
		segments, _ := segmentsOf(d.root, folder)
		if len(segments) == 0 {
			_ = d.root.RemoveAll(folder)
		}
		for _, s := range segments {
			if info, err := d.root.Stat(s.name); err == nil {
				all = append(all, stale{s, g.Name, folder, info.Size(), info.ModTime()})
			}
		}
	}
	return all
}

// remove deletes a segment, and the folder of a stream that has no more. The
// stream's end keeps its position, so that positions never mean something else.
func (d *disk) remove(s stale, writers map[string]*appender) {
	if a, ok := writers[s.folder]; ok && a.known && a.base == s.base {
		d.release(a)
		a.base, a.size = a.end(), 0
	}
	if d.root.Remove(s.name) != nil {
		return
	}
	if left, err := segmentsOf(d.root, s.folder); err == nil && len(left) == 0 {
		_ = d.root.RemoveAll(s.folder)
	}
}
