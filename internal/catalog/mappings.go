package catalog

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"lambent/internal/lambda"
)

// mappingTurn orders every change of an event source mapping, so that none is
// made twice.
const mappingTurn = "account/event-source-mappings"

// How many mappings are on a page, as on AWS.
const mappingPage = 100

// processed is what a mapping of a kind that tells says before its first batch.
const processed = "No records processed" // F202

func (c *Catalog) mapping(id string) (lambda.EventSourceMapping, bool) {
	m, ok := (*c.mappings.Load())[id]
	return m, ok
}

func noResource() error {
	return lambda.Errorf(lambda.NotFound, "The resource you requested does not exist.") // F205
}

func badMapping(format string, args ...any) error {
	return lambda.Errorf(lambda.InvalidParameter, format, args...)
}

// CreateMapping makes a mapping, Creating until it is settled; one that shall
// not read is Disabled at once (F199).
func (c *Catalog) CreateMapping(ctx context.Context, n lambda.NewMapping) (lambda.EventSourceMapping, error) {
	source, err := c.checkSource(n)
	if err != nil {
		return lambda.EventSourceMapping{}, err
	}
	m := lambda.EventSourceMapping{
		UUID: uuid.NewString(), Function: n.Function.Name, Qualifier: n.Function.Qualifier, Source: source,
		Enabled: !n.Disabled, State: lambda.MappingCreating, StateReason: userAction(source.Kind), Tags: maps.Clone(n.Tags),
	}
	m.Settings = withDefaults(m, n.Settings)
	if n.Disabled {
		m.State = lambda.MappingDisabled
	}
	if source.Kind != lambda.FromSQS {
		m.ProcessingResult = processed
	}
	if len(n.Tags) > lambda.MaxTags {
		return lambda.EventSourceMapping{}, tooManyTags()
	}
	return c.changeMapping(ctx, m.UUID, func(lambda.EventSourceMapping, bool) (lambda.EventSourceMapping, error) {
		if err := c.checkMapping(m, n.Settings); err != nil {
			return m, err
		}
		return m, c.checkTwin(m)
	})
}

// UpdateMapping changes what was given. What is being changed already is in use.
func (c *Catalog) UpdateMapping(ctx context.Context, id string, change lambda.MappingChange) (lambda.EventSourceMapping, error) {
	return c.changeMapping(ctx, id, func(m lambda.EventSourceMapping, ok bool) (lambda.EventSourceMapping, error) {
		if !ok {
			return m, noResource()
		}
		if !m.Settled() {
			return m, lambda.Errorf(lambda.InUse, "Cannot update the event source mapping because it is in use.")
		}
		if change.Function != nil {
			m.Function, m.Qualifier = change.Function.Name, change.Function.Qualifier
		}
		m.Settings = merged(m.Settings, change.Settings)
		m.StateReason = userAction(m.Source.Kind)
		m.State = lambda.MappingUpdating
		if e := change.Enabled; e != nil && *e != m.Enabled {
			m.Enabled, m.State = *e, lambda.MappingDisabling
			if *e {
				m.State = lambda.MappingEnabling
			}
		}
		return m, c.checkMapping(m, change.Settings)
	})
}

// DeleteMapping begins to remove a mapping and answers it as it is then.
func (c *Catalog) DeleteMapping(ctx context.Context, id string) (lambda.EventSourceMapping, error) {
	return c.changeMapping(ctx, id, func(m lambda.EventSourceMapping, ok bool) (lambda.EventSourceMapping, error) {
		if !ok {
			return m, noResource()
		}
		if !m.Settled() {
			return m, lambda.Errorf(lambda.InUse, "Cannot delete the event source mapping because it is in use.")
		}
		m.State = lambda.MappingDeleting
		return m, nil
	})
}

// Mapping answers one mapping.
func (c *Catalog) Mapping(_ context.Context, id string) (lambda.EventSourceMapping, error) {
	m, ok := c.mapping(id)
	if !ok {
		return m, noResource()
	}
	return m, nil
}

// Mappings lists a page of mappings by UUID. Neither function nor source need be
// there (F213).
func (c *Catalog) Mappings(_ context.Context, f lambda.MappingFilter) ([]lambda.EventSourceMapping, string, error) {
	var all []lambda.EventSourceMapping
	for _, m := range *c.mappings.Load() {
		if f.SourceARN != "" && m.Source.ARN != f.SourceARN {
			continue
		}
		if f.Function != nil && (m.Function != f.Function.Name || m.Qualifier != f.Function.Qualifier) {
			continue
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b lambda.EventSourceMapping) int { return cmp.Compare(a.UUID, b.UUID) })
	return pageOf(all, func(m lambda.EventSourceMapping) place { return place{Name: m.UUID} }, f.Marker, f.Max, mappingPage)
}

