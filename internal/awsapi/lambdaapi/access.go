package lambdaapi

import (
	"context"
	"strings"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

// Access knows what callers may do. Its refusals are *lambda.Error.
type Access interface {
	Authorize(ctx context.Context, who lambda.Caller, act lambda.Act) error
	// CheckFunctionRole holds a caller to what giving a role to a function takes.
	CheckFunctionRole(ctx context.Context, who lambda.Caller, roleARN string) error
}

// subject is what kind of thing an operation is about; from it and the input
// comes the resource that policies speak of ("Actions, resources, and condition keys
// for AWS Lambda").
type subject int

const (
	all         subject = iota // the action has no resource
	aFunction                  // FunctionName, with Qualifier where the operation has one
	aLayer                     // LayerName
	aLayerVer                  // LayerName and VersionNumber
	aLayerARN                  // Arn
	aSigning                   // CodeSigningConfigArn
	aMapping                   // UUID
	tagged                     // Resource, an ARN
	aProvider                  // CapacityProviderName
	anExecution                // DurableExecutionArn
	aResource                  // ResourceArn
)

// otherSubjects are the operations that are not about a function.
func otherSubjects() map[string]subject {
	return map[string]subject{
		"CreateCodeSigningConfig": all, "CreateEventSourceMapping": all, "GetAccountSettings": all, "ListCodeSigningConfigs": all,
		"ListEventSourceMappings": all, "ListFunctions": all, "ListLayers": all, "ListLayerVersions": all, "ListCapacityProviders": all,
		"CreateCapacityProvider": aProvider, "DeleteCapacityProvider": aProvider, "GetCapacityProvider": aProvider,
		"UpdateCapacityProvider": aProvider, "ListFunctionVersionsByCapacityProvider": aProvider,
		"PublishLayerVersion": aLayer, "GetLayerVersionByArn": aLayerARN,
		"AddLayerVersionPermission": aLayerVer, "DeleteLayerVersion": aLayerVer, "GetLayerVersion": aLayerVer,
		"GetLayerVersionPolicy": aLayerVer, "RemoveLayerVersionPermission": aLayerVer,
		"DeleteCodeSigningConfig": aSigning, "GetCodeSigningConfig": aSigning, "UpdateCodeSigningConfig": aSigning, "ListFunctionsByCodeSigningConfig": aSigning,
		"DeleteEventSourceMapping": aMapping, "GetEventSourceMapping": aMapping, "UpdateEventSourceMapping": aMapping,
		"ListTags": tagged, "TagResource": tagged, "UntagResource": tagged,
		"CheckpointDurableExecution": anExecution, "GetDurableExecution": anExecution, "GetDurableExecutionHistory": anExecution,
		"GetDurableExecutionState": anExecution, "StopDurableExecution": anExecution,
		"SendDurableExecutionCallbackFailure": all, "SendDurableExecutionCallbackHeartbeat": all, "SendDurableExecutionCallbackSuccess": all,
		"DeleteResourcePolicy": aResource, "GetResourcePolicy": aResource, "PutResourcePolicy": aResource,
	}
}

// qualifiable tells the operations that take a Qualifier.
func qualifiable(m *awsapi.Model) map[string]bool {
	all := map[string]bool{}
	for _, name := range m.Operations() {
		op, _ := m.Operation(name)
		for _, member := range op.Input.Members {
			all[name] = all[name] || member.Name == "Qualifier"
		}
	}
	return all
}

// actionOf is an operation in the words of policies; a few share one.
func actionOf(operation string) string {
	switch operation {
	case "Invoke", "InvokeAsync", "InvokeWithResponseStream":
		return "lambda:InvokeFunction"
	case "GetLayerVersionByArn":
		return "lambda:GetLayerVersion"
	}
	return "lambda:" + operation
}

// authorize refuses what the caller of an operation may not do.
func (a *API) authorize(ctx context.Context, operation string, in awsapi.Input) error {
	if err := a.authorizeSubject(ctx, operation, in); err != nil {
		return err
	}
	if err := a.authorizeSource(ctx, operation, in); err != nil {
		return err
	}
	return a.authorizeLayers(ctx, operation, in)
}

func (a *API) authorizeSubject(ctx context.Context, operation string, in awsapi.Input) error {
	act := lambda.Act{Action: actionOf(operation), Resource: "*", Conditions: a.conditions(operation, in)}
	arn := func(resource string) {
		act.Resource = strings.TrimSuffix(a.Home.FunctionARN("", ""), "function:") + resource
	}
	switch kind, other := a.subjects[operation]; {
	case !other:
		return a.authorizeFunction(ctx, act, a.aimedAt(operation, in))
	case kind == aLayer:
		arn("layer:" + layerName(in.Text("LayerName")))
	case kind == aLayerVer:
		return a.authorizeLayer(ctx, act, layerName(in.Text("LayerName")), in.Text("VersionNumber"))
	case kind == aLayerARN:
		return a.authorizeLayerARN(ctx, act, in.Text("Arn"))
	case kind == aSigning:
		act.Resource = in.Text("CodeSigningConfigArn")
	case kind == aMapping:
		return a.authorizeMapping(ctx, act, in.Text("UUID"))
	case kind == tagged:
		return a.authorizeTags(ctx, act, in.Text("Resource"))
	case kind == aProvider:
		arn("capacity-provider:" + in.Text("CapacityProviderName"))
	case kind == anExecution:
		act.Resource = in.Text("DurableExecutionArn")
	case kind == aResource:
		act.Resource = in.Text("ResourceArn")
	}
	return a.permit(ctx, act)
}

// aimedAt is what an operation on a function is about. Where it has a Qualifier, that
// may be written in the name, too; one that has none is about the function, whatever
// is written after its name. A member of the name Qualifier in the body of such an
// operation means nothing to it, and must mean nothing here.
func (a *API) aimedAt(operation string, in awsapi.Input) lambda.Reference {
	ref := referenceOf(in.Text("FunctionName"))
	qualifier := in.Text("Qualifier")
	switch {
	case !a.qualifiable[operation]:
		ref.Qualifier = ""
	case qualifier != "":
		ref.Qualifier = qualifier
	}
	return ref
}

// referenceOf reads a name or an ARN. What is neither the operation will refuse.
func referenceOf(written string) lambda.Reference {
	_, short := cutRegion(written)
	ref, err := lambda.ParseReference(short)
	if err != nil {
		return lambda.Reference{Name: written}
	}
	return ref
}

// permit asks whether the caller may, for something of this account. Who is of
// another one has nothing here but what a resource's policy gives.
func (a *API) permit(ctx context.Context, act lambda.Act) error {
	who, _ := awsapi.CallerOf(ctx)
	return a.Access.Authorize(ctx, who, act)
}

// authorizeFunction asks for something on a function, a version or an alias. A name
// without an account means the caller's own.
func (a *API) authorizeFunction(ctx context.Context, act lambda.Act, ref lambda.Reference) error {
	who, _ := awsapi.CallerOf(ctx)
	home := a.Home
	if home.Account = ref.Account; home.Account == "" {
		if home.Account = who.Account; home.Account == "" {
			home.Account = a.Home.Account
		}
	}
	act.Resource, act.Owner = home.FunctionARN(ref.Name, ref.Qualifier), home.Account
	if home.Account == a.Home.Account {
		a.addFunction(ctx, &act, ref)
	}
	if err := a.Access.Authorize(ctx, who, act); err != nil {
		return err
	}
	if home.Account != a.Home.Account {
		return lambda.Errorf(lambda.NotFound, "Function not found: %s", act.Resource)
	}
	return nil
}

// addFunction adds what the function itself says: its policy and its tags.
func (a *API) addFunction(ctx context.Context, act *lambda.Act, ref lambda.Reference) {
	if p, err := a.Catalog.Policy(ctx, ref.Name, ref.Qualifier); err == nil { // or there is none
		act.Policies = []string{p.JSON()}
	}
	tags, _ := a.Catalog.Tags(ctx, ref.Name) // or there are none
	addTags(act, tags)
}

func addTags(act *lambda.Act, tags map[string]string) {
	if act.Conditions == nil {
		act.Conditions = map[string][]string{}
	}
	for key, value := range tags {
		act.Conditions["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
	}
}

// authorizeMapping asks for something on an event source mapping, whose function
// policies may name. Who gives it to another function needs the right for both.
func (a *API) authorizeMapping(ctx context.Context, act lambda.Act, uuid string) error {
	const key = "lambda:functionarn"
	act.Resource = a.Home.EventSourceMappingARN(uuid)
	m, err := a.Catalog.Mapping(ctx, uuid)
	if err != nil { // there is none, which the operation will say
		return a.permit(ctx, act)
	}
	act.Resource = a.Home.EventSourceMappingARN(m.UUID)
	addTags(&act, m.Tags)
	next := act.Conditions[key]
	act.Conditions[key] = []string{a.Home.FunctionARN(m.Function, m.Qualifier)}
	if err := a.permit(ctx, act); err != nil || next == nil {
		return err
	}
	act.Conditions[key] = next
	return a.permit(ctx, act)
}

// authorizeTags asks for something on what an ARN names.
func (a *API) authorizeTags(ctx context.Context, act lambda.Act, arn string) error {
	if strings.Contains(arn, ":function:") {
		return a.authorizeFunction(ctx, act, referenceOf(arn))
	}
	act.Resource = arn
	return a.permit(ctx, act)
}

func layerName(written string) string {
	if ref, err := lambda.ParseLayerARN(written); err == nil {
		return ref.Name
	}
	return written
}

// authorizeLayerARN names a version as the operation will find it: its number may be
// written with zeros before it, and the ARN with another partition.
func (a *API) authorizeLayerARN(ctx context.Context, act lambda.Act, arn string) error {
	act.Resource = arn
	if ref, err := lambda.ParseLayerARN(arn); err == nil && a.layerReachable(ref) == nil {
		act.Resource = a.Home.LayerVersionARN(ref.Name, ref.Version)
		if p, err := a.Catalog.LayerPolicy(ctx, ref.Name, ref.Version); err == nil { // or there is none
			act.Policies = []string{p.JSON()}
		}
	}
	return a.permit(ctx, act)
}

// layersNamed are the ARNs of layers in that form.
func (a *API) layersNamed(arns []string) []string {
	for i, arn := range arns {
		if ref, err := lambda.ParseLayerARN(arn); err == nil && a.layerReachable(ref) == nil {
			arns[i] = a.Home.LayerVersionARN(ref.Name, ref.Version)
		}
	}
	return arns
}

func (a *API) authorizeLayer(ctx context.Context, act lambda.Act, name, number string) error {
	return a.authorizeLayerARN(ctx, act, a.Home.LayerARN(name)+":"+number)
}

// authorizeInvoke is authorize for the operations that read their own request.
func (a *API) authorizeInvoke(ctx context.Context, ref lambda.Reference) error {
	if a.Access == nil {
		return nil
	}
	return a.authorizeFunction(ctx, lambda.Act{Action: actionOf("Invoke")}, ref)
}

// checkRole holds the caller to what giving a role to a function takes.
func (a *API) checkRole(ctx context.Context, role *string) error {
	if a.Access == nil || role == nil {
		return nil
	}
	who, _ := awsapi.CallerOf(ctx)
	return a.Access.CheckFunctionRole(ctx, who, *role)
}

// conditions are the condition keys of Lambda's own that an operation fills.
func (a *API) conditions(operation string, in awsapi.Input) map[string][]string {
	c := map[string][]string{}
	set := func(key string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			c[key] = values
		}
	}
	switch operation {
	case "CreateFunction":
		set("lambda:codesigningconfigarn", in.Text("CodeSigningConfigArn"))
		fallthrough
	case "UpdateFunctionConfiguration":
		set("lambda:layer", a.layersNamed(in.Texts("Layers"))...)
		set("lambda:subnetids", in.Texts("VpcConfig", "SubnetIds")...)
		set("lambda:securitygroupids", in.Texts("VpcConfig", "SecurityGroupIds")...)
	case "PutFunctionCodeSigningConfig":
		set("lambda:codesigningconfigarn", in.Text("CodeSigningConfigArn"))
	case "AddPermission":
		set("lambda:principal", in.Text("Principal"))
		set("lambda:functionurlauthtype", in.Text("FunctionUrlAuthType"))
	case "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig":
		set("lambda:functionurlauthtype", in.Text("AuthType"))
		set("lambda:functionarn", a.functionARN(in.Text("FunctionName")))
	case "CreateEventSourceMapping", "UpdateEventSourceMapping":
		set("lambda:functionarn", a.functionARN(in.Text("FunctionName")))
	}
	if keys := in.Names("Tags"); len(keys) > 0 {
		c["aws:tagkeys"] = keys
		for _, key := range keys {
			c["aws:requesttag/"+strings.ToLower(key)] = []string{in.Text("Tags", key)}
		}
	}
	set("aws:tagkeys", in.Texts("TagKeys")...)
	return c
}

// functionARN is a function as it was written, as an ARN; empty where none was.
func (a *API) functionARN(written string) string {
	_, short := cutRegion(written)
	ref, err := lambda.ParseReference(short)
	if err != nil {
		return ""
	}
	return a.Home.FunctionARN(ref.Name, ref.Qualifier)
}
