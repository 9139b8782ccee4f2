package catalog

import (
	"context"
	"crypto/rand"
	"maps"
	"reflect"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// urlPlace is where a function URL is kept.
type urlPlace struct{ name, qualifier string }

// CreateURL gives a function or an alias an address.
func (c *Catalog) CreateURL(ctx context.Context, name, alias string, chosen lambda.FunctionURLChange) (made lambda.FunctionURL, err error) {
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil || old.version(alias) == nil {
			return nil, lambda.Errorf(lambda.NotFound, "Function does not exist") // F175
		}
		if old.attached(alias).URL != nil {
			return nil, lambda.Errorf(lambda.Conflict, "Failed to create function url config for [functionArn = %s]. "+
				"Error message:  FunctionUrlConfig exists for this Lambda function", c.config.Home.FunctionARN(name, alias))
		}
		made = lambda.FunctionURL{ID: newURLID(), InvokeMode: "BUFFERED", CreatedAt: c.now()}
		return c.putURL(old, alias, &made, chosen), nil
	})
	return made, err
}

// newURLID makes the 32 characters that nobody can guess.
func newURLID() string { return strings.ToLower(rand.Text() + rand.Text())[:32] }

// UpdateURL changes what was given (F173).
func (c *Catalog) UpdateURL(ctx context.Context, name, alias string, chosen lambda.FunctionURLChange) (made lambda.FunctionURL, err error) {
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil || old.attached(alias).URL == nil {
			return nil, noURL()
		}
		made = *old.attached(alias).URL
		return c.putURL(old, alias, &made, chosen), nil
	})
	return made, err
}

func noURL() error {
	return lambda.Errorf(lambda.NotFound, "The resource you requested does not exist.") // F175
}

func (c *Catalog) putURL(f *function, alias string, u *lambda.FunctionURL, chosen lambda.FunctionURLChange) *store.FunctionChange {
	set(&u.AuthType, chosen.AuthType)
	set(&u.InvokeMode, chosen.InvokeMode)
	if chosen.CORS != nil {
		u.CORS = chosen.CORS
	}
	if u.CORS != nil && reflect.ValueOf(*u.CORS).IsZero() {
		u.CORS = nil
	}
	u.LastModified = c.now()
	change := &store.FunctionChange{Function: f.stored}
	attached := f.attached(alias)
	kept := *u
	attached.URL = &kept
	attach(change, alias, attached)
	return change
}

// DeleteURL takes the address away, for good.
func (c *Catalog) DeleteURL(ctx context.Context, name, alias string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil || old.attached(alias).URL == nil {
			return nil, noURL()
		}
		change := &store.FunctionChange{Function: old.stored}
		attached := old.attached(alias)
		attached.URL = nil
		attach(change, alias, attached)
		return change, nil
	})
}

// URL answers the address of a function or an alias.
func (c *Catalog) URL(_ context.Context, name, alias string) (lambda.FunctionURL, error) {
	f := c.function(name)
	if f == nil || f.attached(alias).URL == nil {
		return lambda.FunctionURL{}, noURL()
	}
	return *f.attached(alias).URL, nil
}

// URLs lists the addresses of a function and its aliases.
func (c *Catalog) URLs(_ context.Context, name, marker string, limit int) ([]lambda.URLTarget, string, error) {
	f := c.function(name)
	if f == nil {
		return nil, "", lambda.Errorf(lambda.NotFound, "Function does not exist") // F172
	}
	var all []lambda.URLTarget
	for _, qualifier := range slices.Sorted(maps.Keys(f.stored.Attached)) {
		if f.stored.Attached[qualifier].URL != nil {
			all = append(all, f.urlTarget(qualifier))
		}
	}
	return page(all, func(t lambda.URLTarget) place { return place{Name: attachedKey(t.Qualifier)} }, marker, limit)
}

func (f *function) urlTarget(qualifier string) lambda.URLTarget {
	a := f.attached(qualifier)
	t := lambda.URLTarget{Function: f.stored.Name, Qualifier: qualifier, URL: *a.URL, Public: a.URL.AuthType == "NONE" && a.Policy.AllowsEverybody()}
	if qualifier == lambda.Latest {
		t.Qualifier = ""
	}
	return t
}

// URLByID finds what answers at a function URL, from memory.
func (c *Catalog) URLByID(id string) (lambda.URLTarget, bool) {
	at, ok := (*c.urls.Load())[id]
	if !ok {
		return lambda.URLTarget{}, false
	}
	f := c.function(at.name)
	if f == nil {
		return lambda.URLTarget{}, false
	}
	if u := f.attached(at.qualifier).URL; u == nil || u.ID != id {
		return lambda.URLTarget{}, false // deleted between the two looks
	}
	return f.urlTarget(at.qualifier), true
}

// urlIDs is where the function's URLs are kept; f may be nil.
func (f *function) urlIDs() map[string]urlPlace {
	ids := map[string]urlPlace{}
	if f == nil {
		return ids
	}
	for qualifier, a := range f.stored.Attached {
		if a.URL != nil {
			ids[a.URL.ID] = urlPlace{f.stored.Name, qualifier}
		}
	}
	return ids
}

// indexURLs makes next's addresses known and those that only old had unknown.
// The caller holds mu.
func (c *Catalog) indexURLs(old, next *function) {
	before, after := old.urlIDs(), next.urlIDs()
	if maps.Equal(before, after) {
		return
	}
	table := maps.Clone(*c.urls.Load())
	for id := range before {
		delete(table, id)
	}
	maps.Copy(table, after)
	c.urls.Store(&table)
}
