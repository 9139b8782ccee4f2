package catalog

import (
	"context"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Reserve sets aside a part of the account's concurrency for a function, which
// is also all that the function gets.
func (c *Catalog) Reserve(ctx context.Context, name string, n int) error {
	// Two functions must not reserve the same part.
	done, err := c.turns.Take(ctx, "account/concurrency")
	if err != nil {
		return err
	}
	defer done()
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, lambda.Latest) // F158
		}
		have := 0
		if old.stored.Reserved != nil {
			have = *old.stored.Reserved
		}
		if left := lambda.DefaultConcurrency - c.usage().Reserved + have - n; left < lambda.UnreservedFloor {
			refusal := lambda.Errorf(lambda.InvalidParameter, "Specified ReservedConcurrentExecutions for function decreases account's "+
				"UnreservedConcurrentExecution below its minimum value of [%d].", lambda.UnreservedFloor)
			refusal.Untyped = true // F005
			return nil, refusal
		}
		change := &store.FunctionChange{Function: old.stored}
		change.Function.Reserved = &n
		return change, nil
	})
}

// Unreserve gives back what was reserved; nothing is fine.
func (c *Catalog) Unreserve(ctx context.Context, name string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "")
		}
		if old.stored.Reserved == nil {
			return nil, nil
		}
		change := &store.FunctionChange{Function: old.stored}
		change.Function.Reserved = nil
		return change, nil
	})
}

// Concurrency is a function's reserved concurrency; nil means none.
func (c *Catalog) Concurrency(_ context.Context, name string) (*int, error) {
	f := c.function(name)
	if f == nil {
		return nil, c.notFound(name, "")
	}
	return f.stored.Reserved, nil
}

// Reserved is Concurrency for the way of an invocation: from memory, and silent
// about a function that is not there.
func (c *Catalog) Reserved(name string) (n int, set bool) {
	f := c.function(name)
	if f == nil || f.stored.Reserved == nil {
		return 0, false
	}
	return *f.stored.Reserved, true
}

// ReservedTotal is what all functions together have reserved, from memory.
func (c *Catalog) ReservedTotal() int { return int(c.reserved.Load()) }

// reserved is a function's reserved concurrency, 0 for none and for no function.
func (f *function) reserved() int {
	if f == nil || f.stored.Reserved == nil {
		return 0
	}
	return *f.stored.Reserved
}
