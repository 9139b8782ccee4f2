package catalog

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// AddPermission grants something on a function, or on one of its versions or
// aliases; each of them has a policy of its own (F141).
func (c *Catalog) AddPermission(ctx context.Context, name, qualifier string, p lambda.Permission) (added lambda.Statement, err error) {
	if qualifier == lambda.Latest {
		return added, lambda.Errorf(lambda.InvalidParameter, "We currently do not support adding policies for $LATEST.")
	}
	err = c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, c.notFound(name, "")
		}
		if err := c.attachable(old, qualifier); err != nil {
			return nil, err
		}
		policy := old.attached(qualifier).Policy
		if err := old.expectPolicy(qualifier, p.RevisionID); err != nil {
			return nil, err
		}
		if added, err = c.statement(p, c.config.Home.FunctionARN(name, qualifier)); err != nil {
			return nil, err
		}
		if policy, err = extend(policy, added); err != nil {
			return nil, err
		}
		return c.putPolicy(old, qualifier, policy), nil
	})
	return added, err
}

// RemovePermission takes a statement out of a policy.
func (c *Catalog) RemovePermission(ctx context.Context, name, qualifier, statementID, revisionID string) error {
	return c.change(ctx, name, func(old *function) (*store.FunctionChange, error) {
		if old == nil {
			return nil, lambda.Errorf(lambda.NotFound, "No policy found for: %s", c.config.Home.FunctionARN(name, ""))
		}
		if err := c.attachable(old, qualifier); err != nil {
			return nil, err
		}
		policy, err := reduce(old.attached(qualifier).Policy, statementID)
		if err != nil {
			return nil, err
		}
		if err := old.expectPolicy(qualifier, revisionID); err != nil {
			return nil, err
		}
		return c.putPolicy(old, qualifier, policy), nil
	})
}

// Policy answers the policy of a function, a version or an alias.
func (c *Catalog) Policy(_ context.Context, name, qualifier string) (lambda.Policy, error) {
	f := c.function(name)
	if f == nil {
		return lambda.Policy{}, c.notFound(name, "")
	}
	if err := c.attachable(f, qualifier); err != nil {
		return lambda.Policy{}, err
	}
	policy := f.attached(qualifier).Policy
	if len(policy.Statements) == 0 {
		return lambda.Policy{}, lambda.Errorf(lambda.NotFound, "The resource you requested does not exist.")
	}
	return policy, nil
}

// attachable refuses qualifiers that name nothing.
func (c *Catalog) attachable(f *function, qualifier string) error {
	switch {
	case f.version(qualifier) != nil:
		return nil
	case lambda.IsVersionNumber(qualifier):
		return c.notFound(f.stored.Name, qualifier)
	}
	return c.noAlias(f.stored.Name, qualifier)
}

// attached is what belongs to a qualifier; the function itself is Latest.
func (f *function) attached(qualifier string) store.Attached {
	return f.stored.Attached[attachedKey(qualifier)]
}

func attachedKey(qualifier string) string {
	if qualifier == "" {
		return lambda.Latest
	}
	return qualifier
}

// attach puts the attachments of a qualifier into a change; those that are
// empty are taken out.
func attach(change *store.FunctionChange, qualifier string, a store.Attached) {
	table := map[string]store.Attached{}
	maps.Copy(table, change.Function.Attached)
	table[attachedKey(qualifier)] = a
	if reflect.ValueOf(a).IsZero() {
		delete(table, attachedKey(qualifier))
	}
	change.Function.Attached = table
}

// expectPolicy holds a caller to the revision of the policy that it has seen, or
// of what the policy belongs to: AWS's recordings show the two as one (F142).
func (f *function) expectPolicy(qualifier, revisionID string) error {
	policy := f.attached(qualifier).Policy
	if revisionID == "" || revisionID == f.revision(qualifier) || (len(policy.Statements) > 0 && revisionID == policy.RevisionID) {
		return nil
	}
	return lambda.Errorf(lambda.Precondition, "The Revision Id provided does not match the latest Revision Id. "+
		"Call the GetPolicy API to retrieve the latest Revision Id")
}

