package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"lambent/internal/lambda"
)

// Resolve answers what an invocation of the name and qualifier runs; of an alias
// with weights it draws one. It reads memory, takes no lock and allocates
// nothing but errors. The version is shared: it must not be written to.
func (c *Catalog) Resolve(name, qualifier string) (*lambda.Version, error) {
	f := c.function(name)
	if f == nil {
		return nil, c.notFound(name, cmp.Or(qualifier, lambda.Latest)) // F027
	}
	v, r := f.served(qualifier)
	if v == nil {
		return nil, c.notFound(name, qualifier)
	}
	if r != nil && r.moving != nil && !c.moved(f, r) {
		v = f.published[r.moving.from]
	}
	if v.State != lambda.Active {
		return nil, inState(v.State)
	}
	return v, nil
}

// Function answers a version as it stands; an empty qualifier means Latest.
func (c *Catalog) Function(_ context.Context, name, qualifier string) (lambda.Version, error) {
	f := c.function(name)
	if f == nil {
		return lambda.Version{}, c.notFound(name, qualifier)
	}
	v := f.version(qualifier)
	if v == nil {
		return lambda.Version{}, c.notFound(name, qualifier)
	}
	return *v, nil
}

// Functions lists Latest of every function by name, or with AllVersions every
// version (F087, F088). The second answer is the marker of the next page, empty
// after the last.
func (c *Catalog) Functions(_ context.Context, filter lambda.FunctionFilter) ([]lambda.Version, string, error) {
	table := *c.functions.Load()
	var all []*lambda.Version
	for _, name := range slices.Sorted(maps.Keys(table)) {
		f := table[name].current.Load()
		if filter.AllVersions {
			all = append(all, f.all()...)
			continue
		}
		all = append(all, f.latest)
	}
	return versionPage(all, filter.Marker, filter.Max)
}

// Versions lists a function's versions, Latest first.
func (c *Catalog) Versions(_ context.Context, name, marker string, limit int) ([]lambda.Version, string, error) {
	f := c.function(name)
	if f == nil {
		return nil, "", c.notFound(name, "")
	}
	return versionPage(f.all(), marker, limit)
}

// versionPage copies only the versions of the page.
func versionPage(all []*lambda.Version, marker string, limit int) ([]lambda.Version, string, error) {
	found, next, err := page(all, func(v *lambda.Version) place { return place{v.Function, ordinal(v.Number)} }, marker, limit)
	versions := make([]lambda.Version, 0, len(found))
	for _, v := range found {
		versions = append(versions, *v)
	}
	return versions, next, err
}

// Usage is what the account uses (F196, F197).
func (c *Catalog) Usage(context.Context) (lambda.AccountUsage, error) { return c.usage(), nil }

func (c *Catalog) usage() lambda.AccountUsage {
	u := lambda.AccountUsage{Concurrency: c.accountConcurrency()}
	for _, e := range *c.functions.Load() {
		f := e.current.Load()
		u.Functions++
		u.CodeSize += f.latest.Code.Size
		u.Reserved += f.committed()
		for _, v := range f.published {
			u.CodeSize += v.Code.Size
		}
	}
	for _, l := range *c.layers.Load() {
		for _, v := range l.versions {
			if !v.Deleted {
				u.CodeSize += v.Code.Size
			}
		}
	}
	return u
}
