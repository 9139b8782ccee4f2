// Package roles is the owner of IAM's part of Lambent: roles, their inline
// policies, and managed policies. It is what tools need before they can make a
// function, and what says later what the function may do.
//
// Everything is in memory, and in the store first: a change is decided, written,
// and only then shown. Changes come one after another, since there are few of
// them and some concern two things (a policy that is attached cannot be
// deleted). Readers never wait for a change that is being written.
//
// Policies that AWS manages are here as they are on AWS, in their newest version
// only, as far as users of Lambda attach them (managed.json). A document that is not
// known exactly is not here: attaching it is refused, instead of giving a role
// less or more than on AWS.
//
// Errors that a caller may read are *lambda.Error in IAM's own words:
//
//	NotFound         NoSuchEntity
//	Conflict         EntityAlreadyExists
//	InUse            DeleteConflict
//	LimitExceeded    LimitExceeded
//	MalformedPolicy  MalformedPolicyDocument
//	InvalidParameter InvalidInput
//	AccessDenied     AccessDenied
package roles
