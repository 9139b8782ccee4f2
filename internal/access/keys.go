package access

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/policy"
	"lambent/internal/store"
)

// Administrator is the policy of who may do everything.
const Administrator = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// NewKey is what a key is made of.
type NewKey struct {
	User     string
	Account  string // empty: this one
	Policies []string
}

// namePattern is IAM's for the names of users.
var namePattern = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

var accountPattern = regexp.MustCompile(`^\d{12}$`)

// CreateKey makes a key of a user. Its secret is told here and never again.
func (a *Access) CreateKey(ctx context.Context, n NewKey) (lambda.Credentials, error) {
	if !namePattern.MatchString(n.User) {
		return lambda.Credentials{}, lambda.Errorf(lambda.InvalidParameter, "%q is not a name: up to 64 letters, digits and +=,.@_-", n.User)
	}
	if n.Account != "" && !accountPattern.MatchString(n.Account) {
		return lambda.Credentials{}, lambda.Errorf(lambda.InvalidParameter, "%q is not an account: twelve digits", n.Account)
	}
	for _, text := range n.Policies {
		if _, err := policy.Parse(text, policy.OfIdentity); err != nil {
			return lambda.Credentials{}, lambda.Errorf(lambda.InvalidParameter, "the policy can't be used: %v", err)
		}
	}
	secret := base64.StdEncoding.EncodeToString(randomBytes(30))
	stored := store.AccessKey{ID: "AKIA" + idText(randomBytes(10)), User: n.User, Account: n.Account, Policies: n.Policies, Created: a.Now().UTC()}
	stored.Secret = a.Sealer.Seal([]byte(secret), sealedFor(stored.ID))
	k, err := a.unseal(stored)
	if err != nil {
		return lambda.Credentials{}, err
	}
	err = a.change(func(keys map[string]key) error {
		keys[stored.ID] = k
		return a.Keys.PutAccessKey(ctx, stored)
	})
	if err != nil {
		return lambda.Credentials{}, err
	}
	return lambda.Credentials{AccessKey: stored.ID, Secret: secret}, nil
}

// ListKeys lists the keys by user, without secrets.
func (a *Access) ListKeys() []store.AccessKey {
	all := []store.AccessKey{}
	for _, k := range *a.keys.Load() {
		k.Secret = ""
		all = append(all, k.AccessKey)
	}
	slices.SortFunc(all, func(a, b store.AccessKey) int {
		if c := strings.Compare(a.User, b.User); c != 0 {
			return c
		}
		return a.Created.Compare(b.Created)
	})
	return all
}

// RevokeKeys ends a key, or all keys of a user, and tells how many there were. From
// its return on nobody is let in with them, nor with sessions that they began.
func (a *Access) RevokeKeys(ctx context.Context, keyOrUser string) (int, error) {
	revoked := 0
	err := a.change(func(keys map[string]key) error {
		for id, k := range keys {
			if id != keyOrUser && k.User != keyOrUser {
				continue
			}
			if err := a.Keys.DeleteAccessKey(ctx, id); err != nil {
				return fmt.Errorf("revoke %s: %w", id, err)
			}
			delete(keys, id)
			revoked++
		}
		return nil
	})
	return revoked, err
}

// change writes first and shows then. What was written of a change that failed in
// the middle is shown too.
func (a *Access) change(edit func(map[string]key) error) error {
	a.writing.Lock()
	defer a.writing.Unlock()
	next := maps.Clone(*a.keys.Load())
	err := edit(next)
	if err == nil || len(next) < len(*a.keys.Load()) {
		a.keys.Store(&next)
	}
	return err
}

// key finds a lasting key.
func (a *Access) key(id string) (key, bool) {
	if id == a.owner.ID {
		return a.owner, true
	}
	k, ok := (*a.keys.Load())[id]
	return k, ok
}

// caller is who a lasting key belongs to.
func (a *Access) caller(k key) lambda.Caller {
	if k.ID == a.owner.ID {
		c := a.root()
		c.AccessKey = k.ID
		return c
	}
	return lambda.Caller{
		Account: k.Account, ARN: "arn:" + a.Home.Partition + ":iam::" + k.Account + ":user/" + k.User,
		UserID: "AIDA" + hashed(k.Account+"/"+k.User), User: k.User, AccessKey: k.ID, Key: k.ID,
	}
}

func (a *Access) root() lambda.Caller {
	return lambda.Caller{
		Account: a.Home.Account, ARN: "arn:" + a.Home.Partition + ":iam::" + a.Home.Account + ":root", UserID: a.Home.Account,
	}
}
