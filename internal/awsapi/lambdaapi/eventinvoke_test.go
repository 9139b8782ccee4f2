package lambdaapi

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const eventPath = "/2019-09-25/functions/f/event-invoke-config"

// shownEvent is an answer of the operations on event invoke configs.
func shownEvent(qualifier, numbers, onFailure, onSuccess string) string {
	return `{"*,"FunctionArn":"` + functionF + `:` + qualifier + `"` + numbers + `,"DestinationConfig":{"OnSuccess":{` + onSuccess + `},"OnFailure":{` + onFailure + `}}}`
}

// F143, F144, F154, F155.
func TestEventInvokeOnTheWire(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		shown := func(body string) string { return strings.Replace(body, `{"*,`, `{*,`, 1) }
		const queue = "arn:aws:sqs:us-east-1:111111111111:q"
		j.ok(200, "GET", eventPath+"/list", "", `{"FunctionEventInvokeConfigs":[]}`)
		both := shown(shownEvent("$LATEST", `,"MaximumRetryAttempts":0,"MaximumEventAgeInSeconds":21600`, "", ""))
		j.ok(200, "PUT", eventPath, `{"MaximumRetryAttempts":0,"MaximumEventAgeInSeconds":21600}`, both)
		j.ok(200, "GET", eventPath, "", both)
		j.ok(200, "GET", eventPath+"?Qualifier=$LATEST", "", both)
		j.ok(200, "POST", eventPath, `{"DestinationConfig":{"OnFailure":{"Destination":"`+queue+`"}}}`,
			shown(shownEvent("$LATEST", `,"MaximumRetryAttempts":0,"MaximumEventAgeInSeconds":21600`, `"Destination":"`+queue+`"`, "")))
		j.ok(200, "POST", eventPath, `{"MaximumRetryAttempts":2}`,
			shown(shownEvent("$LATEST", `,"MaximumRetryAttempts":2,"MaximumEventAgeInSeconds":21600`, `"Destination":"`+queue+`"`, "")))
		replaced := shown(shownEvent("$LATEST", `,"MaximumEventAgeInSeconds":60`, "", ""))
		j.ok(200, "PUT", eventPath, `{"MaximumEventAgeInSeconds":60}`, replaced)
		j.ok(200, "PUT", eventPath, `{"DestinationConfig":{"OnSuccess":{}}}`, shown(shownEvent("$LATEST", "", "", "")))
		j.ok(204, "DELETE", eventPath, "", "")
		j.refused("DELETE", eventPath, "", notFoundCode, "The function ARN:function:f:$LATEST doesn't have an EventInvokeConfig")
	})
}

