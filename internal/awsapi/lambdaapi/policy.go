package lambdaapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// Policies keeps who else may use functions; each function, version and alias
// has a policy of its own.
type Policies interface {
	AddPermission(ctx context.Context, function, qualifier string, p lambda.Permission) (lambda.Statement, error)
	RemovePermission(ctx context.Context, function, qualifier, statementID, revisionID string) error
	Policy(ctx context.Context, function, qualifier string) (lambda.Policy, error)
}

// LayerPolicies keeps who else may use layer versions.
type LayerPolicies interface {
	// AddLayerPermission answers the policy after it as well.
	AddLayerPermission(ctx context.Context, layer string, number int64, p lambda.Permission) (lambda.Statement, lambda.Policy, error)
	RemoveLayerPermission(ctx context.Context, layer string, number int64, statementID, revisionID string) error
	LayerPolicy(ctx context.Context, layer string, number int64) (lambda.Policy, error)
}

func (a *API) registerPolicies() {
	s := a.service
	awsapi.Handle(s, "AddPermission", a.addPermission)
	awsapi.Handle(s, "RemovePermission", a.removePermission)
	awsapi.Handle(s, "GetPolicy", a.getPolicy)
	awsapi.Handle(s, "AddLayerVersionPermission", a.addLayerVersionPermission)
	awsapi.Handle(s, "RemoveLayerVersionPermission", a.removeLayerVersionPermission)
	awsapi.Handle(s, "GetLayerVersionPolicy", a.getLayerVersionPolicy)
}

func (a *API) addPermission(ctx context.Context, in *sdk.AddPermissionInput) (*sdk.AddPermissionOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	statement, err := a.Catalog.AddPermission(ctx, ref.Name, ref.Qualifier, lambda.Permission{
		StatementID: *in.StatementId, Action: *in.Action, Principal: *in.Principal,
		SourceARN: aws.ToString(in.SourceArn), SourceAccount: aws.ToString(in.SourceAccount), EventSourceToken: aws.ToString(in.EventSourceToken),
		OrganizationID: aws.ToString(in.PrincipalOrgID), URLAuthType: string(in.FunctionUrlAuthType), ViaURL: in.InvokedViaFunctionUrl,
		RevisionID: aws.ToString(in.RevisionId),
	})
	if err != nil {
		return nil, err
	}
	return &sdk.AddPermissionOutput{Statement: aws.String(statement.JSON())}, nil
}

func (a *API) removePermission(ctx context.Context, in *sdk.RemovePermissionInput) (*sdk.RemovePermissionOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	return &sdk.RemovePermissionOutput{}, a.Catalog.RemovePermission(ctx, ref.Name, ref.Qualifier, *in.StatementId, aws.ToString(in.RevisionId))
}

func (a *API) getPolicy(ctx context.Context, in *sdk.GetPolicyInput) (*sdk.GetPolicyOutput, error) {
	ref, err := a.qualified(*in.FunctionName, aws.ToString(in.Qualifier))
	if err != nil {
		return nil, err
	}
	policy, err := a.Catalog.Policy(ctx, ref.Name, ref.Qualifier)
	if err != nil {
		return nil, err
	}
	return &sdk.GetPolicyOutput{Policy: aws.String(policy.JSON()), RevisionId: aws.String(policy.RevisionID)}, nil
}

func (a *API) addLayerVersionPermission(ctx context.Context, in *sdk.AddLayerVersionPermissionInput) (*sdk.AddLayerVersionPermissionOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	statement, policy, err := a.Catalog.AddLayerPermission(ctx, name, aws.ToInt64(in.VersionNumber), lambda.Permission{
		StatementID: *in.StatementId, Action: *in.Action, Principal: *in.Principal,
		OrganizationID: aws.ToString(in.OrganizationId), RevisionID: aws.ToString(in.RevisionId),
	})
	if err != nil {
		return nil, err
	}
	return &sdk.AddLayerVersionPermissionOutput{Statement: aws.String(statement.JSON()), RevisionId: aws.String(policy.RevisionID)}, nil
}

func (a *API) removeLayerVersionPermission(ctx context.Context, in *sdk.RemoveLayerVersionPermissionInput) (*sdk.RemoveLayerVersionPermissionOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	return &sdk.RemoveLayerVersionPermissionOutput{}, a.Catalog.RemoveLayerPermission(ctx, name, aws.ToInt64(in.VersionNumber), *in.StatementId, aws.ToString(in.RevisionId))
}

func (a *API) getLayerVersionPolicy(ctx context.Context, in *sdk.GetLayerVersionPolicyInput) (*sdk.GetLayerVersionPolicyOutput, error) {
	name, err := a.layer(*in.LayerName)
	if err != nil {
		return nil, err
	}
	policy, err := a.Catalog.LayerPolicy(ctx, name, aws.ToInt64(in.VersionNumber))
	if err != nil {
		return nil, err
	}
	return &sdk.GetLayerVersionPolicyOutput{Policy: aws.String(policy.JSON()), RevisionId: aws.String(policy.RevisionID)}, nil
}
