package runtimeapi

import (
	"sync"

	"lambent/internal/readable"
)

// Shared is what the servers of many environments have in common, so that one
// that waits takes as little as can be. The zero value serves too: a connection
// that nothing comes from then has a goroutine to wait for it.
type Shared struct {
	Readable *readable.Watcher // of connections and listeners; nil: there is none

	buffers sync.Pool // *[readBuffer]byte
}

func (s *Shared) buffer() []byte {
	if p, ok := s.buffers.Get().(*[readBuffer]byte); ok {
		return p[:]
	}
	return make([]byte, readBuffer)
}

// give takes a buffer back, unless it is a bigger one.
func (s *Shared) give(b []byte) {
	if len(b) == readBuffer {
		s.buffers.Put((*[readBuffer]byte)(b))
	}
}

// watch has ready called when there is something to read from a connection, or to
// accept from a listener. It is nil when that cannot be told.
func (s *Shared) watch(what any, ready func()) *readable.Watch {
	of, err := readable.Of(what)
	if err != nil || s.Readable == nil {
		return nil
	}
	w, err := s.Readable.Watch(of, ready)
	if err != nil {
		return nil
	}
	return w
}
