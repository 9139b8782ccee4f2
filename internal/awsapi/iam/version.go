package iam

import (
	"context"
	"slices"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

type xmlVersion struct {
	Document         string `xml:",omitempty"`
	VersionID        string `xml:"VersionId"`
	IsDefaultVersion bool
	CreateDate       string
}

type versionResult struct{ PolicyVersion xmlVersion }

func (a *api) createPolicyVersion(ctx context.Context, f *query.Form) (any, error) {
	document, counts := f.Text("PolicyDocument", rule.document), f.Flag("SetAsDefault")
	arn, err := policyARN(f)
	if err != nil {
		return nil, err
	}
	v, err := a.keeper.AddVersion(ctx, arn, document, counts)
	if err != nil {
		return nil, err
	}
	return versionResult{xmlVersion{"", versionID(v.Number), counts, when(v.Created)}}, nil
}

// arnAndVersion reads what most operations on versions are about.
func arnAndVersion(f *query.Form) (arn, id string, err error) {
	id = f.Text("VersionId", rule.version)
	arn, err = policyARN(f)
	return arn, id, err
}

func (a *api) getPolicyVersion(_ context.Context, f *query.Form) (any, error) {
	arn, id, err := arnAndVersion(f)
	if err != nil {
		return nil, err
	}
	p, err := a.keeper.Policy(arn)
	if err != nil {
		return nil, err
	}
	v, err := a.keeper.Version(arn, id)
	if err != nil {
		return nil, err
	}
	return versionResult{xmlVersion{escape(v.Document), id, v.Number == p.Default, when(v.Created)}}, nil
}

type versionsResult struct {
	Versions query.List[xmlVersion]
	page
}

// listPolicyVersions lists the newest first, without the documents.
func (a *api) listPolicyVersions(_ context.Context, f *query.Form) (any, error) {
	p, err := a.policy(f)
	if err != nil {
		return nil, err
	}
	versions := slices.Clone(p.Versions)
	slices.Reverse(versions)
	some, page, err := cut(f, versions, func(v lambda.PolicyVersion) string { return versionID(v.Number) })
	if err != nil {
		return nil, err
	}
	result := versionsResult{page: page}
	for _, v := range some {
		result.Versions.Members = append(result.Versions.Members, xmlVersion{"", versionID(v.Number), v.Number == p.Default, when(v.Created)})
	}
	return result, nil
}

func (a *api) setDefaultPolicyVersion(ctx context.Context, f *query.Form) (any, error) {
	arn, id, err := arnAndVersion(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.SetDefault(ctx, arn, id)
}

func (a *api) deletePolicyVersion(ctx context.Context, f *query.Form) (any, error) {
	arn, id, err := arnAndVersion(f)
	if err != nil {
		return nil, err
	}
	return nil, a.keeper.DeleteVersion(ctx, arn, id)
}
