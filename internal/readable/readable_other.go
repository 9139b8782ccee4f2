//go:build !linux

package readable

import "errors"

// Watcher watches nothing here.
type Watcher struct{}

// Watch is a descriptor that is watched, of which there are none here.
type Watch struct{}

// New makes a Watcher.
func New() (*Watcher, error) { return &Watcher{}, nil }

// Watch refuses: who has something to wait for does so itself.
func (*Watcher) Watch(Descriptor, func()) (*Watch, error) { return nil, errors.ErrUnsupported }

// Close ends it.
func (*Watcher) Close() {}

// Again has nothing to begin again.
func (*Watch) Again() error { return errors.ErrUnsupported }

// Stop has nothing to stop.
func (*Watch) Stop() bool { return false }