// F145 to F153.
func TestEventInvokeRefusals(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		const retries = `{"MaximumRetryAttempts":1}`
		for _, name := range []string{"f", "f:live", "f:1", "f:$LATEST", functionF + ":live"} {
			j.ok(200, "PUT", "/2019-09-25/functions/"+name+"/event-invoke-config", retries, "")
		}
		j.ok(200, "PUT", "/2019-09-25/functions/f:live/event-invoke-config?Qualifier=live", retries, "")
		j.refused("PUT", "/2019-09-25/functions/f:live/event-invoke-config?Qualifier=1", retries, invalidParameter, "The derived qualifier from the function name does not match the specified qualifier.")
		nobody := "/2019-09-25/functions/nobody/event-invoke-config"
		j.refused("PUT", nobody, `{}`, invalidParameter, "You must specify at least one of error handling or destination setting.")
		const gone = "The function doesn't exist."
		j.refused("PUT", nobody, retries, notFoundCode, gone)
		j.refused("POST", nobody, retries, notFoundCode, gone)
		j.refused("GET", nobody+"/list", "", notFoundCode, gone)
		j.refused("PUT", eventPath+"?Qualifier=doesnotexist", retries, notFoundCode, gone)
		j.refused("GET", eventPath+"?Qualifier=doesnotexist", "", notFoundCode, "The function ARN:function:f:doesnotexist doesn't have an EventInvokeConfig")
		j.refused("GET", nobody, "", notFoundCode, "The function ARN:function:nobody:$LATEST doesn't have an EventInvokeConfig")
		j.refused("DELETE", nobody, "", notFoundCode, "The function ARN:function:nobody:$LATEST doesn't have an EventInvokeConfig")
		j.create("g")
		j.refused("POST", "/2019-09-25/functions/g/event-invoke-config", retries, notFoundCode, "The function ARN:function:g:$LATEST doesn't have an EventInvokeConfig")
		to := func(on, arn string) string {
			return `{"DestinationConfig":{"` + on + `":{"Destination":"` + arn + `"}}}`
		}
		const missing, role = "arn:aws:lambda:us-east-1:111111111111:function:doesnotexist", "arn:aws:iam:us-east-1:111111111111:function:f"
		j.refused("PUT", eventPath, to("OnSuccess", missing), invalidParameter, "The destination ARN "+missing+" is invalid.")
		j.refused("PUT", eventPath, to("OnFailure", functionF+":live"), invalidParameter, "You can't specify the function as a destination for itself.")
		j.refused("PUT", eventPath, to("OnSuccess", role), invalidParameter, "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination="+role+"), onFailure=null) is invalid.")
		j.refused("PUT", eventPath, to("OnSuccess", "arn:aws:s3:::b"), invalidParameter, "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:s3:::b), onFailure=null) is invalid.")
		j.ok(200, "PUT", eventPath, to("OnFailure", "arn:aws:s3:::b"), "")
		j.ok(200, "PUT", eventPath, to("OnSuccess", strings.Replace(missing, "doesnotexist", "g", 1)), "")
		const bad = "arn:aws:_-/!lambda:us-east-1:111111111111:function:f"
		j.refused("PUT", eventPath, to("OnFailure", bad), validationCode, "1 validation error detected: Value '"+bad+"' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: "+
			`Member must satisfy regular expression pattern: $|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`)
		j.ok(204, "DELETE", aliasesPath+"/live", "", "")
		j.refused("GET", eventPath+"?Qualifier=live", "", notFoundCode, "The function ARN:function:f:live doesn't have an EventInvokeConfig")
	})
}

// Pages, and every member by the SDK.
func TestEventInvokeBySDK(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.publish("f")
		ctx := t.Context()
		for _, qualifier := range []string{"2", "$LATEST", "1"} {
			made, err := j.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{
				FunctionName: aws.String("f"), Qualifier: &qualifier, MaximumEventAgeInSeconds: aws.Int32(61), MaximumRetryAttempts: aws.Int32(1),
				DestinationConfig: &types.DestinationConfig{
					OnSuccess: &types.OnSuccess{Destination: aws.String("arn:aws:sns:us-east-1:111111111111:t")},
					OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:events:us-east-1:111111111111:event-bus/b")},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if !made.LastModified.Equal(time.Now()) || *made.DestinationConfig.OnFailure.Destination != "arn:aws:events:us-east-1:111111111111:event-bus/b" {
				t.Errorf("put: %s", asJSON(made))
			}
			got, err := j.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("f"), Qualifier: &qualifier})
			if err != nil || asJSON(got) != asJSON(made) {
				t.Errorf("get: %s (%v), want %s", asJSON(got), err, asJSON(made))
			}
		}
		var arns []string
		pages := sdk.NewListFunctionEventInvokeConfigsPaginator(j, &sdk.ListFunctionEventInvokeConfigsInput{FunctionName: aws.String("f"), MaxItems: aws.Int32(2)})
		for pages.HasMorePages() {
			p, err := pages.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range p.FunctionEventInvokeConfigs {
				arns = append(arns, strings.TrimPrefix(*c.FunctionArn, functionF))
			}
		}
		if want := []string{":$LATEST", ":1", ":2"}; !reflect.DeepEqual(arns, want) {
			t.Errorf("listed %v, want %v", arns, want)
		}
	})
}
