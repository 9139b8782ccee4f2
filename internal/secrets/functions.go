package secrets

import (
	"context"
	"encoding/json"
	"fmt"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Functions is a store of functions whose environment variables are sealed: with
// the key of the ring that their KMSKeyArn names, and with Box otherwise.
type Functions struct {
	Store store.Functions
	Box   *Box
	Ring  *Ring
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
	if len(v.Environment) == 0 || inRing(&v) {
		return v
	}
	plain, _ := json.Marshal(v.Environment) // strings always encode
	text := f.Box.Seal(plain, owner(&v))
	if v.KMSKeyARN != "" && f.Ring != nil {
		// A key that went while variables are still known must not lose them, nor
		// hold up what else is written; that nobody uses them is Open's business.
		if withKey, err := f.Ring.seal(v.KMSKeyARN, plain, v.Function); err == nil {
			text = withKey
		}
	}
	v.Environment = []lambda.Variable{{Value: text}}
	return v
}

func (f Functions) unseal(v *lambda.Version) error {
	if len(v.Environment) != 1 || v.Environment[0].Name != "" {
		return nil // none, or written before there was a key; sealed with the next change
	}
	plain, err := f.Box.Unseal(v.Environment[0].Value, owner(v))
	if inRing(v) {
		if f.Ring == nil {
			return nil
		}
		if plain, err = f.Ring.unseal(v.KMSKeyARN, v.Environment[0].Value, v.Function); err != nil {
			return nil // it stays sealed, and is told to whoever invokes it
		}
	}
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
