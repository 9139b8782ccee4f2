package lambdaapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const onFunctionsOnly = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."

// F156, F157, F158 and the floor of what is not reserved.
func TestReservedConcurrency(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		const put, get = "/2017-10-31/functions/", "/2019-09-30/functions/"
		j.ok(200, "GET", get+"f/concurrency", "", `{}`)
		j.ok(200, "PUT", put+"f/concurrency", `{"ReservedConcurrentExecutions":0}`, `{"ReservedConcurrentExecutions":0}`)
		if n, set := j.Reserved("f"); n != 0 || !set {
			t.Errorf("reserved for f: %d, %v", n, set)
		}
		j.ok(200, "GET", get+"f/concurrency", "", `{"ReservedConcurrentExecutions":0}`)
		j.ok(200, "PUT", put+"f/concurrency", `{"ReservedConcurrentExecutions":7}`, "")
		if body := j.send("GET", functionsPath+"/f", "").Body.String(); !strings.Contains(body, `"Concurrency":{"ReservedConcurrentExecutions":7}`) {
			t.Errorf("GetFunction does not show the concurrency: %s", body)
		}
		if body := j.send("GET", "/2016-08-19/account-settings", "").Body.String(); !strings.Contains(body, `"ConcurrentExecutions":1000,"UnreservedConcurrentExecutions":993`) {
			t.Errorf("GetAccountSettings: %s", body)
		}
		for _, qualified := range []string{"f:1", "f:$LATEST", functionF + ":live"} {
			j.refused("PUT", put+qualified+"/concurrency", `{"ReservedConcurrentExecutions":1}`, invalidParameter, onFunctionsOnly)
		}
		j.refused("PUT", put+"doesnotexist/concurrency", `{"ReservedConcurrentExecutions":1}`, notFoundCode, "Function not found: ARN:function:doesnotexist:$LATEST")
		j.refused("GET", get+"doesnotexist/concurrency", "", notFoundCode, "Function not found: ARN:function:doesnotexist")
		j.refused("DELETE", put+"doesnotexist/concurrency", "", notFoundCode, "Function not found: ARN:function:doesnotexist")
		j.create("g")
		const floor = "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."
		untyped(t, j.refused("PUT", put+"g/concurrency", `{"ReservedConcurrentExecutions":894}`, invalidParameter, floor))
		j.ok(200, "PUT", put+"g/concurrency", `{"ReservedConcurrentExecutions":893}`, "")
		j.refused("PUT", put+"f/concurrency", `{"ReservedConcurrentExecutions":8}`, invalidParameter, floor)
		j.ok(200, "PUT", put+"f/concurrency", `{"ReservedConcurrentExecutions":7}`, "") // its own part counts once
		j.ok(204, "DELETE", put+"g/concurrency", "", "")
		j.ok(204, "DELETE", put+"g/concurrency", "", "")
		if n, set := j.Reserved("g"); set {
			t.Errorf("reserved for g: %d after it was given back", n)
		}
		j.ok(200, "PUT", put+"f/concurrency", `{"ReservedConcurrentExecutions":900}`, "")
	})
}

// F198.
func TestRecursionConfig(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		path := "/2024-08-31/functions/f/recursion-config"
		j.ok(200, "GET", path, "", `{"RecursiveLoop":"Terminate"}`)
		j.ok(200, "PUT", path, `{"RecursiveLoop":"Allow"}`, `{"RecursiveLoop":"Allow"}`)
		j.ok(200, "GET", path, "", `{"RecursiveLoop":"Allow"}`)
		j.refused("PUT", path, `{"RecursiveLoop":"InvalidValue"}`, validationCode,
			"1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' failed to satisfy constraint: Member must satisfy enum value set: [Terminate, Allow]")
		j.refused("GET", strings.Replace(path, "/f/", "/nobody/", 1), "", notFoundCode, "Function not found: ARN:function:nobody")
		j.refused("PUT", strings.Replace(path, "/f/", "/nobody/", 1), `{"RecursiveLoop":"Allow"}`, notFoundCode, "Function not found: ARN:function:nobody")
	})
}

