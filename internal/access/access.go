// Package access knows who a caller is and what it may do.
//
// It owns the access keys of the data folder, makes and opens the tokens of
// sessions, and brings the caller's policies and those of a resource to a decision
// (package policy). Signatures are judged by package sigv4.
//
// There are four kinds of callers:
//
//   - users, each with lasting keys that carry their policies;
//   - sessions of roles, among them those of functions. Their credentials are kept
//     nowhere: the token itself, sealed with the key of the data folder, says whose
//     they are and until when. They survive a restart, and cost nothing to give out;
//   - the owner, who can read the data folder. Its key is derived from that of the
//     folder, and it is the account's root;
//   - anybody, who has what policies grant to everybody.
//
// While nobody is refused (Enforce is false) keys still say who somebody is, but
// nothing is verified, and whoever has no known key counts as the root.
package access

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/policy"
	"lambent/internal/sigv4"
	"lambent/internal/store"
)

// Roles tells what the roles of the account may do and who may assume them.
type Roles interface {
	// RolePolicies answers the trust policy of a role and all policies that are
	// attached to it or inline. A role that is not there is no error.
	RolePolicies(ctx context.Context, roleARN string) (trust string, documents []string, found bool, err error)
	// LongestSession answers how long sessions of a role may be; zero: there is no such role.
	LongestSession(roleARN string) time.Duration
	// RoleID answers the ID of a role, which no other role has, be it one that is made
	// under the same name later; empty: there is no such role.
	RoleID(roleARN string) string
	// RoleBoundary answers the policy that bounds what a role may do, where one does.
	RoleBoundary(ctx context.Context, roleARN string) (document string, bounded bool, err error)
}

// Sealer keeps secrets.
type Sealer interface {
	Seal(plain []byte, owner string) string
	Unseal(text, owner string) ([]byte, error)
	Derive(purpose string) []byte
}

// Config is what access is made of. Every member is needed but Roles: without it
// there are none.
type Config struct {
	Home    lambda.Home
	Keys    store.Keys
	Sealer  Sealer
	Roles   Roles
	Enforce bool // verify signatures, and refuse what no policy allows
	Now     func() time.Time
}

// Access knows callers. Its methods may be called from anywhere.
type Access struct {
	Config
	owner key

	writing sync.Mutex // held across a write of the store and the showing of it
	keys    atomic.Pointer[map[string]key]

	derived   cache[derivedFor, sigv4.Key]
	opened    cache[string, *session]
	documents cache[documentText, *policy.Document]
}

// key is an access key, unsealed.
type key struct {
	store.AccessKey
	secret   string
	policies []*policy.Document
}

type derivedFor struct {
	secret string
	scope  sigv4.Scope
}

type documentText struct {
	text string
	kind policy.Kind
}

// Open reads the keys.
func Open(ctx context.Context, config Config) (*Access, error) {
	a := &Access{Config: config, owner: ownerKey(config.Sealer)}
	keys := map[string]key{}
	err := config.Keys.EachAccessKey(ctx, func(stored store.AccessKey) error {
		k, err := a.unseal(stored)
		keys[stored.ID] = k
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read access keys: %w", err)
	}
	a.keys.Store(&keys)
	return a, nil
}

func (a *Access) unseal(stored store.AccessKey) (key, error) {
	secret, err := a.Sealer.Unseal(stored.Secret, sealedFor(stored.ID))
	if err != nil {
		return key{}, fmt.Errorf("secret of access key %s: %w", stored.ID, err)
	}
	k := key{AccessKey: stored, secret: string(secret)}
	if k.Account == "" {
		k.Account = a.Home.Account
	}
	for _, text := range stored.Policies {
		d, err := a.document(text, policy.OfIdentity)
		if err != nil {
			return key{}, fmt.Errorf("policy of access key %s: %w", stored.ID, err)
		}
		k.policies = append(k.policies, d)
	}
	return k, nil
}

func sealedFor(id string) string { return "access key " + id }

// Enforced tells whether anybody is ever refused.
func (a *Access) Enforced() bool { return a.Enforce }

// OwnerCredentials are the keys of whoever can read the data folder.
func OwnerCredentials(s Sealer) lambda.Credentials {
	k := ownerKey(s)
	return lambda.Credentials{AccessKey: k.ID, Secret: k.secret}
}

// ownerKey is derived, so that the owner of a folder has it before the first start,
// and so that keys of two folders are never taken for each other.
func ownerKey(s Sealer) key {
	id := idText(s.Derive("owner's access key"))
	secret := base64.StdEncoding.EncodeToString(s.Derive("owner's secret")[:30])
	return key{AccessKey: store.AccessKey{ID: "AKIA" + id}, secret: secret}
}

// idText makes the 16 letters and digits of an id.
func idText(random []byte) string { return base32.StdEncoding.EncodeToString(random[:10]) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

// document reads a policy once.
func (a *Access) document(text string, kind policy.Kind) (*policy.Document, error) {
	return a.documents.get(documentText{text, kind}, func() (*policy.Document, error) { return policy.Parse(text, kind) })
}

// cache remembers what costs time to make. When it is full it is emptied: what
// callers use is soon there again.
type cache[K comparable, V any] struct {
	mu  sync.RWMutex
	all map[K]V
}

// maxCached bounds each cache, at about a kilobyte for an entry.
const maxCached = 4096

func (c *cache[K, V]) get(k K, make func() (V, error)) (V, error) {
	c.mu.RLock()
	v, ok := c.all[k]
	c.mu.RUnlock()
	if ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) >= maxCached {
		c.all = map[K]V{}
	}
	c.all[k] = v
	return v, nil
}
