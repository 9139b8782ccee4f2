package catalog

import (
	"context"
	"maps"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Tags answers a function's tags, never nil.
func (c *Catalog) Tags(_ context.Context, name string) (map[string]string, error) {
	f := c.function(name)
	if f == nil {
		return nil, c.notFound(name, "")
	}
	tags := map[string]string{}
	maps.Copy(tags, f.stored.Tags)
	return tags, nil
}

// Tag adds tags and replaces those of the same keys (F109).
func (c *Catalog) Tag(ctx context.Context, name string, tags map[string]string) error {
	return c.retag(ctx, name, func(have map[string]string) error {
		maps.Copy(have, tags)
		if len(have) > lambda.MaxTags {
			return tooManyTags()
		}
		return nil
	})
}

// Untag removes tags; keys that are not there are fine.
func (c *Catalog) Untag(ctx context.Context, name string, keys []string) error {
	return c.retag(ctx, name, func(have map[string]string) error {
		for _, key := range keys {
			delete(have, key)
		}
		return nil
	})
}

// retag changes a copy of the tags. A function whose tags change gets a new
// RevisionId (F110) but stays the same generation.
func (c *Catalog) retag(ctx context.Context, name string, edit func(map[string]string) error) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "")
		}
		tags := map[string]string{}
		maps.Copy(tags, old.stored.Tags)
		if err := edit(tags); err != nil {
			return nil, err
		}
		if maps.Equal(tags, old.stored.Tags) {
			return nil, nil
		}
		change := &store.FunctionChange{Function: old.stored, Versions: []lambda.Version{*old.latest}}
		change.Function.Tags = tags
		change.Versions[0].RevisionID = c.config.NewID()
		return change, nil
	})
}

func tooManyTags() error {
	return lambda.Errorf(lambda.InvalidParameter, "Number of tags exceeds resource tag limit.") // F111
}
