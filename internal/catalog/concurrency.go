package catalog

import (
	"cmp"
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
		if ahead := old.provisioned(); n < ahead {
			return nil, untyped(" ReservedConcurrentExecutions  %d should not be lower than function's total provisioned concurrency [%d].", n, ahead) // F161
		}
		floor := c.unreservedFloor()
		if left := c.accountConcurrency() - c.ReservedTotal() + old.committed() - n; n > old.committed() && left < floor {
			return nil, untyped("Specified ReservedConcurrentExecutions for function decreases account's "+
				"UnreservedConcurrentExecution below its minimum value of [%d].", floor)
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

// ReservedTotal is what is set aside for functions, all together, from memory.
func (c *Catalog) ReservedTotal() int { return int(c.committed.Load()) }

// committed is what the account cannot give to others: what the function has
// reserved, or what is provisioned for it if it has not.
func (f *function) committed() int {
	switch {
	case f == nil:
		return 0
	case f.stored.Reserved != nil:
		return *f.stored.Reserved
	}
	return f.provisioned()
}

// accountConcurrency is what the account has for all functions together.
func (c *Catalog) accountConcurrency() int {
	return cmp.Or(c.config.Concurrency, lambda.DefaultConcurrency)
}

// unreservedFloor is what nobody can set aside. An account with less than AWS
// keeps unreserved has all of that: new ones are told of a minimum of 10 or 50.
func (c *Catalog) unreservedFloor() int { return min(lambda.UnreservedFloor, c.accountConcurrency()) }

// untyped is a refusal about limits of concurrency, which has no Type (F005).
func untyped(format string, args ...any) error {
	refusal := lambda.Errorf(lambda.InvalidParameter, format, args...)
	refusal.Untyped = true
	return refusal
}
