package secrets

import (
	"context"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Functions is a store of functions whose environment variables are sealed.
type Functions struct {
	Store store.Functions
	Box   *Box
}

// EachFunction implements store.Functions.
func (f Functions) EachFunction(ctx context.Context, visit func(store.Function, []lambda.Version) error) error {
	return f.Store.EachFunction(ctx, func(function store.Function, versions []lambda.Version) error {
		for i := range versions {
			if err := f.unseal(&versions[i]); err != nil {
				return err
			}
		}
		if function.Serving != nil {
			if err := f.unseal(function.Serving); err != nil {
				return err
			}
		}
		return visit(function, versions)
	})
}

// PutFunction implements store.Functions.
func (f Functions) PutFunction(ctx context.Context, change store.FunctionChange) error {
	versions := make([]lambda.Version, len(change.Versions)) // the caller's are shared
	for i, v := range change.Versions {
		versions[i] = f.seal(v)
	}
	change.Versions = versions
	if change.Function.Serving != nil {
		serving := f.seal(*change.Function.Serving)
		change.Function.Serving = &serving
	}
	return f.Store.PutFunction(ctx, change)
}

// DeleteFunction implements store.Functions.
func (f Functions) DeleteFunction(ctx context.Context, name string) error {
	return f.Store.DeleteFunction(ctx, name)
}

// seal puts one variable in the place of all, without a name, which no real one
// lacks.
func (f Functions) seal(v lambda.Version) lambda.Version {
	if len(v.Environment) == 0 {
		return v
	}
	plain, _ := json.Marshal(v.Environment) // strings always encode
	v.Environment = []lambda.Variable{{Value: f.Box.Seal(plain, owner(&v))}}
	return v
}

func (f Functions) unseal(v *lambda.Version) error {
	if len(v.Environment) != 1 || v.Environment[0].Name != "" {
		return nil // none, or written before there was a key; sealed with the next change
	}
	plain, err := f.Box.Unseal(v.Environment[0].Value, owner(v))
	if err != nil {
		return fmt.Errorf("environment variables of %s:%s: %w", v.Function, v.Number, err)
	}
	v.Environment = nil
	if err := json.Unmarshal(plain, &v.Environment); err != nil {
		return fmt.Errorf("environment variables of %s:%s: %w", v.Function, v.Number, err)
	}
	return nil
}

func owner(v *lambda.Version) string { return v.Function + ":" + v.Number }
