package catalog

import (
	"context"
	"maps"
	"math"
	"reflect"
	"slices"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// Provisioner keeps environments initialised ahead. The Observer is asked to be
// one; if it is not, nothing is kept initialised. Its methods neither block nor
// call back.
type Provisioner interface {
	// Provision says how much provisioned concurrency the versions of a function
	// have from now on; none for those that are not named.
	Provision(account, function string, targets []lambda.ProvisionedTarget)
	// Allocation tells what there is of a version's.
	Allocation(v *lambda.Version) lambda.Allocation
}

// PutProvisioned asks for so many environments of a version or an alias to be
// kept initialised.
func (c *Catalog) PutProvisioned(ctx context.Context, name, qualifier string, n int) (lambda.ProvisionedStatus, error) {
	// Two functions must not take the same part of the account.
	done, err := c.turns.Take(ctx, "account/concurrency")
	if err != nil {
		return lambda.ProvisionedStatus{}, err
	}
	defer done()
	var before lambda.ProvisionedStatus
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if err := c.provisionable(old, name, qualifier); err != nil {
			return nil, err
		}
		attached := old.attached(qualifier)
		if attached.Provisioned != nil {
			before = c.provisionedStatus(old, qualifier)
		}
		attached.Provisioned = &lambda.Provisioned{Requested: n, LastModified: c.now()}
		change := &store.FunctionChange{Function: old.stored}
		attach(change, qualifier, attached)
		if err := c.affordProvisioned(old, qualifier, n); err != nil {
			return nil, err
		}
		before.Qualifier, before.Requested, before.LastModified = qualifier, n, attached.Provisioned.LastModified
		before.Status, before.Reason = lambda.ProvisionedInProgress, "" // whatever there is (F163)
		return change, nil
	})
	return before, err
}

// provisionable refuses what can have no provisioned concurrency.
func (c *Catalog) provisionable(f *function, name, qualifier string) error {
	if qualifier == lambda.Latest || qualifier == "" {
		return unpublished()
	}
	if err := c.hasQualifier(f, name, qualifier); err != nil {
		return err
	}
	if v := f.version(qualifier); v.State == lambda.Pending {
		return inState(v.State)
	}
	r := f.routes[qualifier]
	if r == nil {
		for _, alias := range f.aliasesOf(qualifier) {
			if f.attached(alias).Provisioned != nil {
				return lambda.Errorf(lambda.Conflict, "Version is pointed by a Provisioned Concurrency alias") // F167
			}
		}
		return nil
	}
	if r.alias.Other != "" {
		return lambda.Errorf(lambda.InvalidParameter, "Alias with weights can not be used with Provisioned Concurrency")
	}
	return f.aliasProvisionable(r.alias)
}

func unpublished() error {
	return lambda.Errorf(lambda.InvalidParameter, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
}

// aliasProvisionable refuses versions that an alias with provisioned concurrency
// cannot point to.
func (f *function) aliasProvisionable(a lambda.Alias) error {
	for _, number := range []string{a.Version, a.Other} {
		if number == lambda.Latest {
			return unpublished()
		}
		if number != "" && f.provisionedBut(a.Name, number) {
			return lambda.Errorf(lambda.Conflict, "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version") // F167
		}
	}
	return nil
}

// provisionedBut tells whether a version has provisioned concurrency, its own or by
// another alias ("Two aliases can't allocate provisioned concurrency for the same
// version").
func (f *function) provisionedBut(alias, number string) bool {
	has := func(qualifier string) bool { return qualifier != alias && f.attached(qualifier).Provisioned != nil }
	return has(number) || slices.ContainsFunc(f.aliasesOf(number), has)
}

// hasQualifier refuses versions and aliases that are not there.
func (c *Catalog) hasQualifier(f *function, name, qualifier string) error {
	switch {
	case f != nil && f.version(qualifier) != nil:
		return nil
	case f != nil && !lambda.IsVersionNumber(qualifier):
		return c.noAlias(name, qualifier) // F168
	}
	return c.notFound(name, qualifier)
}

// affordProvisioned holds n to what the function has reserved, or to what the
// account has left.
func (c *Catalog) affordProvisioned(f *function, qualifier string, n int) error {
	others := f.provisioned()
	if have := f.attached(qualifier).Provisioned; have != nil {
		others -= have.Requested
	}
	if f.stored.Reserved != nil {
		if others+n > *f.stored.Reserved {
			return lambda.Errorf(lambda.InvalidParameter, "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function") // F165
		}
		return nil
	}
	left := c.accountConcurrency() - (c.ReservedTotal() - f.committed() + others)
	switch floor := c.unreservedFloor(); {
	case others+n <= f.committed(): // whatever the account has, it is no more than before
	case n > left:
		return untyped("Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [%d].", left) // F166
	case left-n < floor:
		return untyped("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [%d].", floor)
	}
	return nil
}

// Provisioned tells what was asked for a version or an alias, and what there is.
func (c *Catalog) Provisioned(_ context.Context, name, qualifier string) (lambda.ProvisionedStatus, error) {
	f := c.function(name)
	if err := c.published(f, name, qualifier); err != nil {
		return lambda.ProvisionedStatus{}, err
	}
	if f.attached(qualifier).Provisioned == nil {
		return lambda.ProvisionedStatus{}, lambda.Errorf(lambda.NotProvisioned, "No Provisioned Concurrency Config found for this function") // F164
	}
	return c.provisionedStatus(f, qualifier), nil
}

// published refuses Latest, and what is not there.
func (c *Catalog) published(f *function, name, qualifier string) error {
	if qualifier == lambda.Latest || qualifier == "" {
		return lambda.Errorf(lambda.InvalidParameter, "The function resource provided must be an alias or a published version.")
	}
	return c.hasQualifier(f, name, qualifier)
}

// DeleteProvisioned gives provisioned concurrency back; nothing is fine.
func (c *Catalog) DeleteProvisioned(ctx context.Context, name, qualifier string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if err := c.published(old, name, qualifier); err != nil {
			return nil, err
		}
		attached := old.attached(qualifier)
		if attached.Provisioned == nil {
			return nil, nil
		}
		attached.Provisioned = nil
		change := &store.FunctionChange{Function: old.stored}
		attach(change, qualifier, attached)
		return change, nil
	})
}

