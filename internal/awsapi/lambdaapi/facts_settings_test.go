package lambdaapi

import "strings"

const (
	invokeGrant = `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`
	stalePolicy = "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"
	noFunction  = "The function doesn't exist."
	onURL       = `Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`
	destination = `$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)`
	unknownCSC  = "ARN:code-signing-config:csc-00000000000000000"
	noCSC       = "The Lambda code signing configuration " + unknownCSC + " can not be found."
	publishers  = `"AllowedPublishers":{"SigningProfileVersionArns":["arn:aws:signer:us-east-1:111111111111:/signing-profiles/p/abcdefghij"]}`
)

// statement is AddPermission for a principal, with more members, and the
// statement that AWS makes of it, as its answer has it inside a string.
func statement(principal, more, want string) ask {
	want = `{"Sid":"s","Effect":"Allow","Principal":` + want + `}`
	return ask{"POST F/f/policy", strings.Replace(invokeGrant, `"*"`, `"`+principal+`"`+more, 1), "201", []string{`"Statement":` + asJSON(want)}}
}

const toFunction = `,"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:111111111111:function:f"`

var settingFacts = []fact{
	{"F137", []ask{statement("s3.amazonaws.com", `,"SourceArn":"arn:aws:s3:::b"`,
		`{"Service":"s3.amazonaws.com"}`+toFunction+`,"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}`)}},
	{"F138 star", []ask{statement("*", "", `"*"`+toFunction)}},
	{"F138 account", []ask{statement("111111111111", "", `{"AWS":"arn:aws:iam::111111111111:root"}`+toFunction)}},
	{"F138 ARN", []ask{statement("arn:aws:iam::111111111111:user/u", "", `{"AWS":"arn:aws:iam::111111111111:user/u"}`+toFunction)}},
	{"F139 account", []ask{statement("s3.amazonaws.com", `,"SourceArn":"arn:aws:s3:::b","SourceAccount":"111111111111"`,
		`{"Service":"s3.amazonaws.com"}`+toFunction+`,"Condition":{"StringEquals":{"AWS:SourceAccount":"111111111111"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}`)}},
	{"F139 token", []ask{statement("alexa-appkit.amazon.com", `,"EventSourceToken":"t"`,
		`{"Service":"alexa-appkit.amazon.com"}`+toFunction+`,"Condition":{"StringEquals":{"lambda:EventSourceToken":"t"}}`)}},
	{"F139 organisation", []ask{statement("*", `,"PrincipalOrgID":"o-1234567890"`, `"*"`+toFunction+`,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}`)}},
	{"F140", []ask{
		{"POST F/f/policy", strings.Replace(invokeGrant, `"s"`, `"z"`, 1), "201", nil},
		{"POST F/f/policy", strings.Replace(invokeGrant, `"s"`, `"a"`, 1), "201", nil},
		{"GET F/f/policy", "", "200", []string{`"Policy":"{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":[{\"Sid\":\"z\"`, `{\"Sid\":\"a\"`, `"RevisionId":`}},
	}},
	{"F141", twoVersions(
		ask{"POST F/f/policy", invokeGrant, "201", nil},
		ask{"GET F/f/policy?Qualifier=1", "", notFoundCode, []string{noLayer}},
		ask{"POST F/f/policy?Qualifier=1", invokeGrant, "201", []string{`\"Resource\":\"ARN:function:f:1\"`}},
		ask{"POST F/f/policy?Qualifier=a", invokeGrant, "201", []string{`\"Resource\":\"ARN:function:f:a\"`}},
		ask{"GET F/f/policy", "", "200", []string{`not ARN:function:f:`}},
		ask{"POST F/f/versions", `{}`, "201", nil},
	)},
	{"F142", []ask{
		{"POST F/f/policy", invokeGrant, "201", nil},
		{"GET F/f/policy", "", "200", nil},
		{"POST F/f/policy", strings.Replace(invokeGrant, `"s"`, `"a"`, 1), "201", nil},
		{"GET F/f/policy", "", "200", []string{"new revision"}},
		{"POST F/f/policy", strings.Replace(invokeGrant, `"s"`, `"b","RevisionId":"no"`, 1), preconditionCode, []string{stalePolicy}},
		{"DELETE F/f/policy/s?RevisionId=no", "", preconditionCode, []string{stalePolicy}},
	}},

	{"F143", []ask{
		{"PUT EVENT/f/event-invoke-config", `{"MaximumRetryAttempts":1}`, "200",
			[]string{`"DestinationConfig":{"OnSuccess":{},"OnFailure":{}}`, `"FunctionArn":"ARN:function:f:$LATEST"`, `"MaximumRetryAttempts":1`, "not MaximumEventAge"}},
	}},
	{"F144", []ask{
		{"PUT EVENT/f/event-invoke-config", `{"MaximumRetryAttempts":1}`, "200", nil},
		{"POST EVENT/f/event-invoke-config", `{"MaximumEventAgeInSeconds":60}`, "200", []string{`"MaximumRetryAttempts":1`, `"MaximumEventAgeInSeconds":60`}},
		{"PUT EVENT/f/event-invoke-config", `{"MaximumEventAgeInSeconds":70}`, "200", []string{"not MaximumRetryAttempts", `"MaximumEventAgeInSeconds":70`}},
	}},
	{"F145", []ask{
		{"PUT EVENT/f/event-invoke-config", `{"MaximumEventAgeInSeconds":21600,"MaximumRetryAttempts":2}`, "200", nil},
		{"PUT EVENT/f/event-invoke-config", `{"MaximumEventAgeInSeconds":59}`, validationCode, []string{oneError + "'59' at 'maximumEventAgeInSeconds'" + constraint + "Member must have value greater than or equal to 60"}},
		{"PUT EVENT/f/event-invoke-config", `{"MaximumRetryAttempts":3}`, validationCode, []string{oneError + "'3' at 'maximumRetryAttempts'" + constraint + "Member must have value less than or equal to 2"}},
	}},
	{"F146", twoVersions(
		ask{"PUT EVENT/f:1/event-invoke-config", `{"MaximumRetryAttempts":1}`, "200", []string{`"FunctionArn":"ARN:function:f:1"`}},
		ask{"PUT EVENT/f:a/event-invoke-config?Qualifier=a", `{"MaximumRetryAttempts":1}`, "200", []string{`"FunctionArn":"ARN:function:f:a"`}},
		ask{"PUT EVENT/f:$LATEST/event-invoke-config", `{"MaximumRetryAttempts":1}`, "200", []string{`"FunctionArn":"ARN:function:f:$LATEST"`}},
		ask{"GET EVENT/ARN:function:f:1/event-invoke-config", "", "200", nil},
	)},
	{"F147", twoVersions(ask{"PUT EVENT/f:a/event-invoke-config?Qualifier=1", `{"MaximumRetryAttempts":1}`, invalidParameter, []string{derived}})},
	{"F148", []ask{{"PUT EVENT/nobody/event-invoke-config", `{}`, invalidParameter, []string{"You must specify at least one of error handling or destination setting."}}}},
	{"F149", []ask{
		{"PUT EVENT/nobody/event-invoke-config", `{"MaximumRetryAttempts":1}`, notFoundCode, []string{noFunction}},
		{"POST EVENT/f/event-invoke-config?Qualifier=nobody", `{"MaximumRetryAttempts":1}`, notFoundCode, []string{noFunction}},
		{"GET EVENT/nobody/event-invoke-config/list", "", notFoundCode, []string{noFunction}},
	}},
	{"F150", []ask{
		{"GET EVENT/f/event-invoke-config", "", notFoundCode, []string{"The function ARN:function:f:$LATEST doesn't have an EventInvokeConfig"}},
		{"DELETE EVENT/doesnotexist/event-invoke-config", "", notFoundCode, []string{"The function ARN:function:doesnotexist:$LATEST doesn't have an EventInvokeConfig"}},
	}},
	{"F151", []ask{
		{"PUT EVENT/f/event-invoke-config", `{"DestinationConfig":{"OnSuccess":{"Destination":"ARN:function:doesnotexist"}}}`, invalidParameter, []string{"The destination ARN ARN:function:doesnotexist is invalid."}},
		{"PUT EVENT/f/event-invoke-config", `{"DestinationConfig":{"OnSuccess":{"Destination":"ARN:function:f"}}}`, invalidParameter, []string{"You can't specify the function as a destination for itself."}},
	}},
	{"F152", []ask{{"PUT EVENT/f/event-invoke-config", `{"DestinationConfig":{"OnSuccess":{"Destination":"arn:aws:iam:us-east-1:111111111111:function:f"}}}`, invalidParameter,
		[]string{"The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:iam:us-east-1:111111111111:function:f), onFailure=null) is invalid."}}}},
	{"F153", []ask{{"PUT EVENT/f/event-invoke-config", `{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:_-/!lambda:x"}}}`, validationCode,
		[]string{oneError + "'arn:aws:_-/!lambda:x' at 'destinationConfig.onFailure.destination'" + constraint + "Member must satisfy regular expression pattern: " + destination}}}},
	{"F154", []ask{{"PUT EVENT/f/event-invoke-config", `{"DestinationConfig":{"OnSuccess":{}}}`, "200", nil}}},
	{"F155", []ask{
		{"GET EVENT/f/event-invoke-config/list", "", "200", []string{`{"FunctionEventInvokeConfigs":[]}`}},
		{"PUT EVENT/f/event-invoke-config", `{"MaximumRetryAttempts":1}`, "200", nil},
		{"GET EVENT/f/event-invoke-config/list", "", "200", []string{`"FunctionArn":"ARN:function:f:$LATEST"`}},
		{"DELETE EVENT/f/event-invoke-config", "", "204", nil},
		{"DELETE EVENT/f/event-invoke-config", "", notFoundCode, []string{"The function ARN:function:f:$LATEST doesn't have an EventInvokeConfig"}},
	}},

	{"F156", []ask{
		{"GET RESERVED/f/concurrency", "", "200", []string{`{}`}},
		{"PUT RESERVE/f/concurrency", `{"ReservedConcurrentExecutions":0}`, "200", []string{`{"ReservedConcurrentExecutions":0}`}},
		{"GET RESERVED/f/concurrency", "", "200", []string{`{"ReservedConcurrentExecutions":0}`}},
		{"DELETE RESERVE/f/concurrency", "", "204", nil},
	}},
	{"F157", []ask{{"PUT RESERVE/f:$LATEST/concurrency", `{"ReservedConcurrentExecutions":1}`, invalidParameter, []string{functionsOnly}}}},
	{"F158", []ask{{"PUT RESERVE/doesnotexist/concurrency", `{"ReservedConcurrentExecutions":1}`, notFoundCode, []string{"Function not found: ARN:function:doesnotexist:$LATEST"}}}},

	{"F171", []ask{
		{"POST URL/f/url", `{"AuthType":"NONE"}`, "201", []string{`"AuthType":"NONE"`, `"CreationTime":`, `"FunctionArn":"ARN:function:f"`, `"FunctionUrl":"`, "not InvokeMode", "not LastModifiedTime"}},
		{"GET URL/f/url", "", "200", []string{`"InvokeMode":"BUFFERED"`, `"LastModifiedTime":`}},
		{"PUT URL/f/url", `{"InvokeMode":"RESPONSE_STREAM"}`, "200", []string{`"InvokeMode":"RESPONSE_STREAM"`}},
		{"GET URL/f/urls", "", "200", []string{`"InvokeMode":"RESPONSE_STREAM"`}},
	}},
	{"F172", twoVersions(
		ask{"POST URL/f/url?Qualifier=a", `{"AuthType":"NONE"}`, "201", []string{`"FunctionArn":"ARN:function:f:a"`}},
		ask{"POST URL/f/url", `{"AuthType":"NONE"}`, "201", nil},
		ask{"GET URL/f/urls?MaxItems=1", "", "200", []string{`"NextMarker":`}},
		ask{"GET URL/nobody/urls", "", notFoundCode, []string{"Function does not exist"}},
	)},
	{"F173", []ask{{"POST URL/f/url", `{"AuthType":"NONE","InvokeMode":"RESPONSE_STREAM"}`, "201", []string{`"InvokeMode":"RESPONSE_STREAM"`}}, {"PUT URL/f/url", `{}`, "200", []string{`"InvokeMode":"RESPONSE_STREAM"`}}}},
	{"F174", []ask{
		{"POST URL/nobody/url?Qualifier=1", `{"AuthType":"NONE"}`, validationCode, []string{oneError + "'1' at 'qualifier'" + constraint + onURL}},
		{"GET URL/f/url?Qualifier=$LATEST", "", validationCode, []string{oneError + "'$LATEST' at 'qualifier'" + constraint + onURL}},
		{"PUT URL/f/url?Qualifier=2", `{}`, validationCode, []string{oneError + "'2' at 'qualifier'" + constraint + onURL}},
		{"DELETE URL/f/url?Qualifier=2", "", validationCode, []string{oneError + "'2' at 'qualifier'" + constraint + onURL}},
	}},
	{"F175", []ask{
		{"POST URL/nobody/url", `{"AuthType":"NONE"}`, notFoundCode, []string{"Function does not exist"}},
		{"POST URL/f/url?Qualifier=nobody", `{"AuthType":"NONE"}`, notFoundCode, []string{"Function does not exist"}},
		{"GET URL/f/url", "", notFoundCode, []string{noLayer}},
		{"PUT URL/nobody/url", `{}`, notFoundCode, []string{noLayer}},
		{"DELETE URL/f/url", "", notFoundCode, []string{noLayer}},
	}},
	{"F176", twoVersions(
		ask{"POST URL/f:b/url?Qualifier=a", `{"AuthType":"NONE"}`, invalidParameter, []string{derived}},
		ask{"GET URL/f:b/url?Qualifier=a", "", invalidParameter, []string{derived}},
		ask{"PUT URL/f:b/url?Qualifier=a", `{}`, invalidParameter, []string{derived}},
	)},
	{"F177", []ask{{"POST URL/f/url", `{"AuthType":"NONE","InvokeMode":"UNKNOWN"}`, validationCode, []string{oneError + "'UNKNOWN' at 'invokeMode'" + constraint + "Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]"}}}},

	{"F191", []ask{{"POST SIGNING", `{` + publishers + `}`, "201", []string{`{"CodeSigningConfig":{`, `"CodeSigningConfigId":"csc-`, `"CodeSigningConfigArn":"ARN:code-signing-config:csc-`, publishers,
		`"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"Warn"}`, `"Description":""`, `"LastModified":"`}}}},
	{"F192", []ask{
		{"POST SIGNING", `{` + publishers + `}`, "201", nil},
		{"PUT SIGNING/CSC#", `{}`, "200", nil}, {"GET SIGNING/CSC#", "", "200", nil}, {"DELETE SIGNING/CSC#", "", "204", nil},
	}},
	{"F193", []ask{
		{"POST SIGNING", `{` + publishers + `}`, "201", nil},
		{"PUT SIGNED/f/code-signing-config", `{"CodeSigningConfigArn":"CSC#"}`, "200", []string{`{"CodeSigningConfigArn":"CSC#","FunctionName":"f"}`}},
		{"GET SIGNING/CSC#/functions", "", "200", []string{`{"FunctionArns":["ARN:function:f"]}`}},
		{"DELETE SIGNED/f/code-signing-config", "", "204", nil},
		{"DELETE SIGNED/f/code-signing-config", "", "204", nil},
		{"GET SIGNED/f/code-signing-config", "", "200", []string{`{}`}},
	}},
	{"F194", []ask{
		{"GET SIGNING/" + unknownCSC, "", notFoundCode, []string{noCSC, "untyped"}},
		{"PUT SIGNING/" + unknownCSC, `{}`, notFoundCode, []string{noCSC, "untyped"}},
		{"DELETE SIGNING/" + unknownCSC, "", notFoundCode, []string{noCSC, "untyped"}},
		{"GET SIGNING/" + unknownCSC + "/functions", "", notFoundCode, []string{noCSC, "untyped"}},
		{"PUT SIGNED/nobody/code-signing-config", `{"CodeSigningConfigArn":"` + unknownCSC + `"}`, "CodeSigningConfigNotFoundException",
			[]string{"The code signing configuration cannot be found. Check that the provided configuration is not deleted: " + unknownCSC + "."}},
	}},
	{"F195", []ask{
		{"POST SIGNING", `{` + publishers + `}`, "201", nil},
		{"PUT SIGNED/nobody/code-signing-config", `{"CodeSigningConfigArn":"CSC#"}`, notFoundCode, []string{"Function not found: ARN:function:nobody"}},
		{"GET SIGNED/nobody/code-signing-config", "", notFoundCode, []string{"Function not found: ARN:function:nobody"}},
		{"DELETE SIGNED/nobody/code-signing-config", "", notFoundCode, []string{"Function not found: ARN:function:nobody"}},
	}},

	{"F196", []ask{{"GET ACCOUNT", "", "200", []string{`"AccountLimit":{"TotalCodeSize":`, `"CodeSizeUnzipped":262144000`, `"CodeSizeZipped":52428800`, `"ConcurrentExecutions":1000`, `"UnreservedConcurrentExecutions":1000`,
		`"AccountUsage":{"TotalCodeSize":2,"FunctionCount":1}`}}}},
	{"F197", []ask{
		{"POST F/f/versions", `{}`, "201", nil},
		{"PUT F/f/code", `{"ZipFile":"UEsx","Publish":true}`, "200", nil},
		{"POST LAYERS/l/versions", publishLayer, "201", nil},
		{"POST LAYERS/l/versions", publishLayer, "201", nil},
		{"GET ACCOUNT", "", "200", []string{`"AccountUsage":{"TotalCodeSize":12,`}}, // 3 for $LATEST, 2 and 3 for the versions, 2 for each layer version
	}},
	{"F198", []ask{
		{"GET RECURSION/f/recursion-config", "", "200", []string{`{"RecursiveLoop":"Terminate"}`}},
		{"PUT RECURSION/f/recursion-config", `{"RecursiveLoop":"Allow"}`, "200", []string{`{"RecursiveLoop":"Allow"}`}},
		{"GET RECURSION/f/recursion-config", "", "200", []string{`{"RecursiveLoop":"Allow"}`}},
	}},
}

