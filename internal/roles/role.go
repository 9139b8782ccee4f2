package roles

import (
	"context"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/policy"
)

// defaultSession is how long a session of a role may last when nobody says
// otherwise, in seconds.
const defaultSession = 3600

// CreateRole makes a role from what the caller chose: everything but the ID, the
// ARN and the time.
func (r *Roles) CreateRole(ctx context.Context, role lambda.Role) (lambda.Role, error) {
	err := r.change(ctx, func() error {
		if _, err := r.Role(role.Name); err == nil {
			return lambda.Errorf(lambda.Conflict, "Role with name %s already exists.", role.Name)
		}
		if err := judgeTrust(role.Trust); err != nil {
			return err
		}
		if err := r.judgeBoundary(role.Boundary); err != nil {
			return err
		}
		tags, err := tagged(nil, role.Tags)
		if err != nil {
			return err
		}
		if role.Path == "" {
			role.Path = "/"
		}
		if role.MaxSession == 0 {
			role.MaxSession = defaultSession
		}
		role.Tags, role.Inline, role.Attached = tags, nil, nil
		role.ID, role.ARN, role.Created = newID("AROA"), r.config.Home.RoleARN(role.Path, role.Name), r.now()
		return r.putRole(ctx, role)
	})
	return role, err
}

// now is the time as IAM keeps it, in seconds.
func (r *Roles) now() time.Time { return r.config.Now().UTC().Truncate(time.Second) }

// UpdateRole changes what a role is described as and how long its sessions are.
func (r *Roles) UpdateRole(ctx context.Context, name string, change lambda.RoleChange) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		if change.Description != nil {
			role.Description = *change.Description
		}
		if change.MaxSession != nil {
			role.MaxSession = *change.MaxSession
		}
		return nil
	})
}

// SetTrust replaces the policy that says who may take the role on.
func (r *Roles) SetTrust(ctx context.Context, name, document string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		if err := judgeTrust(document); err != nil {
			return err
		}
		role.Trust = document
		return nil
	})
}

// SetBoundary sets the policy that bounds the role; no ARN takes it away.
func (r *Roles) SetBoundary(ctx context.Context, name, arn string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		if arn == "" && role.Boundary == "" {
			return lambda.Errorf(lambda.NotFound, "Role with name %s does not have a permissions boundary.", name)
		}
		if err := r.judgeBoundary(arn); err != nil {
			return err
		}
		role.Boundary = arn
		return nil
	})
}

func (r *Roles) judgeBoundary(arn string) error {
	if arn == "" {
		return nil
	}
	if _, err := r.Policy(arn); err != nil {
		return lambda.Errorf(lambda.NotFound, "Scope ARN: %s does not exist or is not attachable.", arn)
	}
	return nil
}

// DeleteRole removes a role that has no policies.
func (r *Roles) DeleteRole(ctx context.Context, name string) error {
	return r.change(ctx, func() error {
		role, err := r.Role(name)
		switch {
		case err != nil:
			return err
		case len(role.Attached) > 0:
			return lambda.Errorf(lambda.InUse, "Cannot delete entity, must detach all policies first.")
		case len(role.Inline) > 0:
			return lambda.Errorf(lambda.InUse, "Cannot delete entity, must delete policies first.")
		}
		if err := r.config.Store.DeleteRole(ctx, role.Name); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.roles, strings.ToLower(role.Name))
		return nil
	})
}

// TagRole adds tags to a role, or changes their values.
func (r *Roles) TagRole(ctx context.Context, name string, tags []lambda.Tag) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) (err error) {
		role.Tags, err = tagged(role.Tags, tags)
		return err
	})
}

// UntagRole removes tags of a role. Those that are not there are fine.
func (r *Roles) UntagRole(ctx context.Context, name string, keys []string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		role.Tags = untagged(role.Tags, keys)
		return nil
	})
}

// The limits of documents in characters, white space not counted, and of what a
// role may have.
const (
	maxTrust    = 2048
	maxInline   = 10240 // all of one role together
	maxManaged  = 6144
	maxAttached = 10
	maxTags     = 50
)

// PutInline makes or replaces an inline policy.
func (r *Roles) PutInline(ctx context.Context, name, policyName, document string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		if err := judge(document, policy.OfIdentity); err != nil {
			return err
		}
		i, there := findInline(role.Inline, policyName)
		if there {
			role.Inline[i].Document = document
		} else {
			role.Inline = slices.Insert(role.Inline, i, lambda.InlinePolicy{Name: policyName, Document: document})
		}
		size := 0
		for _, p := range role.Inline {
			size += sizeOf(p.Document)
		}
		if size > maxInline {
			return lambda.Errorf(lambda.LimitExceeded, "Maximum policy size of %d bytes exceeded for role %s", maxInline, role.Name)
		}
		return nil
	})
}

// Inline is an inline policy of a role.
func (r *Roles) Inline(name, policyName string) (lambda.InlinePolicy, error) {
	role, err := r.Role(name)
	if err != nil {
		return lambda.InlinePolicy{}, err
	}
	i, there := findInline(role.Inline, policyName)
	if !there {
		return lambda.InlinePolicy{}, noInline(policyName)
	}
	return role.Inline[i], nil
}

// DeleteInline removes an inline policy.
func (r *Roles) DeleteInline(ctx context.Context, name, policyName string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		i, there := findInline(role.Inline, policyName)
		if !there {
			return noInline(policyName)
		}
		role.Inline = slices.Delete(role.Inline, i, i+1)
		return nil
	})
}

func noInline(name string) error {
	return lambda.Errorf(lambda.NotFound, "The role policy with name %s cannot be found.", name)
}

func findInline(all []lambda.InlinePolicy, name string) (int, bool) {
	return slices.BinarySearchFunc(all, name, func(p lambda.InlinePolicy, name string) int { return strings.Compare(p.Name, name) })
}

// Attach attaches a managed policy. One that is attached already is fine.
func (r *Roles) Attach(ctx context.Context, name, arn string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		if _, err := r.Policy(arn); err != nil {
			return lambda.Errorf(lambda.NotFound, "Policy %s does not exist or is not attachable.", arn)
		}
		if slices.Contains(role.Attached, arn) {
			return nil
		}
		if len(role.Attached) == maxAttached {
			return lambda.Errorf(lambda.LimitExceeded, "Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
		}
		role.Attached = append(role.Attached, arn)
		return nil
	})
}

// Detach detaches a managed policy.
func (r *Roles) Detach(ctx context.Context, name, arn string) error {
	return r.changeRole(ctx, name, func(role *lambda.Role) error {
		i := slices.Index(role.Attached, arn)
		if i < 0 {
			return lambda.Errorf(lambda.NotFound, "Policy %s was not found.", arn)
		}
		role.Attached = slices.Delete(role.Attached, i, i+1)
		return nil
	})
}
