package sqlite

import "sync"

// claims are the events that are given out. They are in memory only: one daemon
// uses a data folder, so they need not be told to anybody else, and a daemon that
// dies gives them back without a trace. That saves a write for every event.
type claims struct {
	mu   sync.Mutex
	held map[int64]bool // mu
}

// take claims an event, unless another has.
func (c *claims) take(sequence int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[sequence] {
		return false
	}
	if c.held == nil {
		c.held = map[int64]bool{}
	}
	c.held[sequence] = true
	return true
}

// taken tells whether an event is given out.
func (c *claims) taken(sequence int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[sequence]
}

func (c *claims) release(sequence int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, sequence)
}