// mappingFacts are those that TestMappingMembers and its neighbours do not have.
var mappingFacts = []fact{
	{"F199", []ask{
		{"POST ESM", `{"FunctionName":"f","EventSourceArn":"` + queueARN + `"}`, "202", []string{`"State":"Creating"`}},
		{"GET ESM/UUID#", "", "200", []string{`"State":"Enabled"`}},
		{"PUT ESM/UUID#", `{"Enabled":false}`, "202", []string{`"State":"Disabling"`}},
		{"GET ESM/UUID#", "", "200", []string{`"State":"Disabled"`}},
		{"DELETE ESM/UUID#", "", "202", []string{`"State":"Deleting"`, `"EventSourceArn":"` + queueARN + `"`}},
		{"GET ESM/UUID#", "", notFoundCode, []string{noLayer}},
	}},
	{"F203", twoVersions(
		ask{"POST ESM", `{"FunctionName":"f","EventSourceArn":"` + queueARN + `"}`, "202", []string{`"FunctionArn":"ARN:function:f"`}},
		ask{"GET ESM/UUID#", "", "200", []string{`"EventSourceMappingArn":"ARN:event-source-mapping:UUID#"`}},
		ask{"POST ESM", `{"FunctionName":"f:a","EventSourceArn":"` + queueARN + `"}`, "202", []string{`"FunctionArn":"ARN:function:f:a"`}},
		ask{"POST ESM", `{"FunctionName":"ARN:function:f:$LATEST","EventSourceArn":"` + queueARN + `"}`, "202", []string{`"FunctionArn":"ARN:function:f:$LATEST"`}},
	)},
	{"F206", []ask{
		{"POST ESM", `{"FunctionName":"nobody"}`, invalidParameter, []string{"Unrecognized event source."}},
		{"POST ESM", `{"FunctionName":"nobody","EventSourceArn":"` + queueARN + `"}`, invalidParameter, []string{"Function does not exist"}},
	}},
	{"F210", []ask{
		{"POST ESM", `{"FunctionName":"f","EventSourceArn":"` + queueARN + `","BatchSize":11}`, invalidParameter, []string{"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"}},
		{"POST ESM", `{"FunctionName":"f","EventSourceArn":"` + queueARN + `","BatchSize":11,"MaximumBatchingWindowInSeconds":1}`, "202", nil},
		{"PUT ESM/UUID#", `{"MaximumBatchingWindowInSeconds":0}`, invalidParameter, []string{"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"}},
	}},
}
