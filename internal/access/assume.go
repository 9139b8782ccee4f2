package access

import (
	"context"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/policy"
)

// chained is how long a session may be that another session began.
const chained = time.Hour

// AssumeRole begins a session of a role, of which names and lengths are within their
// limits. It answers who that session is, besides.
func (a *Access) AssumeRole(ctx context.Context, who lambda.Caller, as lambda.Assumption) (lambda.Credentials, lambda.Caller, error) {
	var none lambda.Credentials
	if _, ok := parseRole(as.Role); !ok {
		return none, lambda.Caller{}, lambda.Errorf(lambda.Validation, "%s is invalid", as.Role)
	}
	if as.Limited {
		if _, err := policy.Parse(as.Policy, policy.OfIdentity); err != nil {
			return none, lambda.Caller{}, lambda.Errorf(lambda.MalformedPolicy, "%v", err)
		}
	}
	if who.Role != "" && as.Length > chained {
		return none, lambda.Caller{}, lambda.Errorf(lambda.Validation, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	id := a.roleID(as.Role) // that of the role which is asked, should another one take its place meanwhile
	if a.Enforce {
		if err := a.mayAssume(ctx, who, as); err != nil {
			return none, lambda.Caller{}, err
		}
	}
	return a.begin(session{Role: as.Role, RoleID: id, Name: as.Session, Limited: as.Limited, Policy: as.Policy, Unproved: !a.Enforce}, as.Length)
}

func (a *Access) begin(s session, length time.Duration) (lambda.Credentials, lambda.Caller, error) {
	credentials := a.issue(s, length)
	opened, err := a.open(credentials.Token)
	if err != nil {
		return lambda.Credentials{}, lambda.Caller{}, err
	}
	c, ok := a.sessionCaller(opened)
	if !ok { // judged before; but the role is gone since
		return lambda.Credentials{}, lambda.Caller{}, lambda.Errorf(lambda.UnknownKey, unknownText)
	}
	return credentials, c, nil
}

// mayAssume asks the role's trust policy, and the caller's own where that leaves it
// to the account. STS never says what was missing.
func (a *Access) mayAssume(ctx context.Context, who lambda.Caller, as lambda.Assumption) error {
	act := lambda.Act{Action: "sts:AssumeRole", Resource: as.Role, Conditions: map[string][]string{"sts:rolesessionname": {as.Session}}}
	if as.ExternalID != "" {
		act.Conditions["sts:externalid"] = []string{as.ExternalID}
	}
	trust, _, found, err := a.role(ctx, as.Role)
	if err != nil {
		return err
	}
	if r, _ := parseRole(as.Role); !found || r.account != a.Home.Account {
		return denied(who, act, "")
	}
	documents, err := a.all([]string{trust}, policy.OfTrust)
	if err != nil {
		return err
	}
	d, err := a.decide(ctx, who, act, documents, true)
	if err == nil && !d.Allowed {
		return denied(who, act, "")
	}
	if err == nil && as.Length > a.Roles.LongestSession(as.Role) {
		return lambda.Errorf(lambda.Validation, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return err
}

// SessionToken begins a session of the user that asks, with the user's rights.
func (a *Access) SessionToken(who lambda.Caller, length time.Duration) (lambda.Credentials, error) {
	if !who.Issued.IsZero() {
		return lambda.Credentials{}, lambda.Errorf(lambda.AccessDenied, "Cannot call GetSessionToken with session credentials")
	}
	key := who.Key
	switch {
	case key != "":
	case who.Root():
		key = a.owner.ID
	default:
		return lambda.Credentials{}, lambda.Errorf(lambda.AccessDenied, "Cannot call GetSessionToken without credentials")
	}
	return a.issue(session{Key: key, Unproved: !a.Enforce}, length), nil
}
