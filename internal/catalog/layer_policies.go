package catalog

import (
	"context"

	"lambent/internal/lambda"
)

// AddLayerPermission grants the use of a layer version; it answers the policy
// after it.
func (c *Catalog) AddLayerPermission(ctx context.Context, name string, number int64, p lambda.Permission) (added lambda.Statement, policy lambda.Policy, err error) {
	policy, err = c.changeLayerPolicy(ctx, name, number, func(have lambda.Policy) (lambda.Policy, error) {
		if added, err = c.statement(p, c.config.Home.LayerVersionARN(name, number)); err != nil {
			return have, err
		}
		next, err := extend(have, added)
		if err != nil {
			return have, err
		}
		return next, expectLayerPolicy(have, p.RevisionID)
	})
	return added, policy, err
}

// RemoveLayerPermission takes a statement out of a layer version's policy.
func (c *Catalog) RemoveLayerPermission(ctx context.Context, name string, number int64, statementID, revisionID string) error {
	_, err := c.changeLayerPolicy(ctx, name, number, func(have lambda.Policy) (lambda.Policy, error) {
		if err := expectLayerPolicy(have, revisionID); err != nil {
			return have, err
		}
		return reduce(have, statementID)
	})
	return err
}

// LayerPolicy answers a layer version's policy.
func (c *Catalog) LayerPolicy(_ context.Context, name string, number int64) (lambda.Policy, error) {
	v, err := c.policied(name, number)
	if err != nil {
		return lambda.Policy{}, err
	}
	if len(v.Policy.Statements) == 0 {
		return lambda.Policy{}, lambda.Errorf(lambda.NotFound, "No policy is associated with the given resource.") // F133
	}
	return v.Policy, nil
}

// policied is a layer version in the words of the operations on policies.
func (c *Catalog) policied(name string, number int64) (*lambda.LayerVersion, error) {
	if err := checkLayerNumber(number); err != nil {
		return nil, err
	}
	v := c.layer(name).version(number)
	if v == nil {
		return nil, lambda.Errorf(lambda.NotFound, "Layer version %s does not exist.", c.config.Home.LayerVersionARN(name, number)) // F136
	}
	return v, nil
}

func (c *Catalog) changeLayerPolicy(ctx context.Context, name string, number int64, edit func(lambda.Policy) (lambda.Policy, error)) (lambda.Policy, error) {
	done, err := c.turns.Take(ctx, "layer/"+name)
	if err != nil {
		return lambda.Policy{}, err
	}
	defer done()
	v, err := c.policied(name, number)
	if err != nil {
		return lambda.Policy{}, err
	}
	changed := *v
	if changed.Policy, err = edit(v.Policy); err != nil {
		return lambda.Policy{}, err
	}
	changed.Policy.RevisionID = c.config.NewID()
	return changed.Policy, c.putLayer(ctx, changed)
}

// expectLayerPolicy holds a caller to the revision that it has seen (F135).
func expectLayerPolicy(policy lambda.Policy, revisionID string) error {
	if revisionID == "" || revisionID == policy.RevisionID {
		return nil
	}
	return lambda.Errorf(lambda.Precondition, "The Revision Id provided does not match the latest Revision Id. "+
		"Call the GetLayerPolicy API to retrieve the latest Revision Id")
}
