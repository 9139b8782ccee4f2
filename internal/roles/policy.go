package roles

import (
	"context"
	"strconv"
	"strings"

	"lambent/internal/lambda"
)

// maxVersions is how many versions a managed policy may have.
const maxVersions = 5

// CreatePolicy makes a managed policy of this account from what the caller chose:
// name, path, description and tags.
func (r *Roles) CreatePolicy(ctx context.Context, p lambda.ManagedPolicy, document string) (lambda.ManagedPolicy, error) {
	err := r.change(ctx, func() error {
		if r.policyCalled(p.Name) {
			return lambda.Errorf(lambda.Conflict, "A policy called %s already exists. Duplicate names are not allowed.", p.Name)
		}
		if err := judgeManaged(document); err != nil {
			return err
		}
		tags, err := tagged(nil, p.Tags)
		if err != nil {
			return err
		}
		if p.Path == "" {
			p.Path = "/"
		}
		now := r.now()
		p.Tags, p.ID, p.ARN = tags, newID("ANPA"), r.config.Home.ManagedPolicyARN(p.Path, p.Name)
		p.Created, p.Updated, p.Default, p.Last = now, now, 1, 1
		p.Versions = []lambda.PolicyVersion{{Number: 1, Document: document, Created: now}}
		return r.putPolicy(ctx, p)
	})
	return p, err
}

// policyCalled tells whether this account has a policy of that name, whatever its
// path and its case.
func (r *Roles) policyCalled(name string) bool {
	for _, p := range r.Policies() {
		if strings.EqualFold(p.Name, name) && !r.managesAWS(p.ARN) {
			return true
		}
	}
	return false
}

// DeletePolicy removes a policy that nobody has and that has one version.
func (r *Roles) DeletePolicy(ctx context.Context, arn string) error {
	return r.change(ctx, func() error {
		p, err := r.Policy(arn)
		switch attached, bounding := r.uses(arn); {
		case err != nil:
			return err
		case r.managesAWS(arn):
			return lambda.Errorf(lambda.AccessDenied, "User is not authorized to perform: iam:DeletePolicy on resource: policy %s", arn)
		case attached+bounding > 0:
			return lambda.Errorf(lambda.InUse, "Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return lambda.Errorf(lambda.InUse, "This policy has more than one version. Before you delete a policy, "+
				"you must delete the policy's versions. The default version is deleted with the policy.")
		}
		if err := r.config.Store.DeleteManagedPolicy(ctx, arn); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.policies, arn)
		return nil
	})
}

// uses counts the roles that have a policy, and those that it bounds.
func (r *Roles) uses(arn string) (attached, bounding int) {
	for _, role := range r.Roles() {
		for _, a := range role.Attached {
			if a == arn {
				attached++
			}
		}
		if role.Boundary == arn {
			bounding++
		}
	}
	return attached, bounding
}

// AddVersion makes another version of a policy, at once the one that counts if
// asked.
func (r *Roles) AddVersion(ctx context.Context, arn, document string, counts bool) (lambda.PolicyVersion, error) {
	var v lambda.PolicyVersion
	err := r.changePolicy(ctx, "CreatePolicyVersion", arn, func(p *lambda.ManagedPolicy) error {
		if err := judgeManaged(document); err != nil {
			return err
		}
		if len(p.Versions) == maxVersions {
			return lambda.Errorf(lambda.LimitExceeded, "A managed policy can have up to %d versions. "+
				"Before you create a new version, you must delete an existing version.", maxVersions)
		}
		p.Last++
		p.Updated = r.now()
		v = lambda.PolicyVersion{Number: p.Last, Document: document, Created: p.Updated}
		p.Versions = append(p.Versions, v)
		if counts {
			p.Default = v.Number
		}
		return nil
	})
	return v, err
}

// Version is one version of a policy, by its id such as "v2".
func (r *Roles) Version(arn, id string) (lambda.PolicyVersion, error) {
	p, err := r.Policy(arn)
	if err != nil {
		return lambda.PolicyVersion{}, err
	}
	i, err := findVersion(p, id)
	if err != nil {
		return lambda.PolicyVersion{}, err
	}
	return p.Versions[i], nil
}

// SetDefault chooses the version that counts.
func (r *Roles) SetDefault(ctx context.Context, arn, id string) error {
	return r.changePolicy(ctx, "SetDefaultPolicyVersion", arn, func(p *lambda.ManagedPolicy) error {
		i, err := findVersion(*p, id)
		if err != nil {
			return err
		}
		p.Default, p.Updated = p.Versions[i].Number, r.now()
		return nil
	})
}

// DeleteVersion removes a version that is not the one that counts.
func (r *Roles) DeleteVersion(ctx context.Context, arn, id string) error {
	return r.changePolicy(ctx, "DeletePolicyVersion", arn, func(p *lambda.ManagedPolicy) error {
		i, err := findVersion(*p, id)
		if err != nil {
			return err
		}
		if p.Versions[i].Number == p.Default {
			return lambda.Errorf(lambda.InUse, "Cannot delete the default version of a policy.")
		}
		p.Versions = append(p.Versions[:i], p.Versions[i+1:]...)
		return nil
	})
}

func findVersion(p lambda.ManagedPolicy, id string) (int, error) {
	for i, v := range p.Versions {
		if "v"+strconv.Itoa(v.Number) == id {
			return i, nil
		}
	}
	return 0, lambda.Errorf(lambda.NotFound, "Policy %s version %s does not exist or is not attachable.", p.ARN, id)
}

// TagPolicy adds tags to a policy, or changes their values.
func (r *Roles) TagPolicy(ctx context.Context, arn string, tags []lambda.Tag) error {
	return r.changePolicy(ctx, "TagPolicy", arn, func(p *lambda.ManagedPolicy) (err error) {
		p.Tags, err = tagged(p.Tags, tags)
		return err
	})
}

// UntagPolicy removes tags of a policy. Those that are not there are fine.
func (r *Roles) UntagPolicy(ctx context.Context, arn string, keys []string) error {
	return r.changePolicy(ctx, "UntagPolicy", arn, func(p *lambda.ManagedPolicy) error {
		p.Tags = untagged(p.Tags, keys)
		return nil
	})
}
