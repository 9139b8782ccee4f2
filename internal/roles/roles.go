package roles

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
	"lambent/internal/turn"
)

// Store is where roles and policies are kept.
type Store interface {
	store.Roles
	store.Policies
}

// Config is what Roles are made of. All members are needed.
type Config struct {
	Home  lambda.Home
	Store Store
	Now   func() time.Time
}

// Roles is the owner of roles and managed policies.
type Roles struct {
	config Config
	turns  turn.Line // one turn for every change; held across writes of the store

	mu       sync.RWMutex
	roles    map[string]lambda.Role          // by name in lower case: IAM does not tell case apart
	policies map[string]lambda.ManagedPolicy // by ARN, AWS's too
}

// Open reads what the store has.
func Open(ctx context.Context, config Config) (*Roles, error) {
	r := &Roles{config: config, roles: map[string]lambda.Role{}, policies: map[string]lambda.ManagedPolicy{}}
	own, err := managedByAWS(config.Home.Partition)
	if err != nil {
		return nil, err
	}
	for _, p := range own {
		r.policies[p.ARN] = p
	}
	if err := config.Store.EachRole(ctx, func(role lambda.Role) error {
		r.roles[strings.ToLower(role.Name)] = role
		return nil
	}); err != nil {
		return nil, err
	}
	if err := config.Store.EachManagedPolicy(ctx, func(p lambda.ManagedPolicy) error {
		r.policies[p.ARN] = p
		return nil
	}); err != nil {
		return nil, err
	}
	return r, nil
}

// change is one after another: what it decides stays true until it is written.
func (r *Roles) change(ctx context.Context, f func() error) error {
	done, err := r.turns.Take(ctx, "")
	if err != nil {
		return err
	}
	defer done()
	return f()
}

// changeRole changes a role that is there.
func (r *Roles) changeRole(ctx context.Context, name string, f func(*lambda.Role) error) error {
	return r.change(ctx, func() error {
		role, err := r.Role(name)
		if err != nil {
			return err
		}
		// What readers have of the role must not change under them.
		role.Tags, role.Inline, role.Attached = slices.Clone(role.Tags), slices.Clone(role.Inline), slices.Clone(role.Attached)
		if err := f(&role); err != nil {
			return err
		}
		return r.putRole(ctx, role)
	})
}

func (r *Roles) putRole(ctx context.Context, role lambda.Role) error {
	if err := r.config.Store.PutRole(ctx, role); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roles[strings.ToLower(role.Name)] = role
	return nil
}

// changePolicy changes a policy of this account.
func (r *Roles) changePolicy(ctx context.Context, action, arn string, f func(*lambda.ManagedPolicy) error) error {
	return r.change(ctx, func() error {
		p, err := r.Policy(arn)
		if err != nil {
			return err
		}
		if r.managesAWS(arn) {
			return lambda.Errorf(lambda.AccessDenied, "User: %s is not authorized to perform: iam:%s on resource: policy %s",
				"arn:"+r.config.Home.Partition+":iam::"+r.config.Home.Account+":root", action, arn)
		}
		p.Tags, p.Versions = slices.Clone(p.Tags), slices.Clone(p.Versions)
		if err := f(&p); err != nil {
			return err
		}
		return r.putPolicy(ctx, p)
	})
}

func (r *Roles) putPolicy(ctx context.Context, p lambda.ManagedPolicy) error {
	if err := r.config.Store.PutManagedPolicy(ctx, p); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policies[p.ARN] = p
	return nil
}

// Role is the role of that name.
func (r *Roles) Role(name string) (lambda.Role, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	role, ok := r.roles[strings.ToLower(name)]
	if !ok {
		return role, lambda.Errorf(lambda.NotFound, "The role with name %s cannot be found.", name)
	}
	return role, nil
}

// Policy is the managed policy of that ARN, the account's or AWS's.
func (r *Roles) Policy(arn string) (lambda.ManagedPolicy, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.policies[arn]
	if !ok {
		return p, lambda.Errorf(lambda.NotFound, "Policy %s was not found.", arn)
	}
	return p, nil
}

// Roles lists the roles by name.
func (r *Roles) Roles() []lambda.Role {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.SortedFunc(maps.Values(r.roles), func(a, b lambda.Role) int { return strings.Compare(a.Name, b.Name) })
}

// Policies lists the managed policies by name, AWS's too.
func (r *Roles) Policies() []lambda.ManagedPolicy {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.SortedFunc(maps.Values(r.policies), func(a, b lambda.ManagedPolicy) int { return strings.Compare(a.Name, b.Name) })
}

// RolePolicies tells what a role may do, for who decides about a request: the
// policy that says who may take it on, and every document that says what it may do
// then, inline ones and the default versions of attached ones. found is false
// when there is no such role.
func (r *Roles) RolePolicies(_ context.Context, roleARN string) (trust string, documents []string, found bool, err error) {
	role, found := r.byARN(roleARN)
	if !found {
		return "", nil, false, nil
	}
	for _, p := range role.Inline {
		documents = append(documents, p.Document)
	}
	for _, arn := range role.Attached {
		p, err := r.Policy(arn)
		if err != nil {
			return "", nil, true, fmt.Errorf("read a policy of %s: %w", roleARN, err)
		}
		documents = append(documents, p.DefaultVersion().Document)
	}
	return role.Trust, documents, true, nil
}

// RoleID is the ID of a role, which no role before or after it has; empty when there
// is no such role.
func (r *Roles) RoleID(roleARN string) string {
	role, _ := r.byARN(roleARN)
	return role.ID
}

// LongestSession is how long sessions of a role may be; zero when there is no such role.
func (r *Roles) LongestSession(roleARN string) time.Duration {
	role, _ := r.byARN(roleARN)
	return time.Duration(role.MaxSession) * time.Second
}

// RoleBoundary is the document that bounds what a role may do, if it has one.
func (r *Roles) RoleBoundary(_ context.Context, roleARN string) (document string, bounded bool, err error) {
	role, found := r.byARN(roleARN)
	if !found || role.Boundary == "" {
		return "", false, nil
	}
	p, err := r.Policy(role.Boundary)
	if err != nil {
		return "", true, fmt.Errorf("read the boundary of %s: %w", roleARN, err)
	}
	return p.DefaultVersion().Document, true, nil
}

func (r *Roles) byARN(arn string) (lambda.Role, bool) {
	role, err := r.Role(arn[strings.LastIndex(arn, "/")+1:])
	if err != nil || role.ARN != arn {
		return lambda.Role{}, false
	}
	return role, true
}

// newID makes an identifier as IAM does: four letters that tell the kind, and 17
// more.
func newID(kind string) string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails
	return kind + base32.StdEncoding.EncodeToString(b[:])[:17]
}
