package catalog

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// signingTurn orders what makes, removes and attaches code signing configs, so
// that none is attached while it goes.
const signingTurn = "account/code-signing"

func (c *Catalog) signing(arn string) (lambda.CodeSigningConfig, bool) {
	config, ok := (*c.signings.Load())[arn]
	return config, ok
}

func (c *Catalog) noSigning(arn string) error {
	refusal := lambda.Errorf(lambda.NotFound, "The Lambda code signing configuration %s can not be found.", arn) // F194
	refusal.Untyped = true                                                                                       // F006
	return refusal
}

// attachableSigning refuses configs that are not there in the words of those
// who attach one.
func (c *Catalog) attachableSigning(arn string) error {
	if _, ok := c.signing(arn); ok {
		return nil
	}
	return lambda.Errorf(lambda.SigningNotFound, "The code signing configuration cannot be found. "+
		"Check that the provided configuration is not deleted: %s.", arn) // F194
}

// CreateCodeSigningConfig makes a config that no function has yet.
func (c *Catalog) CreateCodeSigningConfig(ctx context.Context, chosen lambda.CodeSigningChange) (lambda.CodeSigningConfig, error) {
	if len(chosen.Tags) > lambda.MaxTags {
		return lambda.CodeSigningConfig{}, tooManyTags()
	}
	var random [9]byte
	_, _ = rand.Read(random[:]) // never fails
	config := lambda.CodeSigningConfig{ID: "csc-" + hex.EncodeToString(random[:])[:17], Untrusted: "Warn", Tags: maps.Clone(chosen.Tags)}
	config.ARN = c.config.Home.CodeSigningConfigARN(config.ID)
	return c.changeSigning(ctx, config.ARN, func(lambda.CodeSigningConfig, bool) (lambda.CodeSigningConfig, error) {
		c.chooseSigning(&config, chosen)
		return config, nil
	})
}

// UpdateCodeSigningConfig changes what was given; nothing is fine (F192).
func (c *Catalog) UpdateCodeSigningConfig(ctx context.Context, arn string, chosen lambda.CodeSigningChange) (lambda.CodeSigningConfig, error) {
	return c.changeSigning(ctx, arn, func(have lambda.CodeSigningConfig, ok bool) (lambda.CodeSigningConfig, error) {
		if !ok {
			return have, c.noSigning(arn)
		}
		c.chooseSigning(&have, chosen)
		return have, nil
	})
}

func (c *Catalog) chooseSigning(config *lambda.CodeSigningConfig, chosen lambda.CodeSigningChange) {
	set(&config.Description, chosen.Description)
	set(&config.Publishers, chosen.Publishers)
	set(&config.Untrusted, chosen.Untrusted)
	config.LastModified = c.now()
}

// changeSigning is the road of every change of a config: its turn, a decision,
// the store, the view.
func (c *Catalog) changeSigning(ctx context.Context, arn string, decide func(have lambda.CodeSigningConfig, ok bool) (lambda.CodeSigningConfig, error)) (lambda.CodeSigningConfig, error) {
	done, err := c.turns.Take(ctx, signingTurn)
	if err != nil {
		return lambda.CodeSigningConfig{}, err
	}
	defer done()
	have, ok := c.signing(arn)
	next, err := decide(have, ok)
	if err != nil {
		return lambda.CodeSigningConfig{}, err
	}
	if err := c.config.Signing.PutCodeSigningConfig(context.WithoutCancel(ctx), next); err != nil {
		return lambda.CodeSigningConfig{}, err
	}
	table := maps.Clone(*c.signings.Load())
	table[arn] = next
	c.signings.Store(&table)
	return next, nil
}

// CodeSigningConfig answers one config.
func (c *Catalog) CodeSigningConfig(_ context.Context, arn string) (lambda.CodeSigningConfig, error) {
	config, ok := c.signing(arn)
	if !ok {
		return config, c.noSigning(arn)
	}
	return config, nil
}

