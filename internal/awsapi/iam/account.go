package iam

import (
	"context"
	"time"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

type userResult struct {
	User struct {
		UserID     string `xml:"UserId"`
		Arn        string
		CreateDate string
	}
}

// getUser knows the account's root user only, whom tools ask for to learn the
// account.
func (a *api) getUser(_ context.Context, f *query.Form) (any, error) {
	name := f.Optional("UserName", query.Rule{Min: 1, Max: 128, Pattern: rule.roleName.Pattern, Said: names})
	if err := f.Err(); err != nil {
		return nil, err
	}
	if name != "" {
		return nil, lambda.Errorf(lambda.NotFound, "The user with name %s cannot be found.", name)
	}
	var result userResult
	result.User.UserID, result.User.Arn = a.home.Account, "arn:"+a.home.Partition+":iam::"+a.home.Account+":root"
	result.User.CreateDate = when(time.Unix(0, 0))
	return result, nil
}

type aliasesResult struct {
	AccountAliases query.List[string]
	page
}

// listAccountAliases: the account has none.
func (a *api) listAccountAliases(context.Context, *query.Form) (any, error) {
	return aliasesResult{}, nil
}
