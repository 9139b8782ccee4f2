package catalog

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// route is where invocations of an alias go.
type route struct {
	alias lambda.Alias
	main  *lambda.Version
	other *lambda.Version // nil: all go to main

	moving *move // nil: it points where it has been pointing
}

// draw chooses the version of one invocation. The source of its chance belongs
// to the thread that asks, so nobody waits for anybody.
func (r *route) draw() *lambda.Version {
	if r.other != nil && rand.Float64() < r.alias.Weight {
		return r.other
	}
	return r.main
}

// route makes the routes of a function whose versions are known.
func (f *function) route() map[string]*route {
	if len(f.stored.Aliases) == 0 {
		return nil // most functions have none
	}
	routes := make(map[string]*route, len(f.stored.Aliases))
	for _, a := range f.stored.Aliases {
		r := &route{alias: a}
		r.main, _ = f.served(a.Version)
		if a.Other != "" {
			r.other, _ = f.served(a.Other)
		}
		routes[a.Name] = r
	}
	return routes
}

// aliasesOf names the aliases that point to a version.
func (f *function) aliasesOf(number string) []string {
	var names []string
	for _, a := range f.stored.Aliases {
		if a.Version == number || a.Other == number {
			names = append(names, a.Name)
		}
	}
	return names
}

func byName(a lambda.Alias, name string) int { return strings.Compare(a.Name, name) }

// CreateAlias makes an alias of a version.
func (c *Catalog) CreateAlias(ctx context.Context, name, alias string, chosen lambda.AliasChange) (made lambda.Alias, err error) {
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old != nil && old.routes[alias] != nil {
			return nil, lambda.Errorf(lambda.Conflict, "Alias already exists: %s", c.config.Home.FunctionARN(name, alias)) // F100
		}
		made = lambda.Alias{Name: alias}
		return c.putAlias(old, name, &made, chosen)
	})
	return made, err
}

// UpdateAlias changes what was given of an alias. It takes effect for the next
// invocation (F107).
func (c *Catalog) UpdateAlias(ctx context.Context, name, alias string, chosen lambda.AliasChange) (made lambda.Alias, err error) {
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "")
		}
		r := old.routes[alias]
		if r == nil {
			return nil, lambda.Errorf(lambda.NotFound, "Alias not found: %s", c.config.Home.FunctionARN(name, alias)) // F099
		}
		if err := expectRevision(chosen.RevisionID, r.alias.RevisionID); err != nil {
			return nil, err
		}
		made = r.alias
		return c.putAlias(old, name, &made, chosen)
	})
	return made, err
}

// putAlias applies what was chosen and checks what came of it. The function may
// be missing, in which case its version is (F101).
func (c *Catalog) putAlias(old *function, name string, a *lambda.Alias, chosen lambda.AliasChange) (*store.FunctionChange, error) {
	set(&a.Version, chosen.Version)
	set(&a.Description, chosen.Description)
	if old == nil || old.numbered(a.Version) == nil {
		return nil, c.notFound(name, a.Version)
	}
	if chosen.Weights != nil {
		if err := setWeights(a, *chosen.Weights); err != nil {
			return nil, err
		}
	}
	if err := c.checkRouting(old, *a); err != nil {
		return nil, err
	}
	if old.attached(a.Name).Provisioned != nil {
		if err := old.aliasProvisionable(*a); err != nil {
			return nil, err
		}
	}
	a.RevisionID = c.config.NewID()
	change := &store.FunctionChange{Function: old.stored}
	aliases := slices.Clone(old.stored.Aliases)
	if i, found := slices.BinarySearchFunc(aliases, a.Name, byName); found {
		aliases[i] = *a
	} else {
		aliases = slices.Insert(aliases, i, *a)
	}
	change.Function.Aliases = aliases
	return change, nil
}

// numbered is a version by its number; an alias is none, so that none points to
// another.
func (f *function) numbered(number string) *lambda.Version {
	if number == lambda.Latest {
		return f.latest
	}
	return f.published[number]
}

func setWeights(a *lambda.Alias, weights map[string]float64) error {
	if len(weights) > 1 {
		return lambda.Errorf(lambda.InvalidParameter, "Number of items in AdditionalVersionWeights cannot be greater than 1") // F103
	}
	a.Other, a.Weight = "", 0
	for number, weight := range weights {
		a.Other, a.Weight = number, weight
	}
	return nil
}

func (c *Catalog) checkRouting(f *function, a lambda.Alias) error {
	switch {
	case a.Other == "":
		return nil
	case a.Other == a.Version:
		return lambda.Errorf(lambda.InvalidParameter, "Invalid function version %s. Function version %s is already included in routing configuration.",
			a.Other, a.Other) // F105
	case a.Version == lambda.Latest:
		refusal := lambda.Errorf(lambda.InvalidParameter, "$LATEST is not supported for an alias pointing to more than 1 version") // F106
		refusal.Untyped = true                                                                                                     // F005
		return refusal
	case f.numbered(a.Other) == nil:
		return c.notFound(f.stored.Name, a.Other) // F101
	}
	return nil
}

// DeleteAlias removes an alias with its policy; one that is not there is fine (F098).
func (c *Catalog) DeleteAlias(ctx context.Context, name, alias string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "")
		}
		if old.routes[alias] == nil {
			return nil, nil
		}
		change := &store.FunctionChange{Function: old.stored}
		change.Function.Aliases = slices.DeleteFunc(slices.Clone(old.stored.Aliases), func(a lambda.Alias) bool { return a.Name == alias })
		attach(change, alias, store.Attached{})
		return change, nil
	})
}

// Alias answers one alias.
func (c *Catalog) Alias(_ context.Context, name, alias string) (lambda.Alias, error) {
	f := c.function(name)
	if f == nil {
		return lambda.Alias{}, c.notFound(name, "")
	}
	r := f.routes[alias]
	if r == nil {
		return lambda.Alias{}, c.noAlias(name, alias)
	}
	return r.alias, nil
}

func (c *Catalog) noAlias(name, alias string) error {
	return lambda.Errorf(lambda.NotFound, "Cannot find alias arn: %s", c.config.Home.FunctionARN(name, alias)) // F099
}

// Aliases lists a function's aliases by name; with a version only those that
// point to it, be it with a weight.
func (c *Catalog) Aliases(_ context.Context, name, version, marker string, limit int) ([]lambda.Alias, string, error) {
	f := c.function(name)
	if f == nil {
		return nil, "", c.notFound(name, "")
	}
	all := f.stored.Aliases
	if version != "" {
		pointing := map[string]bool{}
		for _, alias := range f.aliasesOf(version) {
			pointing[alias] = true
		}
		all = slices.DeleteFunc(slices.Clone(all), func(a lambda.Alias) bool { return !pointing[a.Name] })
	}
	return page(all, func(a lambda.Alias) place { return place{Name: a.Name} }, marker, limit)
}
