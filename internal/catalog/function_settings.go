package catalog

import (
	"cmp"
	"context"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// What belongs to a function as a whole and changes none of its versions.

// terminate is what happens to a function that calls itself, unless it is
// allowed to.
const terminate = "Terminate"

// RecursiveLoop answers "Allow" or "Terminate".
func (c *Catalog) RecursiveLoop(_ context.Context, name string) (string, error) {
	f := c.function(name)
	if f == nil {
		return "", c.notFound(name, "")
	}
	return cmp.Or(f.stored.RecursiveLoop, terminate), nil
}

// SetRecursiveLoop chooses between "Allow" and "Terminate" (F198).
func (c *Catalog) SetRecursiveLoop(ctx context.Context, name, loop string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "")
		}
		change := &store.FunctionChange{Function: old.stored}
		change.Function.RecursiveLoop = loop
		return change, nil
	})
}

// The modes of RuntimeUpdate that have rules of their own.
const (
	updateAuto   = "Auto"
	updateManual = "Manual"
)

// RuntimeUpdate answers when a version's runtime may be replaced.
func (c *Catalog) RuntimeUpdate(_ context.Context, name, qualifier string) (lambda.RuntimeUpdate, error) {
	f := c.function(name)
	if err := c.runtimeOf(f, name, qualifier); err != nil {
		return lambda.RuntimeUpdate{}, err
	}
	return f.runtimeUpdate(qualifier), nil
}

func (f *function) runtimeUpdate(qualifier string) lambda.RuntimeUpdate {
	u := f.attached(qualifier).RuntimeUpdate
	u.Mode = cmp.Or(u.Mode, updateAuto)
	return u
}

// SetRuntimeUpdate chooses when a version's runtime may be replaced. A host has
// one version of each runtime, so no mode makes a function run another one; in
// the Manual mode the function keeps its runtime identifier.
func (c *Catalog) SetRuntimeUpdate(ctx context.Context, name, qualifier string, u lambda.RuntimeUpdate) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if err := c.runtimeOf(old, name, qualifier); err != nil {
			return nil, err
		}
		if (u.Mode == updateManual) != (u.VersionARN != "") {
			return nil, lambda.Errorf(lambda.InvalidParameter, "RuntimeVersionArn is needed with UpdateRuntimeOn Manual, and only with it.")
		}
		if u.Mode == updateAuto {
			u.Mode = "" // what nobody has chosen
		}
		change := &store.FunctionChange{Function: old.stored}
		attached := old.attached(qualifier)
		attached.RuntimeUpdate = u
		attach(change, qualifier, attached)
		return change, nil
	})
}

// runtimeOf refuses qualifiers that name no version.
func (c *Catalog) runtimeOf(f *function, name, qualifier string) error {
	switch {
	case f != nil && f.routes[qualifier] != nil:
		return lambda.Errorf(lambda.InvalidParameter, "The provided function name %s is invalid. Aliases are not allowed.", c.config.Home.FunctionARN(name, qualifier))
	case f == nil || f.version(qualifier) == nil:
		return c.notFound(name, qualifier)
	}
	return nil
}

// keepsRuntime refuses another runtime identifier in the Manual mode.
func (f *function) keepsRuntime(chosen *lambda.Runtime) error {
	if chosen == nil || *chosen == f.latest.Runtime || f.runtimeUpdate("").Mode != updateManual {
		return nil
	}
	return lambda.Errorf(lambda.InvalidParameter, "Cannot change runtime identifier when runtime management configuration is set to 'Manual'. "+
		"Change the runtime management configuration to 'Auto' or 'FunctionUpdate', then retry.")
}
