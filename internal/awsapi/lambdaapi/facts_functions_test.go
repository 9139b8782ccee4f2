package lambdaapi

import "strings"

const (
	constraint     = " failed to satisfy constraint: "
	oneError       = "1 validation error detected: Value "
	derived        = "The derived qualifier from the function name does not match the specified qualifier."
	staleRevision  = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
	functionsOnly  = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."
	unreachable    = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
	inEurope       = "arn:aws:lambda:eu-west-1:111111111111:function:f"
	qualifierFails = constraint + "Member must satisfy regular expression pattern: " + qualifierRX
	nameFails      = constraint + "Member must satisfy regular expression pattern: " + dotPattern
	tagsARN        = "TAGS/ARN:function:f"
)

// createOf is createBody for another function, with more members.
func createOf(name, more string) string {
	return strings.Replace(strings.Replace(createBody, `"f"`, `"`+name+`"`, 1), `"Role"`, more+`"Role"`, 1)
}

var protocolFacts = []fact{
	{"F003", []ask{{"GET F/g", "", notFoundCode, []string{"Function not found: ARN:function:g"}}}},
	{"F004", []ask{{"PUT F/f/code", `{"ZipFile":"UEs=","RevisionId":"no"}`, preconditionCode, []string{staleRevision}}}},
	{"F005", []ask{{"POST F/f/aliases", `{"Name":"a","FunctionVersion":"$LATEST","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidParameter,
		[]string{"$LATEST is not supported for an alias pointing to more than 1 version", "untyped"}}}},
	{"F006", []ask{{"GET SIGNING/ARN:code-signing-config:csc-00000000000000000", "", notFoundCode,
		[]string{"The Lambda code signing configuration ARN:code-signing-config:csc-00000000000000000 can not be found.", "untyped"}}}},
	{"F007", []ask{{"GET F/*", "", validationCode, []string{oneError + "'*' at 'functionName'" + nameFails}}}},
	{"F008", []ask{{"PUT F/f/configuration", `{"SnapStart":{"ApplyOn":"x"}}`, validationCode,
		[]string{oneError + "'x' at 'snapStart.applyOn'" + constraint + "Member must satisfy enum value set: [PublishedVersions, None]"}}}},
	{"F009", []ask{
		{"POST F", `{"FunctionName":"g","Role":"` + role + `"}`, validationCode, []string{oneError + "null at 'code'" + constraint + "Member must not be null"}},
		{"POST F", createOf("g", `"Architectures":["x86_64","arm64"],`), validationCode, []string{oneError + "'[x86_64, arm64]' at 'architectures'" + constraint + "Member must have length less than or equal to 1"}},
	}},
	{"F010", []ask{{"PUT F/f/configuration", `{"Timeout":0}`, validationCode, []string{oneError + "'0' at 'timeout'" + constraint + "Member must have value greater than or equal to 1"}}}},
	{"F011", []ask{{"POST F", createOf("g", `"Architectures":["X86_64"],`), validationCode, []string{oneError + "'[X86_64]' at 'architectures'" + constraint +
		"Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"}}}},
	{"F012", []ask{{"PUT RECURSION/f/recursion-config", `{"RecursiveLoop":"x"}`, validationCode, []string{oneError + "'x' at 'recursiveLoop'" + constraint + "Member must satisfy enum value set: [Terminate, Allow]"}}}},
	{"F013", []ask{{"GET F/g?Qualifier=no!", "", validationCode, []string{oneError + "'no!' at 'qualifier'" + qualifierFails}}}},
	{"F014", []ask{
		{"POST F", createOf("g", ""), "201", nil},
		{"POST F/g/versions", `{}`, "201", nil},
		{"POST F/g/aliases", `{"Name":"a","FunctionVersion":"1"}`, "201", nil},
		{"POST F/g/policy", `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`, "201", nil},
		{"POST LAYERS/l/versions", `{"Content":{"ZipFile":"UEs="}}`, "201", nil},
		{"POST LAYERS/l/versions/1/policy", `{"StatementId":"s","Action":"lambda:GetLayerVersion","Principal":"*"}`, "201", nil},
		{"POST URL/g/url", `{"AuthType":"NONE"}`, "201", nil},
		{"PUT F/g/aliases/a", `{"Description":"d"}`, "200", nil},
		{"GET F/g", "", "200", nil},
		{"GET F", "", "200", nil},
		{"POST " + tagsARN, `{"Tags":{"a":"b"}}`, "204", nil},
		{"DELETE " + tagsARN + "?tagKeys=a", "", "204", nil},
		{"POST ESM", `{"FunctionName":"g","EventSourceArn":"` + queueARN + `"}`, "202", nil},
		{"PUT ESM/UUID#", `{"BatchSize":1}`, "202", nil},
		{"DELETE ESM/UUID#", "", "202", nil},
	}},
	{"F015", []ask{
		{"POST URL/f/url", `{"AuthType":"NONE"}`, "201", nil},
		{"DELETE URL/f/url", "", "204", nil},
		{"DELETE RESERVE/f/concurrency", "", "204", nil},
		{"DELETE F/f", "", "204", nil},
	}},
	{"F016", []ask{
		{"GET F/f/configuration", "", "200", []string{`"LastModified":"20`, `+0000"`}},
		{"PUT EVENT/f/event-invoke-config", `{"MaximumRetryAttempts":0}`, "200", []string{`"LastModified":9`}}, // the bubble's clock is that of 2000
		{"POST LAYERS/l/versions", `{"Content":{"ZipFile":"UEs="}}`, "201", []string{`"CreatedDate":"20`}},
		{"POST URL/f/url", `{"AuthType":"NONE"}`, "201", []string{`"CreationTime":"20`}},
	}},

	{"F017", []ask{
		{"GET F/f:$LATEST", "", "200", nil},
		{"GET F/111111111111:function:f", "", "200", nil},
		{"GET F/function:f", "", "200", nil},
		{"GET F/ARN:function:f", "", "200", nil},
		{"GET F/ARN:function:f:$LATEST", "", "200", nil},
	}},
	{"F018", []ask{
		{"GET F/a.b", "", notFoundCode, []string{"Function not found: ARN:function:a.b"}},
		{"GET F/f:$LATEST.PUBLISHED", "", notFoundCode, []string{"Function not found: ARN:function:f:$LATEST.PUBLISHED"}},
		{"GET F/arn:aws-cn:lambda:us-gov-west-1:111111111111:function:a!", "", validationCode,
			[]string{oneError + "'arn:aws-cn:lambda:us-gov-west-1:111111111111:function:a!' at 'functionName'" + nameFails}},
	}},
	{"F019", []ask{{"POST F", createOf("a.b", ""), validationCode,
		[]string{oneError + "'a.b' at 'functionName'" + constraint + "Member must satisfy regular expression pattern: " + noDotPattern}}}},
	{"F020", []ask{{"GET F/f?Qualifier=" + strings.Repeat("a", 129), "", validationCode,
		[]string{oneError + "'" + strings.Repeat("a", 129) + "' at 'qualifier'" + constraint + "Member must have length less than or equal to 128"}}}},
	{"F021", []ask{
		{"POST F", createOf(strings.Repeat("a", 141), ""), validationCode,
			[]string{oneError + "'" + strings.Repeat("a", 141) + "' at 'functionName'" + constraint + "Member must have length less than or equal to 140"}},
		{"GET F/" + strings.Repeat("a", 256), "", notFoundCode, []string{"Function not found: ARN:function:" + strings.Repeat("a", 256)}},
		{"GET F/" + strings.Repeat("a", 257), "", validationCode,
			[]string{oneError + "'" + strings.Repeat("a", 257) + "' at 'functionName'" + constraint + "Member must have length less than or equal to 256"}},
	}},
	{"F022", []ask{{"POST F", createOf(strings.Repeat("a", 65), ""), invalidParameter,
		[]string{oneError + "'" + strings.Repeat("a", 65) + "' at 'functionName'" + constraint + "Member must have length less than or equal to 64"}}}},
	{"F023", []ask{
		{"GET F/" + strings.Repeat("a", 65), "", notFoundCode, []string{"Function not found: ARN:function:" + strings.Repeat("a", 65)}},
		{"DELETE F/" + strings.Repeat("a", 65), "", notFoundCode, []string{"Function not found: ARN:function:" + strings.Repeat("a", 65)}},
	}},
	{"F027", []ask{
		{"GET F/ARN:function", "", notFoundCode, []string{"Function not found: ARN:function:function"}},
		{"POST F", createOf("ARN:function", ""), "201", []string{`"FunctionName":"function"`}},
	}},
	{"F028", []ask{{"DELETE F/ARN:function:f:$LATEST?Qualifier=1", "", invalidParameter, []string{derived}}}},
	{"F029", []ask{{"GET F/f?Qualifier=$latest", "", notFoundCode, []string{"Function not found: ARN:function:f:$latest"}}}},
	{"F030", []ask{{"DELETE F/f?Qualifier=invalid!", "", validationCode, []string{oneError + "'invalid!' at 'qualifier'" + qualifierFails}}}},
	{"F031", []ask{{"DELETE F/nobody?Qualifier=live", "", invalidParameter, []string{"Deletion of aliases is not currently supported."}}}},
	{"F032", []ask{
		{"GET F/" + inEurope, "", notFoundCode, []string{unreachable}},
		{"GET F/" + inEurope + "/configuration", "", notFoundCode, []string{unreachable}},
		{"GET URL/" + inEurope + "/url", "", notFoundCode, []string{unreachable}},
		{"GET SIGNED/" + inEurope + "/code-signing-config", "", notFoundCode, []string{unreachable}},
		{"DELETE F/" + inEurope, "", notFoundCode, []string{unreachable}},
		{"POST F/" + inEurope + "/invocations", "", notFoundCode, []string{unreachable}},
	}},
	{"F033", []ask{{"GET F/g?Qualifier=7", "", notFoundCode, []string{"Function not found: ARN:function:g:7"}}}},
	{"F034", []ask{{"DELETE F/g?Qualifier=7", "", notFoundCode, []string{"Function not found: ARN:function:g"}}}},
}

var functionFacts = []fact{
	{"F035", []ask{{"POST F", createOf("g", ""), "201", []string{`"State":"Pending","StateReason":"The function is being created.","StateReasonCode":"Creating"`, "not LastUpdateStatus"}}}},
	{"F036", []ask{{"GET F/f/configuration", "", "200", []string{`"State":"Active"`, `"LastUpdateStatus":"Successful"`, "not StateReason", "not LastUpdateStatusReason"}}}},
	{"F037", []ask{{"POST F", createOf("g", ""), "201", nil}, {"GET F/g/configuration", "", "200", []string{"new revision"}}}},
	{"F038", []ask{{"GET F/f/configuration", "", "200", []string{`"Architectures":`, `"CodeSha256":`, `"CodeSize":`, `"Description":`, `"EphemeralStorage":`, `"FunctionArn":`, `"FunctionName":`, `"Handler":`, `"LastModified":`,
		`"LoggingConfig":`, `"MemorySize":`, `"PackageType":`, `"RevisionId":`, `"Role":`, `"Runtime":`, `"RuntimeVersionConfig":`, `"SnapStart":`, `"State":`, `"Timeout":`, `"TracingConfig":`, `"Version":`}}}},
	{"F039", []ask{{"GET F/f/configuration", "", "200", []string{`"Architectures":["x86_64"]`, `"Description":""`, `"EphemeralStorage":{"Size":512}`, `"MemorySize":128`, `"Timeout":3`, `"PackageType":"Zip"`,
		`"TracingConfig":{"Mode":"PassThrough"}`, `"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"}`, `"LoggingConfig":{"LogFormat":"Text","LogGroup":"/aws/lambda/f"}`, `"Version":"$LATEST"`}}}},
	{"F040", []ask{
		{"GET F/f/configuration", "", "200", []string{`not "Environment"`}},
		{"POST F", createOf("g", `"Environment":{"Variables":{}},`), "201", []string{`"Environment":{"Variables":{}}`}},
	}},
	{"F041", []ask{{"GET F/f/configuration", "", "200", []string{`not "Layers"`, `not "VpcConfig"`, `not "DeadLetterConfig"`, `not "KMSKeyArn"`, `not "FileSystemConfigs"`, `not "ImageConfigResponse"`}}}},
	{"F042", []ask{
		{"GET F/f/configuration", "", "200", []string{`"RuntimeVersionConfig":{"RuntimeVersionArn":"arn:aws:lambda:us-east-1::runtime:`}},
		{"GET F", "", "200", []string{"not RuntimeVersionConfig"}},
	}},
	{"F043", []ask{{"GET F/f/configuration", "", "200", []string{`"CodeSha256":"/Kt/zCtM/9m7RQA7/C5GigTvb3fKggCnNB8CdjFYTSU="`, `"CodeSize":2`}}}},
	{"F045", []ask{
		{"GET F/f", "", "200", []string{`not "Tags"`}},
		{"POST " + tagsARN, `{"Tags":{"a":"b"}}`, "204", nil},
		{"GET F/f", "", "200", []string{`"Tags":{"a":"b"}`}},
		{"DELETE " + tagsARN + "?tagKeys=a", "", "204", nil},
		{"GET F/f", "", "200", []string{`not "Tags"`}},
		{"GET " + tagsARN, "", "200", []string{`{"Tags":{}}`}},
	}},
	{"F046", []ask{
		{"GET F/f?Qualifier=$LATEST", "", "200", []string{`"FunctionArn":"ARN:function:f:$LATEST"`}},
		{"GET F/f/configuration?Qualifier=$LATEST", "", "200", []string{`"FunctionArn":"ARN:function:f:$LATEST"`}},
		{"GET F/f/configuration", "", "200", []string{`"FunctionArn":"ARN:function:f"`}},
	}},
	{"F047", []ask{
		{"POST F/f/versions", `{}`, "201", nil},
		{"POST F/f/aliases", `{"Name":"live","FunctionVersion":"1"}`, "201", nil},
		{"GET F/f?Qualifier=live", "", "200", []string{`"FunctionArn":"ARN:function:f:live"`, `"Version":"1"`}},
	}},
	{"F048", []ask{{"POST F", createOf("g", `"Publish":true,`), "201", []string{`"Version":"1"`, `"FunctionArn":"ARN:function:g"`, `"State":"Pending"`}}}},
	{"F049", []ask{{"DELETE F/f", "", "204", nil}, {"POST F", createBody, "201", nil}}},
	{"F050", []ask{{"POST F", strings.Replace(createOf("g", ""), role, "r1", 1), validationCode,
		[]string{oneError + "'r1' at 'role'" + constraint + `Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`}}}},
	{"F051", []ask{
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "PYTHON3.9", 1), invalidParameter, []string{unknownRuntime("PYTHON3.9")}},
		{"PUT F/f/configuration", `{"Runtime":"non-existent-runtime"}`, invalidParameter, []string{unknownRuntime("non-existent-runtime")}},
	}},
	{"F052", []ask{
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "java8", 1), invalidParameter, []string{retiredRuntime("java8")}},
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "ruby2.7", 1), invalidParameter, []string{retiredRuntime("ruby2.7")}},
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "nodejs14.x", 1), invalidParameter, []string{retiredRuntime("nodejs14.x")}},
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "nodejs12.x", 1), invalidParameter, []string{retiredRuntime("nodejs12.x")}},
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "python3.7", 1), invalidParameter, []string{retiredRuntime("python3.7")}},
		{"POST F", strings.Replace(createOf("g", ""), "python3.13", "dotnetcore3.1", 1), invalidParameter, []string{retiredRuntime("dotnetcore3.1")}},
	}},
	{"F059", []ask{{"PUT F/f/configuration", `{"Environment":{"Variables":{"SMALL_VAR":"ok","LARGE_VAR":"` + strings.Repeat("x", 4096) + `"}}}`, invalidParameter,
		[]string{"Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: " +
			`{"SMALL_VAR":"ok","LARGE_VAR":"` + strings.Repeat("x", 4096) + `"}`}}}},
	{"F060", []ask{{"PUT F/f/configuration", `{"VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":["sg-1"]}}`, "200",
		[]string{`"Ipv6AllowedForDualStack":false`, `"SecurityGroupIds":["sg-1"]`, `"SubnetIds":["subnet-1"]`, `"VpcId":"vpc-`}}}},
	{"one of subnets and groups", []ask{
		{"PUT F/f/configuration", `{"VpcConfig":{"SubnetIds":["subnet-1"]}}`, invalidParameter, []string{"SubnetIds and SecurityIds must coexist or be both empty list."}},
		{"PUT F/f/configuration", `{"VpcConfig":{"SecurityGroupIds":["sg-1"]}}`, invalidParameter, []string{"SubnetIds and SecurityIds must coexist or be both empty list."}},
		{"PUT F/f/configuration", `{"FileSystemConfigs":[{"Arn":"arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-01234567890123456","LocalMountPath":"/mnt/a"}]}`, invalidParameter,
			[]string{"Function must be configured to execute in a VPC to reference access point arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-01234567890123456. " +
				"Please update the function configuration to include VPC subnets and security groups."}},
	}},
	{"F061", []ask{
		{"PUT F/f/configuration", `{"VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":["sg-1"]}}`, "200", nil},
		{"PUT F/f/configuration", `{"VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]}}`, "200", []string{`"SecurityGroupIds":[]`, `"SubnetIds":[]`, `"VpcId":""`}},
	}},
	{"F069", []ask{{"PUT F/f/code", `{"ImageUri":"111111111111.dkr.ecr.us-east-1.amazonaws.com/r:latest"}`, invalidParameter, []string{"Please don't provide ImageUri when updating a function with packageType Zip."}}}},
	{"F070", []ask{
		{"PUT F/f/configuration", `{"MemorySize":256}`, "200", []string{`"State":"Active"`, `"LastUpdateStatus":"InProgress","LastUpdateStatusReason":"The function is being created.","LastUpdateStatusReasonCode":"Creating"`, `"MemorySize":256`}},
		{"PUT F/f/code", `{"ZipFile":"UEsx"}`, "200", []string{`"State":"Active"`, `"LastUpdateStatus":"InProgress"`, `"CodeSize":3`}},
	}},
	{"F071", []ask{{"PUT F/f/configuration", `{"MemorySize":256}`, "200", nil}, {"GET F/f/configuration", "", "200", []string{"new revision", `"LastUpdateStatus":"Successful"`, "not LastUpdateStatusReason"}}}},
	{"F072", []ask{{"PUT F/f/configuration", `{"MemorySize":128}`, "200", []string{`"LastUpdateStatus":"InProgress"`, "new revision"}}}},
	{"F074", []ask{
		{"PUT F/f/code", `{"ZipFile":"UEs=","RevisionId":"no"}`, preconditionCode, []string{staleRevision}},
		{"PUT F/f/configuration", `{"RevisionId":"no"}`, preconditionCode, []string{staleRevision}},
		{"POST F/f/versions", `{"RevisionId":"no"}`, preconditionCode, []string{staleRevision}},
	}},
	{"F075", []ask{
		{"POST F/f/versions", `{}`, "201", nil},
		{"PUT F/f/code", `{"ZipFile":"UEsx","Publish":true}`, "200", []string{`"Version":"2"`, `"FunctionArn":"ARN:function:f:2"`, `"State":"Pending","StateReason":"The function is being created."`, "not LastUpdateStatus"}},
	}},
	{"F078", []ask{
		{"PUT F/f/configuration", `{"DeadLetterConfig":{"TargetArn":"` + queueARN + `"}}`, "200", nil},
		{"PUT F/f/configuration", `{"DeadLetterConfig":{}}`, "200", []string{`"DeadLetterConfig":{"TargetArn":"` + queueARN + `"}`}},
	}},
	{"F079", []ask{{"PUT F/f/configuration", `{"SnapStart":{"ApplyOn":"PublishedVersions"}}`, "200", []string{`"SnapStart":{"ApplyOn":"PublishedVersions","OptimizationStatus":"Off"}`}}}},
	{"F080", []ask{{"PUT F/f/configuration", `{"LoggingConfig":{"LogFormat":"JSON"}}`, "200", []string{`"LogFormat":"JSON"`, `"ApplicationLogLevel":"INFO"`, `"SystemLogLevel":"INFO"`, `"LogGroup":"/aws/lambda/f"`}}}},
	{"F081", []ask{
		{"PUT F/f/configuration", `{"LoggingConfig":{"LogFormat":"JSON"}}`, "200", nil},
		{"PUT F/f/configuration", `{"LoggingConfig":{"LogFormat":"Text"}}`, "200", []string{`"LogFormat":"Text"`, "not LogLevel"}},
	}},
	{"F082", []ask{
		{"PUT F/f/configuration", `{"LoggingConfig":{"LogGroup":"cool_lambda"}}`, "200", []string{`"LogFormat":"Text"`, `"LogGroup":"cool_lambda"`}},
		{"PUT F/f/configuration", `{"LoggingConfig":{"LogFormat":"JSON","ApplicationLogLevel":"TRACE"}}`, "200", []string{`"ApplicationLogLevel":"TRACE"`, `"SystemLogLevel":"INFO"`, `"LogGroup":"cool_lambda"`}},
	}},
	{"F083", []ask{{"PUT F/f/configuration", `{"LoggingConfig":{"LogGroup":"cool_lambda"}}`, "200", []string{`"LogGroup":"cool_lambda"`}}}},
	{"F084", []ask{
		{"DELETE F/f", "", "204", nil},
		{"DELETE F/f", "", notFoundCode, []string{"Function not found: ARN:function:f"}},
		{"GET F/f", "", notFoundCode, []string{"Function not found: ARN:function:f"}},
	}},
	{"F086", []ask{
		{"POST ESM", `{"FunctionName":"f","EventSourceArn":"` + queueARN + `"}`, "202", nil},
		{"DELETE F/f", "", "204", nil},
		{"GET ESM/UUID#", "", "200", []string{`"State":"Enabled"`, `"FunctionArn":"ARN:function:f"`}},
		{"DELETE ESM/UUID#", "", "202", nil},
	}},
	{"F087", []ask{
		{"POST F/f/versions", `{}`, "201", nil},
		{"GET F", "", "200", []string{`"FunctionArn":"ARN:function:f"`, `"Version":"$LATEST"`, "not State", "not LastUpdateStatus", "not RuntimeVersionConfig", `not "Version":"1"`}},
	}},
	{"F088", []ask{
		{"POST F/f/versions", `{}`, "201", nil},
		{"GET F?FunctionVersion=ALL", "", "200", []string{`"FunctionArn":"ARN:function:f:$LATEST"`, `"FunctionArn":"ARN:function:f:1"`}},
	}},
	{"F089", []ask{{"GET F?FunctionVersion=invalid", "", validationCode, []string{oneError + "'invalid' at 'functionVersion'" + constraint + "Member must satisfy enum value set: [ALL]"}}}},
	{"F289", []ask{
		{"POST F/f/versions", `{}`, "201", []string{`"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"}`}},
		{"GET F/f?Qualifier=1", "", "200", []string{`"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"}`}},
		{"GET F/f", "", "200", []string{`"SnapStart":{"ApplyOn":"None","OptimizationStatus":"Off"}`}},
	}},
}

const creatableRuntimes = "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"

func unknownRuntime(name string) string {
	return "Value " + name + " at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [" + creatableRuntimes + "] or be a valid ARN"
}

func retiredRuntime(name string) string {
	return "The runtime parameter of " + name + " is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."
}
