package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// spare is the room on the disk that new events leave to those that are there: to
// finish an event or to drop it is a write, too, and the only one that makes room.
const spare = 16 << 20

// A disk with plenty of room is not asked again for a moment, in which nobody can
// fill it.
const (
	plenty    = 1 << 30
	plentyFor = 100 * time.Millisecond
)

// freeAt tells how many bytes may still be written to the disk that has a file, or
// that there is plenty.
func freeAt(path string) func() (int64, error) {
	var until atomic.Int64 // nanoseconds since 1970; there is plenty
	return func() (int64, error) {
		now := time.Now()
		if now.UnixNano() < until.Load() {
			return plenty, nil
		}
		var fs unix.Statfs_t
		if err := unix.Statfs(path, &fs); err != nil {
			return 0, err
		}
		free := int64(fs.Bavail) * int64(fs.Bsize)
		if free >= 2*plenty {
			until.Store(now.Add(plentyFor).UnixNano())
		}
		return free, nil
	}
}

// takeRoom refuses so many bytes of events that too little would be left with
// all that is being written. Each is written twice, to the log and to its table.
// What took room gives it back when it is written.
func (s *Store) takeRoom(ctx context.Context, bytes int) error {
	writing := s.writing.Add(int64(bytes))
	free, err := s.free()
	if err != nil || free-2*writing >= spare { // a disk that can't be asked answers when it is written to
		return nil
	}
	// What was removed has left room in the file, and only the log grows.
	if unused, err := s.unused(ctx); err == nil && free+unused-2*writing >= spare && free-writing >= spare/4 {
		return nil
	}
	s.giveRoom(bytes)
	return fmt.Errorf("the disk has %d MB left, which are for the events that are there", free>>20)
}

func (s *Store) giveRoom(bytes int) { s.writing.Add(-int64(bytes)) }

// unused tells how many bytes of the file hold nothing.
func (s *Store) unused(ctx context.Context) (bytes int64, err error) {
	rows, err := s.query(ctx, "SELECT f.freelist_count * p.page_size FROM pragma_freelist_count f, pragma_page_size p")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if rows.Next() {
		err = rows.Scan(&bytes)
	}
	return bytes, errors.Join(err, rows.Err())
}