func TestRuntimeManagement(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		const path = "/2021-07-20/functions/f/runtime-management-config"
		const version = "arn:aws:lambda:us-east-1::runtime:0123456789012345678901234567890123456789012345678901234567890123"
		j.ok(200, "GET", path, "", `{"UpdateRuntimeOn":"Auto","FunctionArn":"`+functionF+`"}`)
		j.ok(200, "PUT", path, `{"UpdateRuntimeOn":"FunctionUpdate"}`, `{"UpdateRuntimeOn":"FunctionUpdate","FunctionArn":"`+functionF+`"}`)
		manual := `{"UpdateRuntimeOn":"Manual","FunctionArn":"` + functionF + `","RuntimeVersionArn":"` + version + `"}`
		j.ok(200, "PUT", path, `{"UpdateRuntimeOn":"Manual","RuntimeVersionArn":"`+version+`"}`, manual)
		j.ok(200, "GET", path, "", manual)
		j.ok(200, "GET", path+"?Qualifier=1", "", `{"UpdateRuntimeOn":"Auto","FunctionArn":"`+functionF+`:1"}`)
		j.refused("PUT", functionsPath+"/f/configuration", `{"Runtime":"python3.12"}`, invalidParameter,
			"Cannot change runtime identifier when runtime management configuration is set to 'Manual'. Change the runtime management configuration to 'Auto' or 'FunctionUpdate', then retry.")
		j.ok(200, "PUT", functionsPath+"/f/configuration", `{"Runtime":"python3.13"}`, "")
		j.ok(200, "PUT", path, `{"UpdateRuntimeOn":"Auto"}`, "")
		j.ok(200, "GET", path, "", `{"UpdateRuntimeOn":"Auto","FunctionArn":"`+functionF+`"}`)
		j.refused("PUT", path, `{"UpdateRuntimeOn":"Manual"}`, invalidParameter, "RuntimeVersionArn is needed with UpdateRuntimeOn Manual, and only with it.")
		j.refused("PUT", path+"?Qualifier=live", `{"UpdateRuntimeOn":"Auto"}`, invalidParameter, "The provided function name ARN:function:f:live is invalid. Aliases are not allowed.")
		j.refused("GET", path+"?Qualifier=9", "", notFoundCode, "Function not found: ARN:function:f:9")
	})
}

const (
	signingPath = "/2020-04-22/code-signing-configs"
	publisher   = "arn:aws:signer:us-east-1:111111111111:/signing-profiles/p/v"
	noSigning   = "arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-12345678901234567"
)

// F191, F192, F193.
func TestCodeSigningConfigs(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.ok(200, "GET", signingPath, "", `{"CodeSigningConfigs":[]}`)
		shown := func(description, untrusted string) string {
			return `{"CodeSigningConfigId":"*","CodeSigningConfigArn":"arn:aws:lambda:us-east-1:111111111111:code-signing-config:*","Description":"` + description +
				`","AllowedPublishers":{"SigningProfileVersionArns":["` + publisher + `"]},"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"` + untrusted + `"},"LastModified":"2000-01-01T00:00:00.000+0000"}`
		}
		made := j.ok(201, "POST", signingPath, `{"AllowedPublishers":{"SigningProfileVersionArns":["`+publisher+`"]},"Tags":{"k":"v"}}`, `{"CodeSigningConfig":`+shown("", "Warn")+`}`)
		var out struct {
			CodeSigningConfig struct{ CodeSigningConfigArn string }
		}
		if err := json.Unmarshal(made.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
		arn := out.CodeSigningConfig.CodeSigningConfigArn
		one := signingPath + "/" + arn
		j.ok(200, "GET", one, "", `{"CodeSigningConfig":`+shown("", "Warn")+`}`)
		j.ok(200, "PUT", one, `{}`, `{"CodeSigningConfig":`+shown("", "Warn")+`}`)
		j.ok(200, "PUT", one, `{"Description":"d","CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"Enforce"}}`, `{"CodeSigningConfig":`+shown("d", "Enforce")+`}`)
		j.ok(200, "GET", signingPath, "", `{"CodeSigningConfigs":[`+shown("d", "Enforce")+`]}`)

		ofF := "/2020-06-30/functions/f/code-signing-config"
		j.ok(200, "GET", ofF, "", `{}`)
		j.ok(204, "DELETE", ofF, "", "")
		j.ok(200, "PUT", ofF, `{"CodeSigningConfigArn":"`+arn+`"}`, `{"CodeSigningConfigArn":"arn:aws:lambda:us-east-1:111111111111:code-signing-config:*","FunctionName":"f"}`)
		j.ok(200, "GET", ofF, "", `{"CodeSigningConfigArn":"arn:aws:lambda:us-east-1:111111111111:code-signing-config:*","FunctionName":"f"}`)
		j.ok(201, "POST", functionsPath, strings.Replace(createBody, `"f"`, `"g","CodeSigningConfigArn":"`+arn+`"`, 1), "")
		j.ok(200, "GET", one+"/functions", "", `{"FunctionArns":["`+functionF+`","arn:aws:lambda:us-east-1:111111111111:function:g"]}`)
		j.refused("DELETE", one, "", conflictCode, "The code signing configuration ARN:code-signing-config:* is attached to functions. Detach it from them, then delete it.")
		j.ok(204, "DELETE", ofF, "", "")
		j.ok(204, "DELETE", functionsPath+"/g", "", "")
		j.ok(200, "GET", one+"/functions", "", `{"FunctionArns":[]}`)

		j.ok(200, "GET", "/2017-03-31/tags/"+arn, "", `{"Tags":{"k":"v"}}`)
		j.ok(204, "POST", "/2017-03-31/tags/"+arn, `{"Tags":{"a":"b"}}`, "")
		j.ok(204, "DELETE", "/2017-03-31/tags/"+arn+"?tagKeys=k&tagKeys=x", "", "")
		j.ok(200, "GET", "/2017-03-31/tags/"+arn, "", `{"Tags":{"a":"b"}}`)
		j.ok(204, "DELETE", one, "", "")
		j.ok(200, "GET", signingPath, "", `{"CodeSigningConfigs":[]}`)
	})
}

