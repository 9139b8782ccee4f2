package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sort"
	"strings"

	"lambent/internal/lambda"
)

// layer is all versions of one layer at one moment, deleted ones too, by
// number. It never changes.
type layer struct{ versions []lambda.LayerVersion }

// with is the layer after the version was made or replaced; l may be nil.
func (l *layer) with(v lambda.LayerVersion) *layer {
	next := &layer{}
	if l != nil {
		next.versions = slices.Clone(l.versions)
	}
	i, found := slices.BinarySearchFunc(next.versions, v.Number, func(have lambda.LayerVersion, number int64) int {
		return cmp.Compare(have.Number, number)
	})
	if found {
		next.versions[i] = v
		return next
	}
	next.versions = slices.Insert(next.versions, i, v)
	return next
}

// version answers nil for one that is not there or was deleted.
func (l *layer) version(number int64) *lambda.LayerVersion {
	if l == nil {
		return nil
	}
	i := sort.Search(len(l.versions), func(i int) bool { return l.versions[i].Number >= number })
	if i == len(l.versions) || l.versions[i].Number != number || l.versions[i].Deleted {
		return nil
	}
	return &l.versions[i]
}

// next is a number that was never used (F118).
func (l *layer) next() int64 {
	if l == nil {
		return 1
	}
	return l.versions[len(l.versions)-1].Number + 1
}

func (c *Catalog) layer(name string) *layer { return (*c.layers.Load())[name] }

// PublishLayer makes the next version of a layer, and the layer with the first.
func (c *Catalog) PublishLayer(ctx context.Context, n lambda.NewLayerVersion) (lambda.LayerVersion, error) {
	code, err := c.obtain(ctx, n.Package)
	if err != nil {
		return lambda.LayerVersion{}, err
	}
	if err := c.afford(code.Size); err != nil {
		return lambda.LayerVersion{}, err
	}
	done, err := c.turns.Take(ctx, "layer/"+n.Layer)
	if err != nil {
		return lambda.LayerVersion{}, err
	}
	defer done()
	v := lambda.LayerVersion{
		Account: c.config.Home.Account, Region: c.config.Home.Region, Layer: n.Layer, Number: c.layer(n.Layer).next(),
		Description: n.Description, License: n.License, Runtimes: n.Runtimes, Architectures: n.Architectures,
		Code: code, CreatedAt: c.now(),
	}
	return v, c.putLayer(ctx, v)
}

// putLayer stores and shows a version. The caller has the layer's turn.
func (c *Catalog) putLayer(ctx context.Context, v lambda.LayerVersion) error {
	if err := c.config.Layers.PutLayerVersion(context.WithoutCancel(ctx), v); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	table := maps.Clone(*c.layers.Load())
	table[v.Layer] = table[v.Layer].with(v)
	c.layers.Store(&table)
	return nil
}

// LayerVersion answers one version that was not deleted.
func (c *Catalog) LayerVersion(_ context.Context, name string, number int64) (lambda.LayerVersion, error) {
	if err := checkLayerNumber(number); err != nil {
		return lambda.LayerVersion{}, err
	}
	v := c.layer(name).version(number)
	if v == nil {
		return lambda.LayerVersion{}, lambda.Errorf(lambda.NotFound, "The resource you requested does not exist.") // F121
	}
	return *v, nil
}

// DeleteLayerVersion hides a version for ever. Functions that use it keep it
// (F125); one that is not there is fine (F120).
func (c *Catalog) DeleteLayerVersion(ctx context.Context, name string, number int64) error {
	if err := checkLayerNumber(number); err != nil {
		return err
	}
	done, err := c.turns.Take(ctx, "layer/"+name)
	if err != nil {
		return err
	}
	defer done()
	v := c.layer(name).version(number)
	if v == nil {
		return nil
	}
	deleted := *v
	deleted.Deleted, deleted.Policy = true, lambda.Policy{}
	if err := c.putLayer(ctx, deleted); err != nil {
		return err
	}
	poke(c.collect)
	return nil
}

func checkLayerNumber(number int64) error {
	if number < 1 {
		return lambda.Errorf(lambda.InvalidParameter, "Layer Version Cannot be less than 1") // F120
	}
	return nil
}

// Layers lists the newest version of each layer that the filter lets through.
func (c *Catalog) Layers(_ context.Context, filter lambda.LayerFilter) ([]lambda.LayerVersion, string, error) {
	table := *c.layers.Load()
	var all []lambda.LayerVersion
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if found := matching(table[name], filter); len(found) > 0 {
			all = append(all, found[0])
		}
	}
	return page(all, func(v lambda.LayerVersion) place { return place{v.Layer, 0} }, filter.Marker, filter.Max)
}

// LayerVersions lists a layer's versions, newest first; of an unknown layer none
// (F119).
func (c *Catalog) LayerVersions(_ context.Context, name string, filter lambda.LayerFilter) ([]lambda.LayerVersion, string, error) {
	all := matching(c.layer(name), filter)
	return page(all, func(v lambda.LayerVersion) place { return place{v.Layer, -v.Number} }, filter.Marker, filter.Max)
}

// matching has the versions that were not deleted and that the filter lets
// through, newest first.
func matching(l *layer, filter lambda.LayerFilter) []lambda.LayerVersion {
	if l == nil {
		return nil
	}
	var found []lambda.LayerVersion
	for _, v := range slices.Backward(l.versions) {
		if v.Deleted ||
			(filter.Runtime != "" && !slices.Contains(v.Runtimes, filter.Runtime)) ||
			(filter.Architecture != "" && !slices.Contains(v.Architectures, filter.Architecture)) {
			continue
		}
		found = append(found, v)
	}
	return found
}

// useLayers finds the layer versions that a function names, in its order.
func (c *Catalog) useLayers(arns []string) ([]lambda.LayerUse, error) {
	if len(arns) > lambda.MaxLayers {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Cannot reference more than %d layers.", lambda.MaxLayers)
	}
	var uses []lambda.LayerUse
	seen := map[string]string{} // by the layer's ARN
	for _, arn := range arns {
		v, err := c.findLayer(arn)
		if err != nil {
			return nil, err
		}
		whole := arn[:strings.LastIndexByte(arn, ':')]
		if other, twice := seen[whole]; twice {
			return nil, lambda.Errorf(lambda.InvalidParameter, "Two different versions of the same layer are not allowed to be referenced in the same function. "+
				"%s and %s are versions of the same layer.", other, arn) // F126
		}
		seen[whole] = arn
		uses = append(uses, lambda.LayerUse{ARN: arn, Code: v.Code})
	}
	return uses, nil
}

func (c *Catalog) findLayer(arn string) (*lambda.LayerVersion, error) {
	ref, err := lambda.ParseLayerARN(arn)
	if err == nil && ref.Region != c.config.Home.Region {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Layers are not in the same region as the function. "+
			"Layers are expected to be in region %s.", c.config.Home.Region) // F129
	}
	if err == nil && ref.Account == c.config.Home.Account {
		if v := c.layer(ref.Name).version(ref.Version); v != nil {
			return v, nil
		}
	}
	return nil, lambda.Errorf(lambda.InvalidParameter, "Layer version %s does not exist.", arn) // F127
}
