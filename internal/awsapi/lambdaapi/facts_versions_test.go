package lambdaapi

import (
	"fmt"
	"strings"
)

const (
	aliasFails  = constraint + "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
	weightFails = constraint + "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"
	keyFails    = constraint + "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"
	onWeights   = " at 'routingConfig.additionalVersionWeights'"
)

// twoVersions publishes 1 and 2, and the alias a of 1.
func twoVersions(more ...ask) []ask {
	return append([]ask{
		{"POST F/f/versions", `{}`, "201", nil},
		{"PUT F/f/code", `{"ZipFile":"UEsx","Publish":true}`, "200", nil},
		{"POST F/f/aliases", `{"Name":"a","FunctionVersion":"1"}`, "201", nil},
	}, more...)
}

var versionFacts = []fact{
	{"F090", []ask{
		{"PUT F/f/configuration", `{"Description":"of latest"}`, "200", nil},
		{"POST F/f/versions", `{}`, "201", []string{`"FunctionArn":"ARN:function:f:1"`, `"State":"Active"`, `"LastUpdateStatus":"Successful"`, `"Description":"of latest"`, "new revision"}},
	}},
	{"F091", []ask{
		{"POST F", createOf("g", `"Publish":true,`), "201", []string{`"Version":"1"`}},
		{"POST F/g/versions", `{}`, "201", []string{`"Version":"1"`, `"FunctionArn":"ARN:function:g:1"`, `"State":"Active"`}},
	}},
	{"F092", []ask{{"POST F/f/versions", `{"CodeSha256":"somenonexistentsha256"}`, invalidParameter,
		[]string{"CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST (/Kt/zCtM/9m7RQA7/C5GigTvb3fKggCnNB8CdjFYTSU=). Please try again with the CodeSHA256 in $LATEST."}}}},
	{"F095", []ask{{"GET F/f/configuration", "", "200", nil}, {"POST F/f/versions", `{}`, "201", nil}, {"GET F/f/configuration", "", "200", []string{"new revision"}}}},

	{"F096", twoVersions(
		ask{"GET F/f/aliases/a", "", "200", []string{`{"AliasArn":"ARN:function:f:a","Name":"a","FunctionVersion":"1","Description":"","RevisionId":`, "not RoutingConfig"}},
		ask{"POST F/f/aliases", `{"Name":"b","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}}}`, "201", []string{`"RoutingConfig":{"AdditionalVersionWeights":{"2":0.5}}`}},
	)},
	{"F097", twoVersions(
		ask{"GET F/f/aliases/a", "", "200", nil},
		ask{"PUT F/f/aliases/a", `{"Description":"d"}`, "200", []string{"new revision", `"Description":"d"`}},
		ask{"DELETE F/f/aliases/a", "", "204", nil},
	)},
	{"F098", []ask{{"DELETE F/f/aliases/nobody", "", "204", nil}}},
	{"F099", []ask{
		{"PUT F/f/aliases/non-existent", `{}`, notFoundCode, []string{"Alias not found: ARN:function:f:non-existent"}},
		{"GET F/f/aliases/non-existent", "", notFoundCode, []string{"Cannot find alias arn: ARN:function:f:non-existent"}},
	}},
	{"F100", twoVersions(ask{"POST F/f/aliases", `{"Name":"a","FunctionVersion":"1"}`, conflictCode, []string{"Alias already exists: ARN:function:f:a"}})},
	{"F101", twoVersions(
		ask{"POST F/f/aliases", `{"Name":"b","FunctionVersion":"10"}`, notFoundCode, []string{"Function not found: ARN:function:f:10"}},
		ask{"POST F/f/aliases", `{"Name":"b","FunctionVersion":"1","RoutingConfig":{"AdditionalVersionWeights":{"10":0.5}}}`, notFoundCode, []string{"Function not found: ARN:function:f:10"}},
		ask{"POST F/f-unknown/aliases", `{"Name":"b","FunctionVersion":"1"}`, notFoundCode, []string{"Function not found: ARN:function:f-unknown:1"}},
	)},
	{"F102", twoVersions(
		ask{"POST F/f/aliases", `{"Name":"2024","FunctionVersion":"1"}`, validationCode, []string{oneError + "'2024' at 'name'" + aliasFails}},
		ask{"POST F/f/aliases", `{"Name":"2024-01-02","FunctionVersion":"1"}`, "201", nil},
	)},
	{"F103", twoVersions(ask{"PUT F/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"2":0.1,"3":0.1}}}`, invalidParameter, []string{"Number of items in AdditionalVersionWeights cannot be greater than 1"}})},
	{"F104", twoVersions(
		ask{"PUT F/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"2":2.0}}}`, validationCode, []string{oneError + "'{2=2.0}'" + onWeights + weightFails}},
		ask{"PUT F/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"2":-1}}}`, validationCode, []string{oneError + "'{2=-1.0}'" + onWeights + weightFails}},
	)},
	{"F105", twoVersions(ask{"PUT F/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidParameter,
		[]string{"Invalid function version 1. Function version 1 is already included in routing configuration."}})},
	{"F106", twoVersions(
		ask{"POST F/f/aliases", `{"Name":"b","FunctionVersion":"$LATEST","RoutingConfig":{"AdditionalVersionWeights":{"1":0.5}}}`, invalidParameter, []string{"$LATEST is not supported for an alias pointing to more than 1 version", "untyped"}},
		ask{"PUT F/f/aliases/a", `{"RoutingConfig":{"AdditionalVersionWeights":{"$LATEST":0.5}}}`, validationCode, []string{oneError + "'{$LATEST=0.5}'" + onWeights + keyFails}},
	)},
	{"F107", twoVersions(
		ask{"PUT F/f/aliases/a", `{"FunctionVersion":"2"}`, "200", nil},
		ask{"GET F/f?Qualifier=a", "", "200", []string{`"Version":"2"`}},
		ask{"GET F/f?Qualifier=nobody", "", notFoundCode, []string{"Function not found: ARN:function:f:nobody"}},
	)},

	{"F108", []ask{{"POST " + tagsARN, `{"Tags":{"b":"2","a":"1"}}`, "204", nil}, {"GET " + tagsARN, "", "200", []string{`{"Tags":{"a":"1","b":"2"}}`}}}},
	{"F109", []ask{
		{"POST " + tagsARN, `{"Tags":{"b":"2","a":"1"}}`, "204", nil},
		{"POST " + tagsARN, `{"Tags":{"b":"3"}}`, "204", nil},
		{"DELETE " + tagsARN + "?tagKeys=a&tagKeys=never", "", "204", nil},
		{"DELETE " + tagsARN + "?tagKeys=never", "", "204", nil},
		{"GET " + tagsARN, "", "200", []string{`{"Tags":{"b":"3"}}`}},
	}},
	{"F110", []ask{
		{"POST " + tagsARN, `{"Tags":{"a":"1"}}`, "204", nil},
		{"GET F/f/configuration", "", "200", []string{"new revision"}},
		{"DELETE " + tagsARN + "?tagKeys=a", "", "204", nil},
		{"GET F/f/configuration", "", "200", []string{"new revision"}},
	}},
	{"F111", []ask{
		{"POST " + tagsARN, `{"Tags":{` + tagList(51) + `}}`, invalidParameter, []string{"Number of tags exceeds resource tag limit."}},
		{"POST " + tagsARN, `{"Tags":{` + tagList(50) + `}}`, "204", nil},
		{"POST " + tagsARN, `{"Tags":{"one":"more"}}`, invalidParameter, []string{"Number of tags exceeds resource tag limit."}},
		{"POST F", createOf("g", `"Tags":{`+tagList(51)+`},`), invalidParameter, []string{"Number of tags exceeds resource tag limit."}},
	}},
	{"F112", twoVersions(
		ask{"POST TAGS/ARN:function:f:1", `{"Tags":{"a":"1"}}`, invalidParameter, []string{"Tags on function aliases and versions are not supported. Please specify a function ARN."}},
		ask{"DELETE TAGS/ARN:function:f:a?tagKeys=a", "", invalidParameter, []string{"Tags on function aliases and versions are not supported. Please specify a function ARN."}},
	)},
	{"F113", []ask{
		{"DELETE F/f", "", "204", nil},
		{"POST " + tagsARN, `{"Tags":{"a":"1"}}`, notFoundCode, []string{"Function not found: ARN:function:f"}},
		{"DELETE " + tagsARN + "?tagKeys=a", "", notFoundCode, []string{"Function not found: ARN:function:f"}},
		{"GET " + tagsARN, "", notFoundCode, []string{"Function not found: ARN:function:f"}},
	}},
}

// tagList is so many tags as JSON has them inside an object.
func tagList(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"k%d":"v"`, i))
	}
	return strings.Join(list, ",")
}

const (
	noLayer      = "The resource you requested does not exist."
	layerPattern = `(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)`
	publishLayer = `{"Content":{"ZipFile":"UEs="}}`
	grant        = `{"StatementId":"s1","Action":"lambda:GetLayerVersion","Principal":"*"}`
	staleLayer   = "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"
)

// layered publishes versions 1 and 2 of l.
func layered(more ...ask) []ask {
	return append([]ask{{"POST LAYERS/l/versions", publishLayer, "201", nil}, {"POST LAYERS/l/versions", publishLayer, "201", nil}}, more...)
}

var layerFacts = []fact{
	{"F116", []ask{
		{"POST LAYERS/l/versions", `{"Content":{"ZipFile":"UEs="},"CompatibleRuntimes":["python3.13"],"CompatibleArchitectures":["arm64"]}`, "201",
			[]string{`"CompatibleArchitectures":["arm64"]`, `"CompatibleRuntimes":["python3.13"]`, `"Content":{`, `"CodeSha256":`, `"CodeSize":2`, `"Location":"`, `"CreatedDate":`, `"Description":""`, `"LayerArn":"ARN:layer:l"`, `"LayerVersionArn":"ARN:layer:l:1"`, `"Version":1`, "not LicenseInfo"}},
		{"POST LAYERS/l/versions", `{"Content":{"ZipFile":"UEs="},"LicenseInfo":"MIT"}`, "201", []string{`"LicenseInfo":"MIT"`}},
	}},
	{"F117", []ask{
		{"POST LAYERS/l/versions", `{"Content":{"ZipFile":"UEs="},"CompatibleRuntimes":[],"CompatibleArchitectures":[]}`, "201", []string{`"CompatibleRuntimes":[]`, `"CompatibleArchitectures":[]`}},
		{"POST LAYERS/l/versions", publishLayer, "201", []string{"not Compatible"}},
	}},
	{"F118", layered(
		ask{"DELETE LAYERS/l/versions/1", "", "204", nil}, ask{"DELETE LAYERS/l/versions/2", "", "204", nil},
		ask{"POST LAYERS/l/versions", publishLayer, "201", []string{`"Version":3`}},
	)},
	{"F119", layered(
		ask{"GET LAYERS/l/versions", "", "200", []string{`{"LayerVersions":[{"LayerVersionArn":"ARN:layer:l:2"`, "not Content"}},
		ask{"GET LAYERS/nobody/versions", "", "200", []string{`{"LayerVersions":[]}`}},
	)},
	{"F120", layered(
		ask{"DELETE LAYERS/nobody/versions/1", "", "204", nil}, ask{"DELETE LAYERS/l/versions/9", "", "204", nil},
		ask{"DELETE LAYERS/l/versions/1", "", "204", nil}, ask{"DELETE LAYERS/l/versions/1", "", "204", nil},
		ask{"DELETE LAYERS/l/versions/0", "", invalidParameter, []string{"Layer Version Cannot be less than 1"}},
		ask{"GET LAYERS/l/versions/0", "", invalidParameter, []string{"Layer Version Cannot be less than 1"}},
		ask{"GET LAYERS/l/versions/-1", "", invalidParameter, []string{"Layer Version Cannot be less than 1"}},
	)},
	{"F121", []ask{
		{"GET LAYERS/l/versions/1", "", notFoundCode, []string{noLayer}},
		{"GET LAYERS?find=LayerVersion&Arn=ARN:layer:l:1", "", notFoundCode, []string{noLayer}},
	}},
	{"F122", []ask{{"GET LAYERS?find=LayerVersion&Arn=ARN:layer:l", "", validationCode,
		[]string{oneError + "'ARN:layer:l' at 'arn'" + constraint + "Member must satisfy regular expression pattern: " + layerPattern}}}},
	{"F124", []ask{{"POST LAYERS/l/versions", `{"Content":{"ZipFile":"UEs="},"CompatibleRuntimes":["invalidruntime","nodejs20.x"],"CompatibleArchitectures":["invalidarch"]}`, validationCode,
		[]string{"2 validation errors detected: Value '[invalidruntime, nodejs20.x]' at 'compatibleRuntimes'" + constraint + "Member must satisfy enum value set: [" + creatableRuntimes + "]; Value '[invalidarch]' at 'compatibleArchitectures'" +
			constraint + "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"}}}},
	{"F125", layered(
		ask{"PUT F/f/configuration", `{"Layers":["ARN:layer:l:1"]}`, "200", []string{`"Layers":[{"Arn":"ARN:layer:l:1","CodeSize":2}]`}},
		ask{"DELETE LAYERS/l/versions/1", "", "204", nil},
		ask{"GET F/f/configuration", "", "200", []string{`"Layers":[{"Arn":"ARN:layer:l:1","CodeSize":2}]`}},
	)},
	{"F126", layered(
		ask{"PUT F/f/configuration", `{"Layers":["ARN:layer:l:1","ARN:layer:l:2"]}`, invalidParameter,
			[]string{"Two different versions of the same layer are not allowed to be referenced in the same function. ARN:layer:l:1 and ARN:layer:l:2 are versions of the same layer."}},
		ask{"PUT F/f/configuration", `{"Layers":["ARN:layer:l:1","ARN:layer:l:1"]}`, invalidParameter,
			[]string{"Two different versions of the same layer are not allowed to be referenced in the same function. ARN:layer:l:1 and ARN:layer:l:1 are versions of the same layer."}},
	)},
	{"F127", layered(
		ask{"PUT F/f/configuration", `{"Layers":["ARN:layer:l:9"]}`, invalidParameter, []string{"Layer version ARN:layer:l:9 does not exist."}},
		ask{"POST F", createOf("g", `"Layers":["ARN:layer:doesnotexist:1"],`), invalidParameter, []string{"Layer version ARN:layer:doesnotexist:1 does not exist."}},
	)},
	{"F128", []ask{{"PUT F/f/configuration", `{"Layers":["ARN:layer:l"]}`, validationCode, []string{oneError + "'[ARN:layer:l]' at 'layers'" + constraint +
		"Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: " + layerPattern + ", Member must not be null]"}}}},
	{"F129", []ask{{"PUT F/f/configuration", `{"Layers":["arn:aws:lambda:eu-west-1:111111111111:layer:l:1"]}`, invalidParameter,
		[]string{"Layers are not in the same region as the function. Layers are expected to be in region us-east-1."}}}},
	{"F130", []ask{{"POST LAYERS/l/versions", `{"Content":{"S3Bucket":"bucket","S3Key":"key"}}`, "201", []string{`"LayerVersionArn":"ARN:layer:l:1"`, `"Content":{`, `"CodeSize":2`}}}},
	{"F131", layered(ask{"POST LAYERS/l/versions/1/policy", grant, "201",
		[]string{`"Statement":"{\"Sid\":\"s1\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:GetLayerVersion\",\"Resource\":\"ARN:layer:l:1\"}"`, `"RevisionId":`}})},
	{"F132", layered(
		ask{"POST LAYERS/l/versions/1/policy", grant, "201", nil},
		ask{"GET LAYERS/l/versions/1/policy", "", "200", []string{`"Policy":"{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":[{\"Sid\":\"s1\"`, "same revision"}},
		ask{"POST LAYERS/l/versions/1/policy", strings.Replace(grant, "s1", "s2", 1), "201", []string{"new revision"}},
		ask{"DELETE LAYERS/l/versions/1/policy/s2", "", "204", nil},
		ask{"GET LAYERS/l/versions/1/policy", "", "200", []string{"new revision"}},
	)},
	{"F133", layered(
		ask{"GET LAYERS/l/versions/1/policy", "", notFoundCode, []string{"No policy is associated with the given resource."}},
		ask{"POST LAYERS/l/versions/1/policy", strings.Replace(grant, "lambda:GetLayerVersion", "*", 1), validationCode,
			[]string{oneError + "'*' at 'action'" + constraint + "Member must satisfy regular expression pattern: lambda:GetLayerVersion"}},
	)},
	{"F134", layered(
		ask{"POST LAYERS/l/versions/1/policy", grant, "201", nil},
		ask{"POST LAYERS/l/versions/1/policy", grant, conflictCode, []string{"The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement."}},
	)},
	{"F135", layered(
		ask{"POST LAYERS/l/versions/1/policy", grant, "201", nil},
		ask{"POST LAYERS/l/versions/1/policy?RevisionId=no", strings.Replace(grant, "s1", "s2", 1), preconditionCode, []string{staleLayer}},
		ask{"DELETE LAYERS/l/versions/1/policy/s1?RevisionId=no", "", preconditionCode, []string{staleLayer}},
	)},
	{"F136", layered(
		ask{"POST LAYERS/nobody/versions/1/policy", grant, notFoundCode, []string{"Layer version ARN:layer:nobody:1 does not exist."}},
		ask{"GET LAYERS/l/versions/9/policy", "", notFoundCode, []string{"Layer version ARN:layer:l:9 does not exist."}},
		ask{"DELETE LAYERS/l/versions/9/policy/s1", "", notFoundCode, []string{"Layer version ARN:layer:l:9 does not exist."}},
		ask{"POST LAYERS/l/versions/1/policy", grant, "201", nil},
		ask{"DELETE LAYERS/l/versions/1/policy/doesnotexist", "", notFoundCode, []string{"Statement doesnotexist is not found in resource policy."}},
	)},
}