// revision is the RevisionId of the version or alias that a qualifier names.
func (f *function) revision(qualifier string) string {
	if r := f.routes[qualifier]; r != nil {
		return r.alias.RevisionID
	}
	return f.version(qualifier).RevisionID
}

// putPolicy replaces a policy; what it belongs to gets the same new revision.
func (c *Catalog) putPolicy(f *function, qualifier string, policy lambda.Policy) *store.FunctionChange {
	policy.RevisionID = c.config.NewID()
	change := &store.FunctionChange{Function: f.stored}
	attached := f.attached(qualifier)
	attached.Policy = policy
	if len(policy.Statements) == 0 {
		attached.Policy = lambda.Policy{}
	}
	attach(change, qualifier, attached)
	if r := f.routes[qualifier]; r != nil {
		i, _ := slices.BinarySearchFunc(f.stored.Aliases, qualifier, byName)
		change.Function.Aliases = slices.Clone(f.stored.Aliases)
		change.Function.Aliases[i].RevisionID = policy.RevisionID
		return change
	}
	v := *f.version(qualifier)
	v.RevisionID = policy.RevisionID
	change.Versions = []lambda.Version{v}
	return change
}

// extend is a policy with one more statement.
func extend(policy lambda.Policy, s lambda.Statement) (lambda.Policy, error) {
	if policy.Find(s.ID) >= 0 {
		return policy, lambda.Errorf(lambda.Conflict, "The statement id (%s) provided already exists. "+
			"Please provide a new statement id, or remove the existing statement.", s.ID) // F134
	}
	policy.Statements = append(slices.Clone(policy.Statements), s)
	if size := len(policy.JSON()); size > lambda.MaxPolicy {
		return policy, lambda.Errorf(lambda.PolicyTooLong, "The final policy size (%d) is bigger than the limit (%d).", size, lambda.MaxPolicy)
	}
	return policy, nil
}

// reduce is a policy without one statement.
func reduce(policy lambda.Policy, statementID string) (lambda.Policy, error) {
	if len(policy.Statements) == 0 {
		return policy, lambda.Errorf(lambda.NotFound, "No policy is associated with the given resource.")
	}
	i := policy.Find(statementID)
	if i < 0 {
		return policy, lambda.Errorf(lambda.NotFound, "Statement %s is not found in resource policy.", statementID) // F136
	}
	policy.Statements = slices.Delete(slices.Clone(policy.Statements), i, i+1)
	return policy, nil
}

// statement is a permission on a resource as a policy holds it (F138, F139).
func (c *Catalog) statement(p lambda.Permission, resource string) (lambda.Statement, error) {
	s := lambda.Statement{ID: p.StatementID, Principal: p.Principal, Action: p.Action, Resource: resource}
	switch {
	case p.Principal == "*":
	case isAccount(p.Principal):
		s.PrincipalType, s.Principal = "AWS", "arn:"+c.config.Home.Partition+":iam::"+p.Principal+":root"
	case strings.HasPrefix(p.Principal, "arn:"):
		s.PrincipalType = "AWS"
	case strings.Contains(p.Principal, "."):
		s.PrincipalType = "Service"
	default:
		return s, lambda.Errorf(lambda.InvalidParameter, "The provided principal was invalid. Please check the principal and try again.")
	}
	add := func(operator, key, value string) {
		if value != "" {
			s.Conditions = append(s.Conditions, lambda.Condition{Operator: operator, Key: key, Value: value})
		}
	}
	add("StringEquals", "lambda:FunctionUrlAuthType", p.URLAuthType)
	add("StringEquals", "aws:PrincipalOrgID", p.OrganizationID)
	add("StringEquals", "AWS:SourceAccount", p.SourceAccount)
	add("StringEquals", "lambda:EventSourceToken", p.EventSourceToken)
	if p.ViaURL != nil {
		add("Bool", "lambda:InvokedViaFunctionUrl", strconv.FormatBool(*p.ViaURL))
	}
	add("ArnLike", "AWS:SourceArn", p.SourceARN)
	return s, nil
}

func isAccount(s string) bool { return len(s) == 12 && lambda.IsVersionNumber(s) }