// F194, F195.
func TestCodeSigningRefusals(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		one := signingPath + "/" + noSigning
		const missing = "The Lambda code signing configuration " + noSigning + " can not be found."
		untyped(t, j.refused("GET", one, "", notFoundCode, missing))
		j.refused("PUT", one, `{}`, notFoundCode, missing)
		j.refused("DELETE", one, "", notFoundCode, missing)
		j.refused("GET", one+"/functions", "", notFoundCode, missing)
		j.refused("GET", "/2017-03-31/tags/"+noSigning, "", notFoundCode, missing)
		ofNobody := "/2020-06-30/functions/nobody/code-signing-config"
		const gone = "The code signing configuration cannot be found. Check that the provided configuration is not deleted: " + noSigning + "."
		j.refused("PUT", ofNobody, `{"CodeSigningConfigArn":"`+noSigning+`"}`, "CodeSigningConfigNotFoundException", gone)
		j.refused("POST", functionsPath, strings.Replace(createBody, `"f"`, `"g","CodeSigningConfigArn":"`+noSigning+`"`, 1), "CodeSigningConfigNotFoundException", gone)
		made, err := j.Client.CreateCodeSigningConfig(t.Context(), &sdk.CreateCodeSigningConfigInput{AllowedPublishers: &types.AllowedPublishers{SigningProfileVersionArns: []string{publisher}}})
		if err != nil {
			t.Fatal(err)
		}
		const nobody = "Function not found: ARN:function:nobody"
		j.refused("PUT", ofNobody, `{"CodeSigningConfigArn":"`+*made.CodeSigningConfig.CodeSigningConfigArn+`"}`, notFoundCode, nobody)
		j.refused("GET", ofNobody, "", notFoundCode, nobody)
		j.refused("DELETE", ofNobody, "", notFoundCode, nobody)
		tags := map[string]string{}
		for i := range 51 {
			tags[fmt.Sprint("k", i)] = "v"
		}
		if _, err := j.TagResource(t.Context(), &sdk.TagResourceInput{Resource: made.CodeSigningConfig.CodeSigningConfigArn, Tags: tags}); err == nil || !strings.Contains(err.Error(), "Number of tags exceeds resource tag limit.") {
			t.Errorf("51 tags: %v", err)
		}
		all, err := j.ListCodeSigningConfigs(t.Context(), &sdk.ListCodeSigningConfigsInput{MaxItems: aws.Int32(1)})
		if err != nil || len(all.CodeSigningConfigs) != 1 || all.NextMarker != nil {
			t.Errorf("ListCodeSigningConfigs: %s %v", asJSON(all), err)
		}
	})
}
