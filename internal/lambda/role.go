package lambda

import "time"

// Role is an IAM role: who may take it on, and what it may do then.
type Role struct {
	Name        string
	Path        string // "/" or "/.../"
	ID          string // "AROA" and 17 letters or digits
	ARN         string
	Created     time.Time
	Description string
	Trust       string // the policy that says who may take it on, as it was given
	MaxSession  int    // seconds
	Boundary    string // ARN of the policy that bounds it; empty: none
	Tags        []Tag  // in the order in which they came
	Inline      []InlinePolicy
	Attached    []string // ARNs of managed policies, in the order in which they came
}

// InlinePolicy is a policy that belongs to one role.
type InlinePolicy struct {
	Name     string
	Document string // as it was given
}

// Tag is a key and its value where AWS keeps the order of tags.
type Tag struct{ Key, Value string }

// ManagedPolicy is a policy that roles share.
type ManagedPolicy struct {
	Name        string
	Path        string // "/" or "/.../"
	ID          string // "ANPA" and 17 letters or digits
	ARN         string
	Description string
	Created     time.Time
	Updated     time.Time
	Tags        []Tag
	Versions    []PolicyVersion // the oldest first
	Default     int             // the number of the version that counts
	Last        int             // the highest number that was ever given
}

// PolicyVersion is one of a managed policy's documents.
type PolicyVersion struct {
	Number   int
	Document string // as it was given
	Created  time.Time
}

// DefaultVersion is the version that counts.
func (p ManagedPolicy) DefaultVersion() PolicyVersion {
	for _, v := range p.Versions {
		if v.Number == p.Default {
			return v
		}
	}
	return PolicyVersion{}
}

// RoleARN names a role.
func (h Home) RoleARN(path, name string) string { return h.global() + "role" + path + name }

// ManagedPolicyARN names a managed policy of this account.
func (h Home) ManagedPolicyARN(path, name string) string { return h.global() + "policy" + path + name }

func (h Home) global() string { return "arn:" + h.Partition + ":iam::" + h.Account + ":" }

// RoleChange is what a caller changes of a role. A nil member was not given.
type RoleChange struct {
	Description *string
	MaxSession  *int // seconds
}
