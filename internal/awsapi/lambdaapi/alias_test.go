package lambdaapi

import (
	"errors"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const aliasesPath = functionsPath + "/f/aliases"

// F096, F097, F098, F100, F102.
func TestAliasOnTheWire(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.publish("f")
		shown := `{"AliasArn":"arn:aws:lambda:us-east-1:111111111111:function:f:live","Name":"live","FunctionVersion":"1","Description":"","RevisionId":"*"}`
		j.ok(200, "GET", aliasesPath, "", `{"Aliases":[]}`)
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, shown)
		j.ok(200, "GET", aliasesPath+"/live", "", shown)
		j.refused("POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, conflictCode, "Alias already exists: ARN:function:f:live")
		weighted := `{"AliasArn":"arn:aws:lambda:us-east-1:111111111111:function:f:live","Name":"live","FunctionVersion":"1","Description":"d","RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}},"RevisionId":"*"}`
		j.ok(200, "PUT", aliasesPath+"/live", `{"Description":"d","RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}}}`, weighted)
		j.ok(200, "PUT", aliasesPath+"/live", `{}`, weighted)
		j.ok(200, "GET", aliasesPath+"?FunctionVersion=2", "", `{"Aliases":[`+weighted+`]}`)
		j.ok(200, "GET", aliasesPath+"?FunctionVersion=3", "", `{"Aliases":[]}`)
		j.ok(200, "PUT", aliasesPath+"/live", `{"RoutingConfig":{}, "Description":""}`, shown)
		j.refused("POST", aliasesPath, `{"Name":"2024","FunctionVersion":"1"}`, validationCode,
			"1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
		j.ok(201, "POST", aliasesPath, `{"Name":"2024-01-02","FunctionVersion":"$LATEST"}`, "")
		j.ok(204, "DELETE", aliasesPath+"/live", "", "")
		j.ok(204, "DELETE", aliasesPath+"/live", "", "")
		j.refused("GET", aliasesPath+"/live", "", notFoundCode, "Cannot find alias arn: ARN:function:f:live")
	})
}

// F099, F101, F103 to F106.
func TestAliasRefusals(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.publish("f")
		j.refused("PUT", aliasesPath+"/non-existent", `{}`, notFoundCode, "Alias not found: ARN:function:f:non-existent")
		j.refused("GET", functionsPath+"/nobody/aliases/live", "", notFoundCode, "Function not found: ARN:function:nobody")
		j.refused("POST", functionsPath+"/f-unknown/aliases", `{"Name":"a","FunctionVersion":"1"}`, notFoundCode, "Function not found: ARN:function:f-unknown:1")
		for _, c := range []struct{ body, code, message string }{
			{`{"Name":"a","FunctionVersion":"10"}`, notFoundCode, "Function not found: ARN:function:f:10"},
			{`{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"10":0.5}}}`, notFoundCode, "Function not found: ARN:function:f:10"},
			{`{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5,"2":0.5}}}`, invalidParameter, "Number of items in AdditionalVersionWeights cannot be greater than 1"},
			{`{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":2}}}`, validationCode, "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"},
			{`{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":-1}}}`, validationCode, "1 validation error detected: Value '{2=-1.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"},
			{`{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidParameter, "Invalid function version 1. Function version 1 is already included in routing configuration."},
			{`{"Name":"a","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"$LATEST":0.5}}}`, validationCode, "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"},
		} {
			j.refused("POST", aliasesPath, c.body, c.code, c.message)
		}
		untyped(t, j.refused("POST", aliasesPath, `{"Name":"a","FunctionVersion":"$LATEST","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidParameter,
			"$LATEST is not supported for an alias pointing to more than 1 version"))
		j.ok(200, "GET", aliasesPath, "", `{"Aliases":[]}`)
		j.refused("POST", functionsPath+"/f:1/aliases", `{"Name":"a","FunctionVersion":"1"}`, invalidParameter,
			"This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
	})
}

// F047 by the SDK, revision ids, pages, and the version that an alias holds.
func TestAliasBySDK(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.publish("f")
		ctx := t.Context()
		made, err := j.Client.CreateAlias(ctx, &sdk.CreateAliasInput{
			FunctionName: aws.String("f"), Name: aws.String("live"), FunctionVersion: aws.String("1"), Description: aws.String("d"),
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.25}},
		})
		if err != nil {
			t.Fatal(err)
		}
		read, err := j.GetAlias(ctx, &sdk.GetAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
		if err != nil || asJSON(read) != asJSON(made) {
			t.Errorf("GetAlias: %s (%v), want %s", asJSON(read), err, asJSON(made))
		}
		var precondition *types.PreconditionFailedException
		_, err = j.Client.UpdateAlias(ctx, &sdk.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), RevisionId: aws.String("wrong")})
		if want := "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"; !errors.As(err, &precondition) || precondition.ErrorMessage() != want {
			t.Errorf("UpdateAlias: %v, want %s", err, want)
		}
		moved, err := j.Client.UpdateAlias(ctx, &sdk.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), RevisionId: made.RevisionId, Description: aws.String("e")})
		if err != nil || *moved.RevisionId == *made.RevisionId || *moved.Description != "e" || moved.RoutingConfig.AdditionalVersionWeights["2"] != 0.25 {
			t.Errorf("UpdateAlias: %s %v", asJSON(moved), err)
		}
		got, err := j.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: aws.String("f:live")})
		if err != nil || *got.Configuration.Version != "1" || *got.Configuration.FunctionArn != home.FunctionARN("f", "live") {
			t.Errorf("GetFunction by alias (F047): %s %v", asJSON(got), err)
		}
		for _, number := range []string{"1", "2"} {
			j.refused("DELETE", functionsPath+"/f?Qualifier="+number, "", conflictCode, "Unable to delete version because the following aliases reference it: [live]")
		}
		for _, name := range []string{"b", "c", "a"} {
			j.ok(201, "POST", aliasesPath, `{"Name":"`+name+`","FunctionVersion":"1"}`, "")
		}
		var names []string
		pages := sdk.NewListAliasesPaginator(j, &sdk.ListAliasesInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(3)})
		for pages.HasMorePages() {
			p, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range p.Aliases {
				names = append(names, *a.Name)
			}
		}
		if want := []string{"a", "b", "c", "live"}; !reflect.DeepEqual(names, want) {
			t.Errorf("ListAliases: %v, want %v", names, want)
		}
	})
}
