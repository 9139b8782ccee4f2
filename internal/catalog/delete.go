package catalog

import (
	"context"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// DeleteFunction removes a function with all its versions, or one published
// version of it that no alias points to. A version that is not there is fine.
func (c *Catalog) DeleteFunction(ctx context.Context, name, qualifier string) error {
	switch {
	case qualifier == "":
		return c.deleteWhole(ctx, name)
	case qualifier == lambda.Latest:
		return lambda.Errorf(lambda.InvalidParameter, "$LATEST version cannot be deleted without deleting the function.")
	case !lambda.IsVersionNumber(qualifier):
		return lambda.Errorf(lambda.InvalidParameter, "Deletion of aliases is not currently supported.") // F031: before the function is looked up
	}
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "") // F034: without the qualifier
		}
		if old.published[qualifier] == nil {
			return nil, nil
		}
		if names := old.aliasesOf(qualifier); len(names) > 0 {
			return nil, lambda.Errorf(lambda.Conflict, "Unable to delete version because the following aliases reference it: [%s]", strings.Join(names, ", "))
		}
		change := &store.FunctionChange{Function: old.stored, Removed: []string{qualifier}}
		attach(change, qualifier, store.Attached{})
		return change, nil
	})
}

func (c *Catalog) deleteWhole(ctx context.Context, name string) error {
	done, err := c.turns.Take(ctx, "function/"+name)
	if err != nil {
		return err
	}
	defer done()
	old := c.function(name)
	if old == nil {
		return c.notFound(name, "")
	}
	if err := c.config.Functions.DeleteFunction(context.WithoutCancel(ctx), name); err != nil {
		return err
	}
	c.show(name, nil)
	c.retire(old, nil)
	c.provision(name, old, nil)
	return nil
}
