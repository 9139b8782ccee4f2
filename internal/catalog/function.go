package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// function is everything about one function at one moment. It never changes.
type function struct {
	stored    store.Function
	latest    *lambda.Version
	serving   *lambda.Version            // what an invocation of Latest runs
	published map[string]*lambda.Version // by number
	routes    map[string]*route          // by alias
}

// apply is the function after the change; f may be nil.
func (f *function) apply(change store.FunctionChange) *function {
	next := &function{stored: change.Function, published: map[string]*lambda.Version{}}
	if f != nil {
		next.latest = f.latest
		maps.Copy(next.published, f.published)
	}
	for _, number := range change.Removed {
		delete(next.published, number)
	}
	for _, v := range change.Versions {
		if v.Number == lambda.Latest {
			next.latest = &v
			continue
		}
		next.published[v.Number] = &v
	}
	next.serving = next.latest
	if change.Function.Serving != nil {
		next.serving = change.Function.Serving
	}
	next.routes = next.route()
	return next
}

// version is the one that a qualifier names, or nil. An alias names its main
// one, whatever its weights.
func (f *function) version(qualifier string) *lambda.Version {
	if r := f.routes[qualifier]; r != nil {
		qualifier = r.alias.Version
	}
	if qualifier == "" || qualifier == lambda.Latest {
		return f.latest
	}
	return f.published[qualifier]
}

// served is what an invocation of the qualifier runs, or nil, and the alias by which
// it is named, if it is.
func (f *function) served(qualifier string) (*lambda.Version, *route) {
	if qualifier == "" || qualifier == lambda.Latest {
		return f.serving, nil
	}
	if r := f.routes[qualifier]; r != nil {
		return r.draw(), r
	}
	return f.published[qualifier], nil
}

// all is Latest and then the published versions, oldest first (F088).
func (f *function) all() []*lambda.Version {
	all := append(make([]*lambda.Version, 0, len(f.published)+1), f.latest)
	published := slices.SortedFunc(maps.Values(f.published), func(a, b *lambda.Version) int {
		return cmp.Compare(ordinal(a.Number), ordinal(b.Number))
	})
	return append(all, published...)
}

// ordinal is a version's place among its function's; Latest comes first.
func ordinal(number string) int64 {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// generations is what invocations can still be given; empty for nil.
func (f *function) generations() map[string]bool {
	all := map[string]bool{}
	if f == nil {
		return all
	}
	all[f.latest.Generation] = true
	all[f.serving.Generation] = true
	for _, v := range f.published {
		all[v.Generation] = true
	}
	return all
}

// unfinished tells whether an activator has something to do.
func (f *function) unfinished() bool {
	if f.latest.State == lambda.Pending || f.latest.Update == lambda.UpdateInProgress {
		return true
	}
	for _, v := range f.published {
		if v.State == lambda.Pending {
			return true
		}
	}
	return false
}

// codes calls visit with all code that the function needs.
func (f *function) codes(visit func(lambda.Code)) {
	versions := f.all()
	if f.serving != f.latest {
		versions = append(versions, f.serving)
	}
	for _, v := range versions {
		visit(v.Code)
		for _, layer := range v.Layers {
			visit(layer.Code)
		}
	}
}

// updatable refuses changes while an earlier one is being carried out.
func (f *function) updatable(home lambda.Home) error {
	if f.latest.State == lambda.Pending {
		return inState(f.latest.State)
	}
	if f.latest.Update == lambda.UpdateInProgress {
		return lambda.Errorf(lambda.Conflict, "The operation cannot be performed at this time. An update is in progress for resource: %s",
			home.FunctionARN(f.stored.Name, "")) // F073
	}
	return nil
}

func inState(s lambda.State) error {
	return lambda.Errorf(lambda.Conflict, "The operation cannot be performed at this time. The function is currently in the following state: %s", s)
}

// expect holds a caller to the revision that it has seen (F074).
func (f *function) expect(revisionID string) error {
	return expectRevision(revisionID, f.latest.RevisionID)
}

func expectRevision(want, have string) error {
	if want == "" || want == have {
		return nil
	}
	return lambda.Errorf(lambda.Precondition, "The Revision Id provided does not match the latest Revision Id. "+
		"Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
}