// CodeSigningConfigs lists all configs by id.
func (c *Catalog) CodeSigningConfigs(_ context.Context, marker string, limit int) ([]lambda.CodeSigningConfig, string, error) {
	table := *c.signings.Load()
	var all []lambda.CodeSigningConfig
	for _, arn := range slices.Sorted(maps.Keys(table)) {
		all = append(all, table[arn])
	}
	return page(all, func(config lambda.CodeSigningConfig) place { return place{Name: config.ARN} }, marker, limit)
}

// DeleteCodeSigningConfig removes a config that no function has.
func (c *Catalog) DeleteCodeSigningConfig(ctx context.Context, arn string) error {
	done, err := c.turns.Take(ctx, signingTurn)
	if err != nil {
		return err
	}
	defer done()
	config, ok := c.signing(arn)
	if !ok {
		return c.noSigning(arn)
	}
	if len(c.signedBy(arn)) > 0 {
		return lambda.Errorf(lambda.Conflict, "The code signing configuration %s is attached to functions. Detach it from them, then delete it.", arn)
	}
	if err := c.config.Signing.DeleteCodeSigningConfig(context.WithoutCancel(ctx), config.ID); err != nil {
		return err
	}
	table := maps.Clone(*c.signings.Load())
	delete(table, arn)
	c.signings.Store(&table)
	return nil
}

// signedBy names the functions that have a config, sorted.
func (c *Catalog) signedBy(arn string) []string {
	var names []string
	for name, e := range *c.functions.Load() {
		if e.current.Load().stored.CodeSigningConfig == arn {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// FunctionsByCodeSigningConfig names the functions that have a config.
func (c *Catalog) FunctionsByCodeSigningConfig(_ context.Context, arn, marker string, limit int) ([]string, string, error) {
	if _, ok := c.signing(arn); !ok {
		return nil, "", c.noSigning(arn)
	}
	return page(c.signedBy(arn), func(name string) place { return place{Name: name} }, marker, limit)
}

// AttachCodeSigningConfig gives a function a config. That the config is there is
// judged before the function is (F194).
func (c *Catalog) AttachCodeSigningConfig(ctx context.Context, name, arn string) error {
	done, err := c.turns.Take(ctx, signingTurn)
	if err != nil {
		return err
	}
	defer done()
	if err := c.attachableSigning(arn); err != nil {
		return err
	}
	return c.setSigning(ctx, name, arn)
}

// DetachCodeSigningConfig takes a function's config away; none is fine (F193).
func (c *Catalog) DetachCodeSigningConfig(ctx context.Context, name string) error {
	return c.setSigning(ctx, name, "")
}

func (c *Catalog) setSigning(ctx context.Context, name, arn string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "") // F195
		}
		if old.stored.CodeSigningConfig == arn {
			return nil, nil
		}
		change := &store.FunctionChange{Function: old.stored}
		change.Function.CodeSigningConfig = arn
		return change, nil
	})
}

// AttachedCodeSigningConfig is the ARN of a function's config, empty for none.
func (c *Catalog) AttachedCodeSigningConfig(_ context.Context, name string) (string, error) {
	f := c.function(name)
	if f == nil {
		return "", c.notFound(name, "")
	}
	return f.stored.CodeSigningConfig, nil
}

// TagCodeSigningConfig adds tags and replaces those of the same keys.
func (c *Catalog) TagCodeSigningConfig(ctx context.Context, arn string, tags map[string]string) error {
	return c.retagSigning(ctx, arn, func(have map[string]string) { maps.Copy(have, tags) })
}

// UntagCodeSigningConfig removes tags; keys that are not there are fine.
func (c *Catalog) UntagCodeSigningConfig(ctx context.Context, arn string, keys []string) error {
	return c.retagSigning(ctx, arn, func(have map[string]string) {
		for _, key := range keys {
			delete(have, key)
		}
	})
}

func (c *Catalog) retagSigning(ctx context.Context, arn string, edit func(map[string]string)) error {
	_, err := c.changeSigning(ctx, arn, func(have lambda.CodeSigningConfig, ok bool) (lambda.CodeSigningConfig, error) {
		if !ok {
			return have, c.noSigning(arn)
		}
		tags := map[string]string{}
		maps.Copy(tags, have.Tags)
		edit(tags)
		if len(tags) > lambda.MaxTags {
			return have, tooManyTags()
		}
		have.Tags = tags
		return have, nil
	})
	return err
}
