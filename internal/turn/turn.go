// Package turn lets those who want the same thing have it one after another.
// It is a lock per key that a context can stop waiting for, and unlike a mutex
// it is meant to be held across I/O: whoever has the turn may write to a disk
// while the others, and only they, wait.
package turn

import (
	"context"
	"sync"
)

// Line is where turns are taken. The zero value is ready.
type Line struct {
	mu   sync.Mutex
	keys map[string]*key
}

type key struct {
	free  chan struct{} // capacity 1; holds a token while nobody has the turn
	users int           // mu of the Line; waiting or having the turn
}

// Take waits for the key's turn. The caller must call done exactly once.
func (l *Line) Take(ctx context.Context, name string) (done func(), err error) {
	k := l.join(name)
	select {
	case <-k.free:
		return func() {
			k.free <- struct{}{}
			l.leave(name, k)
		}, nil
	case <-ctx.Done():
		l.leave(name, k)
		return nil, context.Cause(ctx)
	}
}

func (l *Line) join(name string) *key {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys[name]
	if !ok {
		k = &key{free: make(chan struct{}, 1)}
		k.free <- struct{}{}
		if l.keys == nil {
			l.keys = map[string]*key{}
		}
		l.keys[name] = k
	}
	k.users++
	return k
}

// leave forgets keys that nobody uses, so that names do not pile up.
func (l *Line) leave(name string, k *key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.keys, name)
	}
}
