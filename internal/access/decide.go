package access

import (
	"context"
	"strconv"

	"lambent/internal/lambda"
	"lambent/internal/policy"
)

// Authorize refuses what no policy allows, or what one denies; the refusal is a
// *lambda.Error in AWS's words. Where nobody is refused it allows everything.
func (a *Access) Authorize(ctx context.Context, who lambda.Caller, act lambda.Act) error {
	if !a.Enforce {
		return nil
	}
	resource, err := a.all(act.Policies, policy.OfResource)
	if err != nil {
		return err
	}
	d, err := a.decide(ctx, who, act, resource, false)
	if err != nil || d.Allowed {
		return err
	}
	return denied(who, act, " "+d.Reason(act.Action))
}

func denied(who lambda.Caller, act lambda.Act, reason string) error {
	name := who.ARN
	if name == "" {
		name = "anonymous"
	}
	return lambda.Errorf(lambda.AccessDenied, "User: %s is not authorized to perform: %s on resource: %s%s", name, act.Action, act.Resource, reason)
}

func (a *Access) decide(ctx context.Context, who lambda.Caller, act lambda.Act, resource []*policy.Document, byResource bool) (policy.Decision, error) {
	p := policy.Policies{Resource: resource, Limited: who.Limited}
	var err error
	if p.Identity, err = a.identity(ctx, who); err != nil {
		return policy.Decision{}, err
	}
	if p.Boundary, p.Bounded, err = a.boundary(ctx, who); err != nil {
		return policy.Decision{}, err
	}
	if who.Limited {
		if p.Session, err = a.all([]string{who.Policy}, policy.OfIdentity); err != nil {
			return policy.Decision{}, err
		}
	}
	owner := act.Owner
	if owner == "" {
		owner = a.Home.Account
	}
	return policy.Decide(policy.Request{
		Principal: policy.Principal{Account: who.Account, ARN: who.ARN, Role: who.Role},
		Action:    act.Action, Resource: act.Resource, Owner: owner, ByResource: byResource,
		Context: a.context(who, act),
	}, p), nil
}

// identity are the policies of a caller. A role that is not there has none, and a
// key that was revoked a moment ago neither.
func (a *Access) identity(ctx context.Context, who lambda.Caller) ([]*policy.Document, error) {
	switch {
	case who.Role != "":
		_, texts, _, err := a.role(ctx, who.Role)
		if err != nil {
			return nil, err
		}
		return a.all(texts, policy.OfIdentity)
	case who.Key != "":
		k, _ := a.key(who.Key)
		return k.policies, nil
	}
	return nil, nil
}

// boundary is what bounds the role of a caller.
func (a *Access) boundary(ctx context.Context, who lambda.Caller) ([]*policy.Document, bool, error) {
	if who.Role == "" || a.Roles == nil {
		return nil, false, nil
	}
	text, bounded, err := a.Roles.RoleBoundary(ctx, who.Role)
	if err != nil || !bounded {
		return nil, false, err
	}
	documents, err := a.all([]string{text}, policy.OfIdentity)
	return documents, true, err
}

func (a *Access) role(ctx context.Context, arn string) (trust string, documents []string, found bool, err error) {
	if a.Roles == nil {
		return "", nil, false, nil
	}
	return a.Roles.RolePolicies(ctx, arn)
}

func (a *Access) roleID(arn string) string {
	if a.Roles == nil {
		return ""
	}
	return a.Roles.RoleID(arn)
}

// all reads documents that were judged when they came. One that can't be read all
// the same must not be passed over: it may deny.
func (a *Access) all(texts []string, kind policy.Kind) ([]*policy.Document, error) {
	documents := make([]*policy.Document, len(texts))
	for i, text := range texts {
		var err error
		if documents[i], err = a.document(text, kind); err != nil {
			return nil, err
		}
	}
	return documents, nil
}

