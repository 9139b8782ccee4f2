package readable

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/epoll"
)

// Watcher watches descriptors.
type Watcher struct {
	epoll *epoll.Instance
	over  chan struct{} // closed when run has ended

	mu      sync.Mutex
	last    uint64            // mu; the number of the newest watch
	watches map[uint64]*Watch // mu; by number
}

// Watch is one descriptor that is watched.
type Watch struct {
	watcher *Watcher
	of      Descriptor
	ready   func()
	number  uint64 // never used again: an event that comes late is nobody's
	armed   bool   // watcher.mu; ready will be called
}

// New makes a Watcher that is at work until Close.
func New() (*Watcher, error) {
	instance, err := epoll.New()
	if err != nil {
		return nil, err
	}
	w := &Watcher{epoll: instance, over: make(chan struct{}), watches: map[uint64]*Watch{}}
	go w.run()
	return w, nil
}

// Watch has ready called, in a goroutine of its own, when there is something to
// read, an end or an error included, and then not before Again. It must be
// stopped before the descriptor is closed.
func (w *Watcher) Watch(of Descriptor, ready func()) (*Watch, error) {
	w.mu.Lock()
	w.last++
	one := &Watch{watcher: w, of: of, ready: ready, number: w.last, armed: true}
	w.watches[one.number] = one
	w.mu.Unlock()
	if err := one.control(unix.EPOLL_CTL_ADD); err != nil {
		one.Stop()
		return nil, err
	}
	return one, nil
}

// Again has ready called once more. It is for ready itself to call. An error says
// that it never will be, because the watch was stopped or the descriptor closed.
func (one *Watch) Again() error {
	w := one.watcher
	w.mu.Lock()
	one.armed = w.watches[one.number] == one
	stopped := !one.armed
	w.mu.Unlock()
	if stopped {
		return errStopped
	}
	if err := one.control(unix.EPOLL_CTL_MOD); err != nil && one.disarm() {
		return err
	}
	return nil
}

var errStopped = errors.New("the watch was stopped")

// disarm tells whether ready would have been called.
func (one *Watch) disarm() (was bool) {
	one.watcher.mu.Lock()
	defer one.watcher.mu.Unlock()
	was, one.armed = one.armed, false
	return was
}

// Stop ends the watch. It tells whether that was in time: ready would have been
// called, and now never is. Otherwise it has been, and may still be at work.
func (one *Watch) Stop() bool {
	w := one.watcher
	armed := one.disarm()
	w.mu.Lock()
	delete(w.watches, one.number)
	w.mu.Unlock()
	_ = one.control(unix.EPOLL_CTL_DEL) // it may be closed, or never have been added
	return armed
}

// Close ends all watches.
func (w *Watcher) Close() {
	w.epoll.Close()
	<-w.over
}

func (one *Watch) control(act int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(one.number), Pad: int32(one.number >> 32)}
	var refused error
	closed := one.of.Control(func(fd uintptr) {
		refused = one.watcher.epoll.Control(act, int(fd), &event)
	})
	if err := errors.Join(closed, refused); err != nil {
		return fmt.Errorf("watch a descriptor: %w", err)
	}
	return nil
}

// run tells of what can be read until the Watcher is closed.
func (w *Watcher) run() {
	defer close(w.over)
	events := make([]unix.EpollEvent, 64)
	for {
		n, open := w.epoll.Wait(events)
		if !open {
			return
		}
		for _, e := range events[:n] {
			w.tell(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32)
		}
	}
}

func (w *Watcher) tell(number uint64) {
	w.mu.Lock()
	one := w.watches[number]
	w.mu.Unlock()
	if one != nil && one.disarm() {
		go one.ready()
	}
}
