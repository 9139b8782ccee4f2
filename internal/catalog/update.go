package catalog

import (
	"context"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// UpdateCode gives Latest new code. With Publish the answer is the new version
// (F075); with DryRun everything is checked and nothing is kept.
func (c *Catalog) UpdateCode(ctx context.Context, name string, u lambda.CodeUpdate) (updated lambda.Version, err error) {
	if u.Package.Image != "" {
		return lambda.Version{}, lambda.Errorf(lambda.InvalidParameter,
			"Please don't provide ImageUri when updating a function with packageType Zip.") // F069
	}
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		next, err := c.begin(old, name, u.RevisionID)
		if err != nil {
			return nil, err
		}
		if u.Architecture != nil {
			next.Architecture = *u.Architecture
			if err := c.runnable(next.Runtime, next.Architecture); err != nil {
				return nil, err
			}
		}
		if next.Code, err = c.obtain(ctx, u.Package); err != nil {
			return nil, err
		}
		if err := checkSizes(next); err != nil {
			return nil, err
		}
		if err := c.afford(next.Code.Size); err != nil {
			return nil, err
		}
		change := c.progress(old, &next)
		updated = next
		if u.Publish {
			updated = c.publishOrSame(old, change, next)
		}
		if u.DryRun {
			return nil, nil
		}
		return change, nil
	})
	return updated, err
}

// UpdateSettings changes what was given of Latest's settings.
func (c *Catalog) UpdateSettings(ctx context.Context, name string, s lambda.Settings, revisionID string) (updated lambda.Version, err error) {
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		next, err := c.begin(old, name, revisionID)
		if err != nil {
			return nil, err
		}
		if s.ImageConfig != nil || (s.PackageType != nil && *s.PackageType == "Image") {
			return nil, imagesNotYet()
		}
		if err := old.keepsRuntime(s.Runtime); err != nil {
			return nil, err
		}
		if err := c.configure(&next, s); err != nil {
			return nil, err
		}
		if s.Role != nil || s.DeadLetter != nil {
			if err := c.checkDeadLetter(ctx, &next); err != nil {
				return nil, err
			}
		}
		if err := checkSizes(next); err != nil {
			return nil, err
		}
		change := c.progress(old, &next)
		updated = next
		return change, nil
	})
	return updated, err
}

// begin is a copy of Latest to work on, if it may be changed now.
func (c *Catalog) begin(old *function, name, revisionID string) (lambda.Version, error) {
	if old == nil {
		return lambda.Version{}, c.notFound(name, "")
	}
	if err := old.updatable(c.config.Home); err != nil {
		return lambda.Version{}, err
	}
	if err := old.expect(revisionID); err != nil {
		return lambda.Version{}, err
	}
	return *old.latest, nil
}

// progress makes next the Latest whose update is in progress, while what was
// served before still is. An update that changes nothing is one too (F072).
func (c *Catalog) progress(old *function, next *lambda.Version) *store.FunctionChange {
	c.stamp(next)
	next.Update, next.UpdateReason, next.UpdateReasonCode = lambda.UpdateInProgress, creatingReason, creatingCode
	change := &store.FunctionChange{Function: old.stored, Versions: []lambda.Version{*next}}
	// A function that never became Active has nothing that could serve.
	if change.Function.Serving == nil && old.latest.State == lambda.Active {
		change.Function.Serving = old.latest
	}
	return change
}

func imagesNotYet() error {
	return lambda.Errorf(lambda.NotYet, "Container images are not available in Lambent yet. Use a zip package (PackageType Zip).")
}
