package catalog

import (
	"context"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// enqueue gives a function to the activators.
func (c *Catalog) enqueue(name string) {
	c.mu.Lock()
	c.pending = append(c.pending, name)
	c.mu.Unlock()
	poke(c.wake)
}

// dequeue takes the next function. Whoever took one wakes the next activator
// when there is more, since the signal carries no number.
func (c *Catalog) dequeue() (name string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return "", false
	}
	name, c.pending = c.pending[0], c.pending[1:]
	if len(c.pending) > 0 {
		poke(c.wake)
	}
	return name, true
}

// activate is one activator's life.
func (c *Catalog) activate(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		}
		for ctx.Err() == nil {
			name, ok := c.dequeue()
			if !ok {
				break
			}
			c.activateOne(ctx, name)
		}
	}
}

// activateOne unpacks what a function needs and settles its states. When the
// store refuses, it tries again until the catalog stops: a function must not
// stay Pending because a disk was full for a moment.
func (c *Catalog) activateOne(ctx context.Context, name string) {
	for ctx.Err() == nil {
		f := c.function(name)
		if f == nil || !f.unfinished() {
			return
		}
		failure := c.unpack(ctx, f)
		if ctx.Err() != nil {
			return // stopped in the middle; the next start takes it up
		}
		if failure != nil {
			c.config.Log.Error("package could not be unpacked", "function", name, "error", failure)
		}
		err := c.settle(ctx, name, f.latest.Generation, failure)
		if err == nil {
			c.herald(f.latest, failure)
			return
		}
		c.config.Log.Error("state of function could not be stored; trying again", "function", name, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(retryAfter):
		}
	}
}

// herald tells of a version that was activated.
func (c *Catalog) herald(v *lambda.Version, failure error) {
	if h, ok := c.config.Observer.(Herald); ok && failure == nil {
		h.Activated(v)
	}
}

// unpack makes everything of the function ready, so that the first invocation
// does not wait for it.
func (c *Catalog) unpack(ctx context.Context, f *function) error {
	for _, v := range f.all() {
		if v.State != lambda.Pending && v.Update != lambda.UpdateInProgress {
			continue
		}
		_, _, release, err := c.Open(ctx, v)
		if err != nil {
			return err
		}
		release()
	}
	return nil
}

// settle carries out the arrows of the package comment for one generation of
// Latest and what was published from it.
func (c *Catalog) settle(ctx context.Context, name, generation string, failure error) error {
	return c.change(ctx, name, func(now *function) (*store.FunctionChange, error) {
		// Deleted, or deleted and made again, in the meantime: then somebody
		// else's work is queued.
		if now == nil || now.latest.Generation != generation || !now.unfinished() {
			return nil, nil
		}
		change := &store.FunctionChange{Function: now.stored}
		for _, v := range now.all() {
			if settled, changed := c.settled(*v, failure); changed {
				change.Versions = append(change.Versions, settled)
			}
		}
		if failure == nil {
			change.Function.Serving = nil
		}
		return change, nil
	})
}

func (c *Catalog) settled(v lambda.Version, failure error) (settled lambda.Version, changed bool) {
	pending, inProgress := v.State == lambda.Pending, v.Update == lambda.UpdateInProgress
	if !pending && !inProgress {
		return v, false
	}
	v.RevisionID = c.config.NewID()
	const reason, code = "The package could not be unpacked. See the log of Lambent.", "InternalError"
	switch {
	case failure == nil:
		v.State, v.StateReason, v.StateReasonCode = lambda.Active, "", ""
		v.Update, v.UpdateReason, v.UpdateReasonCode = lambda.UpdateSuccessful, "", ""
	case pending:
		v.State, v.StateReason, v.StateReasonCode = lambda.Failed, reason, code
	default:
		v.Update, v.UpdateReason, v.UpdateReasonCode = lambda.UpdateFailed, reason, code
	}
	return v, true
}