// context answers the condition keys that every action has, and the act's own
// ("AWS global condition context keys").
func (a *Access) context(who lambda.Caller, act lambda.Act) policy.Context {
	now := a.Now().UTC()
	return func(key string) ([]string, bool) {
		if values, ok := act.Conditions[key]; ok {
			return values, values != nil
		}
		text := ""
		switch key {
		case "aws:sourceip":
			text = who.SourceIP
		case "aws:useragent":
			text = who.UserAgent
		case "aws:referer":
			text = who.Referer
		case "aws:securetransport":
			text = strconv.FormatBool(who.Secure)
		case "aws:currenttime":
			text = now.Format("2006-01-02T15:04:05Z")
		case "aws:epochtime":
			text = strconv.FormatInt(now.Unix(), 10)
		case "aws:requestedregion":
			text = a.Home.Region
		case "aws:resourceaccount":
			if text = act.Owner; text == "" {
				text = a.Home.Account
			}
		case "aws:principalarn":
			if text = who.Role; text == "" {
				text = who.ARN
			}
		case "aws:principalaccount":
			text = who.Account
		case "aws:principaltype":
			text = principalType(who)
		case "aws:principalisawsservice", "aws:viaawsservice":
			text = "false"
		case "aws:userid":
			text = who.UserID
		case "aws:username":
			text = who.User
		case "aws:tokenissuetime":
			if !who.Issued.IsZero() {
				text = who.Issued.UTC().Format("2006-01-02T15:04:05Z")
			}
		case "lambda:sourcefunctionarn":
			text = who.Function
		}
		return []string{text}, text != ""
	}
}

func principalType(who lambda.Caller) string {
	switch {
	case who.Account == "":
		return "Anonymous"
	case who.Root():
		return "Account"
	case who.Role != "":
		return "AssumedRole"
	}
	return "User"
}

// CheckFunctionRole holds a caller to what CreateFunction and
// UpdateFunctionConfiguration ask of it and of a role: that it may pass it on, and
// that the role trusts Lambda.
func (a *Access) CheckFunctionRole(ctx context.Context, who lambda.Caller, arn string) error {
	if !a.Enforce {
		return nil
	}
	if err := a.mayPass(ctx, who, arn, lambdaService); err != nil {
		return err
	}
	return a.trusted(ctx, arn)
}

// trusted refuses a role that is not there, or that does not trust Lambda.
func (a *Access) trusted(ctx context.Context, arn string) error {
	ok, err := a.trusts(ctx, arn, lambdaService)
	if err == nil && !ok {
		return lambda.Errorf(lambda.InvalidParameter, "The role defined for the function cannot be assumed by Lambda.")
	}
	return err
}

// trusts tells whether a role is there and lets a service of AWS assume it.
func (a *Access) trusts(ctx context.Context, arn, service string) (bool, error) {
	trust, _, found, err := a.role(ctx, arn)
	if err != nil {
		return false, err
	}
	if r, ok := parseRole(arn); !found || !ok || r.account != a.Home.Account {
		return false, nil
	}
	documents, err := a.all([]string{trust}, policy.OfTrust)
	if err != nil {
		return false, err
	}
	d := policy.Decide(policy.Request{
		Principal: policy.Principal{Service: service}, Action: "sts:AssumeRole", Resource: arn, Owner: a.Home.Account, ByResource: true,
		Context: a.context(lambda.Caller{}, lambda.Act{}),
	}, policy.Policies{Resource: documents})
	return d.Allowed, nil
}

// FunctionMay refuses what the role of a function does not let the function do, or
// Lambda in its place.
func (a *Access) FunctionMay(ctx context.Context, role, functionARN string, act lambda.Act) error {
	if !a.Enforce {
		return nil
	}
	if err := a.trusted(ctx, role); err != nil {
		return err
	}
	who, ok := a.sessionCaller(&session{Role: role, RoleID: a.roleID(role), Name: sessionOf(functionARN), Function: functionARN, Issued: a.Now()})
	if !ok {
		return denied(lambda.Caller{}, act, "")
	}
	return a.Authorize(ctx, who, act)
}