// AllProvisioned lists what was asked for a function's versions and aliases.
func (c *Catalog) AllProvisioned(_ context.Context, name, marker string, limit int) ([]lambda.ProvisionedStatus, string, error) {
	f := c.function(name)
	if f == nil {
		return nil, "", c.notFound(name, "")
	}
	qualifiers, next, err := page(f.provisionedQualifiers(), func(q string) place { return place{Name: q} }, marker, limit)
	list := make([]lambda.ProvisionedStatus, 0, len(qualifiers))
	for _, q := range qualifiers {
		list = append(list, c.provisionedStatus(f, q))
	}
	return list, next, err
}

// provisionedQualifiers names what has provisioned concurrency, in order.
func (f *function) provisionedQualifiers() []string {
	if f == nil || len(f.stored.Attached) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.stored.Attached)), func(q string) bool { return f.stored.Attached[q].Provisioned == nil })
}

// ProvisionedBy names the alias by which a version has provisioned concurrency; it is
// empty when the version has its own, or none.
func (c *Catalog) ProvisionedBy(name, number string) string {
	f := c.function(name)
	for _, q := range f.provisionedQualifiers() {
		if r := f.routes[q]; r != nil && (r.alias.Version == number || r.alias.Other == number) {
			return q
		}
	}
	return ""
}

// provisioned is what was asked for all of a function's versions and aliases.
func (f *function) provisioned() (n int) {
	for _, q := range f.provisionedQualifiers() {
		n += f.stored.Attached[q].Provisioned.Requested
	}
	return n
}

// shares is how a qualifier's provisioned concurrency falls to versions: that of
// an alias with weights by these.
func (f *function) shares(qualifier string) map[string]int {
	n := f.attached(qualifier).Provisioned.Requested
	r := f.routes[qualifier]
	if r == nil {
		return map[string]int{qualifier: n}
	}
	shares := map[string]int{r.alias.Version: n}
	if other := int(math.Round(float64(n) * r.alias.Weight)); r.alias.Other != "" && other > 0 {
		shares[r.alias.Version] -= other
		shares[r.alias.Other] += other
	}
	return shares
}

// targets is what each version should have. One that cannot run yet gets its
// environments when it can.
func (f *function) targets() []lambda.ProvisionedTarget {
	counts := map[string]int{}
	for _, q := range f.provisionedQualifiers() {
		for number, n := range f.shares(q) {
			counts[number] += n
		}
	}
	var targets []lambda.ProvisionedTarget
	for _, number := range slices.Sorted(maps.Keys(counts)) {
		if v := f.published[number]; v != nil && v.State == lambda.Active && counts[number] > 0 {
			targets = append(targets, lambda.ProvisionedTarget{Version: v, Count: counts[number]})
		}
	}
	return targets
}

// provisionedStatus is what there is of a qualifier's provisioned concurrency.
func (c *Catalog) provisionedStatus(f *function, qualifier string) lambda.ProvisionedStatus {
	asked := f.attached(qualifier).Provisioned
	s := lambda.ProvisionedStatus{Qualifier: qualifier, Requested: asked.Requested, LastModified: asked.LastModified, Status: lambda.ProvisionedInProgress}
	held := 0
	for number, share := range f.shares(qualifier) {
		a := c.allocation(f.published[number])
		s.Allocated, s.Available = s.Allocated+min(share, a.Allocated), s.Available+min(share, a.Available)
		if held = max(held, a.Held); a.Failed != "" && a.Available < share {
			s.Status, s.Reason = lambda.ProvisionedFailed, a.Failed
		}
	}
	if s.Available >= s.Requested {
		s.Status, s.Reason = lambda.ProvisionedReady, ""
	}
	// What an alias had elsewhere is shown as its own until it has moved (F169).
	s.Available = min(s.Requested, s.Available+held)
	s.Allocated = max(s.Available, min(s.Requested, s.Allocated))
	return s
}

func (c *Catalog) allocation(v *lambda.Version) lambda.Allocation {
	p, ok := c.config.Observer.(Provisioner)
	if !ok || v == nil {
		return lambda.Allocation{}
	}
	return p.Allocation(v)
}

// provision tells the Provisioner what a change means to it.
func (c *Catalog) provision(name string, old, next *function) {
	p, ok := c.config.Observer.(Provisioner)
	if !ok || len(old.provisionedQualifiers())+len(next.provisionedQualifiers()) == 0 {
		return
	}
	if old != nil && next != nil && reflect.DeepEqual(old.asked(), next.asked()) && slices.EqualFunc(old.targets(), next.targets(), sameTarget) {
		return
	}
	var targets []lambda.ProvisionedTarget
	if next != nil {
		targets = next.targets()
	}
	p.Provision(c.config.Home.Account, name, targets)
}

func sameTarget(a, b lambda.ProvisionedTarget) bool {
	return a.Version.Generation == b.Version.Generation && a.Count == b.Count
}

// asked is what callers asked for, by qualifier; asking again is a change.
func (f *function) asked() map[string]lambda.Provisioned {
	all := map[string]lambda.Provisioned{}
	for _, q := range f.provisionedQualifiers() {
		all[q] = *f.stored.Attached[q].Provisioned
	}
	return all
}