// TagMapping adds tags and replaces those of the same keys (F114).
func (c *Catalog) TagMapping(ctx context.Context, id string, tags map[string]string) error {
	return c.retagMapping(ctx, id, func(have map[string]string) { maps.Copy(have, tags) })
}

// UntagMapping removes tags; keys that are not there are fine.
func (c *Catalog) UntagMapping(ctx context.Context, id string, keys []string) error {
	return c.retagMapping(ctx, id, func(have map[string]string) {
		for _, key := range keys {
			delete(have, key)
		}
	})
}

func (c *Catalog) retagMapping(ctx context.Context, id string, edit func(map[string]string)) error {
	_, err := c.changeMapping(ctx, id, func(m lambda.EventSourceMapping, ok bool) (lambda.EventSourceMapping, error) {
		if !ok {
			return m, noResource()
		}
		tags := map[string]string{}
		maps.Copy(tags, m.Tags)
		edit(tags)
		if len(tags) > lambda.MaxTags {
			return m, tooManyTags()
		}
		m.Tags = tags
		return m, nil
	})
	return err
}

// changeMapping is the road of every change of a mapping: the turn, a decision,
// the store, the view, and the work that brings it to rest.
func (c *Catalog) changeMapping(ctx context.Context, id string, decide func(lambda.EventSourceMapping, bool) (lambda.EventSourceMapping, error)) (lambda.EventSourceMapping, error) {
	done, err := c.turns.Take(ctx, mappingTurn)
	if err != nil {
		return lambda.EventSourceMapping{}, err
	}
	defer done()
	have, ok := c.mapping(id)
	next, err := decide(have, ok)
	if err != nil {
		return lambda.EventSourceMapping{}, err
	}
	if next.LastModified = have.LastModified; next.State != have.State {
		next.LastModified = c.now()
	}
	if err := c.config.Mappings.PutMapping(context.WithoutCancel(ctx), next); err != nil {
		return lambda.EventSourceMapping{}, err
	}
	c.showMapping(next)
	if !next.Settled() {
		poke(c.unsettled)
	}
	return next, nil
}

func (c *Catalog) showMapping(m lambda.EventSourceMapping) {
	table := maps.Clone(*c.mappings.Load())
	table[m.UUID] = m
	c.mappings.Store(&table)
}

// passing is how long a mapping is Creating, Updating and so on. On AWS it is
// seconds; a client that looks at once must see it, and one that waits soon goes on.
const passing = 100 * time.Millisecond

// settleMappings brings mappings to rest until the catalog stops.
func (c *Catalog) settleMappings(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.unsettled:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(passing):
		}
		for _, m := range *c.mappings.Load() {
			for !m.Settled() && ctx.Err() == nil {
				err := c.settleMapping(ctx, m.UUID)
				if err == nil {
					break
				}
				c.config.Log.Error("state of event source mapping could not be stored; trying again", "mapping", m.UUID, "error", err)
				select {
				case <-ctx.Done():
				case <-time.After(retryAfter):
				}
			}
		}
	}
}

// settleMapping carries out one arrow: Creating, Enabling and Updating become
// Enabled or Disabled, as was asked for, Deleting is the end.
func (c *Catalog) settleMapping(ctx context.Context, id string) error {
	done, err := c.turns.Take(ctx, mappingTurn)
	if err != nil {
		return err
	}
	defer done()
	m, ok := c.mapping(id)
	if !ok || m.Settled() {
		return nil
	}
	if m.State == lambda.MappingDeleting {
		if err := c.config.Mappings.DeleteMapping(context.WithoutCancel(ctx), id); err != nil {
			return err
		}
		table := maps.Clone(*c.mappings.Load())
		delete(table, id)
		c.mappings.Store(&table)
		return nil
	}
	m.State = lambda.MappingDisabled
	if m.Enabled {
		m.State = lambda.MappingEnabled
	}
	if err := c.config.Mappings.PutMapping(context.WithoutCancel(ctx), m); err != nil {
		return err
	}
	c.showMapping(m)
	return nil
}

func (c *Catalog) loadMappings(ctx context.Context) error {
	mappings := map[string]lambda.EventSourceMapping{}
	err := c.config.Mappings.EachMapping(ctx, func(m lambda.EventSourceMapping) error {
		mappings[m.UUID] = m
		return nil
	})
	if err != nil {
		return err
	}
	c.mappings.Store(&mappings)
	return nil
}
