package lambdaapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const (
	policyPath  = functionsPath + "/f/policy"
	functionF   = "arn:aws:lambda:us-east-1:111111111111:function:f"
	layerPolicy = "/2018-10-31/layers/l/versions/1/policy"
	layerL1     = "arn:aws:lambda:us-east-1:111111111111:layer:l:1"
)

// granted is the Statement of an answer.
func granted(t *testing.T, body []byte) string {
	t.Helper()
	var out struct{ Statement string }
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return out.Statement
}

// F137, F138, F139.
func TestStatements(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		for i, c := range []struct{ members, principal, condition string }{
			{`"Principal":"*"`, `"*"`, ``},
			{`"Principal":"s3.amazonaws.com","SourceArn":"arn:aws:s3:::b"`, `{"Service":"s3.amazonaws.com"}`, `,"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}`},
			{`"Principal":"222222222222","EventSourceToken":"t.0"`, `{"AWS":"arn:aws:iam::222222222222:root"}`, `,"Condition":{"StringEquals":{"lambda:EventSourceToken":"t.0"}}`},
			{`"Principal":"arn:aws:iam::222222222222:role/r","PrincipalOrgID":"o-1234567890"`, `{"AWS":"arn:aws:iam::222222222222:role/r"}`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}`},
			{`"Principal":"*","FunctionUrlAuthType":"NONE"`, `"*"`, `,"Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}`},
			{`"Principal":"*","InvokedViaFunctionUrl":true`, `"*"`, `,"Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}`},
			{`"Principal":"s3.amazonaws.com","SourceArn":"arn:aws:s3:::b","SourceAccount":"333333333333"`, `{"Service":"s3.amazonaws.com"}`, `,"Condition":{"StringEquals":{"AWS:SourceAccount":"333333333333"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}`},
		} {
			body := fmt.Sprintf(`{"StatementId":"s%d","Action":"lambda:InvokeFunction",%s}`, i, c.members)
			want := fmt.Sprintf(`{"Sid":"s%d","Effect":"Allow","Principal":%s,"Action":"lambda:InvokeFunction","Resource":"%s"%s}`, i, c.principal, functionF, c.condition)
			if got := granted(t, j.ok(201, "POST", policyPath, body, "").Body.Bytes()); got != want {
				t.Errorf("AddPermission %s\n gave %s\n want %s", body, got, want)
			}
		}
		j.refused("POST", policyPath, `{"StatementId":"x","Action":"lambda:InvokeFunction","Principal":"somebody"}`, invalidParameter,
			"The provided principal was invalid. Please check the principal and try again.")
	})
}

// F140, F141, and what there is no policy of.
func TestPolicyOnTheWire(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		statement := func(id, qualifier string) string {
			return fmt.Sprintf(`{\"Sid\":\"%s\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:InvokeFunction\",\"Resource\":\"%s%s\"}`, id, functionF, qualifier)
		}
		policy := func(statements ...string) string {
			return `{"Policy":"{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":[` + strings.Join(statements, ",") + `]}","RevisionId":"*"}`
		}
		body := func(id string) string {
			return `{"StatementId":"` + id + `","Action":"lambda:InvokeFunction","Principal":"*"}`
		}
		j.refused("GET", policyPath, "", notFoundCode, "The resource you requested does not exist.")
		j.refused("DELETE", policyPath+"/b", "", notFoundCode, "No policy is associated with the given resource.")
		j.ok(201, "POST", policyPath, body("b"), `{"Statement":"`+statement("b", "")+`"}`)
		j.ok(201, "POST", policyPath, body("a"), "")
		j.ok(201, "POST", policyPath+"?Qualifier=live", body("b"), `{"Statement":"`+statement("b", ":live")+`"}`)
		j.ok(201, "POST", functionsPath+"/f:1/policy", body("b"), "")
		j.refused("POST", policyPath, body("b"), conflictCode,
			"The statement id (b) provided already exists. Please provide a new statement id, or remove the existing statement.")
		before := j.ok(200, "GET", policyPath, "", policy(statement("b", ""), statement("a", ""))).Body.String()
		j.publish("f")
		if after := j.send("GET", policyPath, "").Body.String(); after != before {
			t.Errorf("publishing changed the policy from %s to %s", before, after)
		}
		j.refused("GET", policyPath+"?Qualifier=2", "", notFoundCode, "The resource you requested does not exist.")
		j.ok(200, "GET", policyPath+"?Qualifier=live", "", policy(statement("b", ":live")))
		j.ok(200, "GET", policyPath+"?Qualifier=1", "", policy(statement("b", ":1")))
		j.ok(204, "DELETE", policyPath+"/b", "", "")
		j.refused("DELETE", policyPath+"/b", "", notFoundCode, "Statement b is not found in resource policy.")
		j.ok(200, "GET", policyPath, "", policy(statement("a", "")))
		j.ok(204, "DELETE", policyPath+"/a", "", "")
		j.refused("GET", policyPath, "", notFoundCode, "The resource you requested does not exist.")
		j.ok(204, "DELETE", aliasesPath+"/live", "", "")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		j.refused("GET", policyPath+"?Qualifier=live", "", notFoundCode, "The resource you requested does not exist.")
	})
}

func TestPolicyRefusals(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		body := `{"StatementId":"s","Action":"lambda:InvokeFunction","Principal":"*"}`
		j.refused("POST", policyPath+"?Qualifier=$LATEST", body, invalidParameter, "We currently do not support adding policies for $LATEST.")
		j.refused("POST", policyPath+"?Qualifier=9", body, notFoundCode, "Function not found: ARN:function:f:9")
		j.refused("POST", policyPath+"?Qualifier=gone", body, notFoundCode, "Cannot find alias arn: ARN:function:f:gone")
		j.refused("POST", functionsPath+"/nobody/policy", body, notFoundCode, "Function not found: ARN:function:nobody")
		j.refused("GET", functionsPath+"/nobody/policy", "", notFoundCode, "Function not found: ARN:function:nobody")
		j.refused("DELETE", functionsPath+"/nobody/policy/s", "", notFoundCode, "No policy found for: ARN:function:nobody")
		long := strings.Repeat("t", 250)
		for i := 0; ; i++ {
			answer := j.send("POST", policyPath, fmt.Sprintf(`{"StatementId":"s%d","Action":"lambda:InvokeFunction","Principal":"*","EventSourceToken":"%s"}`, i, long))
			if answer.Code == 201 {
				continue
			}
			var out struct{ Policy string }
			if err := json.Unmarshal(j.send("GET", policyPath, "").Body.Bytes(), &out); err != nil {
				t.Fatal(err)
			}
			refused := len(out.Policy) + len(`,{"Sid":"s","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunction","Resource":"","Condition":{"StringEquals":{"lambda:EventSourceToken":""}}}`+functionF+long+fmt.Sprint(i))
			want := fmt.Sprintf(`{"Type":"User","message":"The final policy size (%d) is bigger than the limit (20480)."}`, refused)
			if answer.Code != 400 || answer.Header().Get("X-Amzn-Errortype") != "PolicyLengthExceededException" || answer.Body.String() != want || len(out.Policy) > 20480 || refused <= 20480 {
				t.Errorf("a policy too long: %d %s\nwant %s", answer.Code, answer.Body, want)
			}
			return
		}
	})
}

// F142: the revision of the policy, which is at first that of what it belongs to.
func TestPolicyRevisions(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		ctx := t.Context()
		add := func(id, revision string) error {
			_, err := j.Client.AddPermission(ctx, &sdk.AddPermissionInput{
				FunctionName: aws.String("f"), StatementId: aws.String(id), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*"), RevisionId: aws.String(revision),
			})
			return err
		}
		revisions := func() (function, policy string) {
			t.Helper()
			f, err := j.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: aws.String("f")})
			if err != nil {
				t.Fatal(err)
			}
			p, err := j.GetPolicy(ctx, &sdk.GetPolicyInput{FunctionName: aws.String("f")})
			if err != nil {
				t.Fatal(err)
			}
			return *f.Configuration.RevisionId, *p.RevisionId
		}
		wrong := func(act string, err error) {
			t.Helper()
			var e *types.PreconditionFailedException
			if want := "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id"; !errors.As(err, &e) || e.ErrorMessage() != want {
				t.Errorf("%s with a wrong revision: %v, want %s", act, err, want)
			}
		}
		wrong("AddPermission", add("s", "wrong"))
		first := rawID(t, j.send("GET", functionsPath+"/f", ""))
		if err := add("s", first); err != nil {
			t.Fatal(err)
		}
		function, policy := revisions()
		if function != policy || function == first {
			t.Errorf("after the first permission the function is at %s and its policy at %s; it was at %s", function, policy, first)
		}
		wrong("AddPermission", add("s2", first))
		_, err := j.Client.RemovePermission(ctx, &sdk.RemovePermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("s"), RevisionId: aws.String(first)})
		wrong("RemovePermission", err)
		if _, err := j.Client.RemovePermission(ctx, &sdk.RemovePermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("s"), RevisionId: aws.String(policy)}); err != nil {
			t.Error(err)
		}
	})
}

// F131 to F136.
func TestLayerPolicy(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.ok(201, "POST", "/2018-10-31/layers/l/versions", `{"Content":{"ZipFile":"UEs="}}`, "")
		one := `{\"Sid\":\"s1\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"lambda:GetLayerVersion\",\"Resource\":\"` + layerL1 + `\"}`
		two := `{\"Sid\":\"s2\",\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::222222222222:root\"},\"Action\":\"lambda:GetLayerVersion\",\"Resource\":\"` + layerL1 + `\",\"Condition\":{\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-1234567890\"}}}`
		body := func(id, action string) string {
			return `{"StatementId":"` + id + `","Action":"` + action + `","Principal":"*"}`
		}
		const action = "lambda:GetLayerVersion"
		j.refused("GET", layerPolicy, "", notFoundCode, "No policy is associated with the given resource.")
		first := j.ok(201, "POST", layerPolicy, body("s1", action), `{"Statement":"`+one+`","RevisionId":"*"}`).Body.String()
		j.ok(200, "GET", layerPolicy, "", `{"Policy":"{\"Version\":\"2012-10-17\",\"Id\":\"default\",\"Statement\":[`+one+`]}","RevisionId":"*"}`)
		j.refused("POST", layerPolicy, body("s1", action), conflictCode, "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement.")
		j.refused("POST", layerPolicy, body("s2", "*"), validationCode, "1 validation error detected: Value '*' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: lambda:GetLayerVersion")
		const stale = "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"
		j.refused("POST", layerPolicy+"?RevisionId=wrong", body("s2", action), preconditionCode, stale)
		j.refused("DELETE", layerPolicy+"/s1?RevisionId=wrong", "", preconditionCode, stale)
		var made struct{ RevisionId string }
		if err := json.Unmarshal([]byte(first), &made); err != nil {
			t.Fatal(err)
		}
		added := j.ok(201, "POST", layerPolicy+"?RevisionId="+made.RevisionId, `{"StatementId":"s2","Action":"lambda:GetLayerVersion","Principal":"222222222222","OrganizationId":"o-1234567890"}`, `{"Statement":"`+two+`","RevisionId":"*"}`)
		if strings.Contains(added.Body.String(), `"RevisionId":"`+made.RevisionId+`"`) {
			t.Error("a change left the RevisionId as it was")
		}
		j.refused("DELETE", layerPolicy+"/doesnotexist", "", notFoundCode, "Statement doesnotexist is not found in resource policy.")
		j.ok(204, "DELETE", layerPolicy+"/s1", "", "")
		j.ok(204, "DELETE", layerPolicy+"/s2", "", "")
		j.refused("GET", layerPolicy, "", notFoundCode, "No policy is associated with the given resource.")
		for _, missing := range []string{"l/versions/2", "doesnotexist/versions/1"} {
			path := "/2018-10-31/layers/" + missing + "/policy"
			want := "Layer version ARN:layer:" + strings.Replace(missing, "/versions/", ":", 1) + " does not exist."
			j.refused("POST", path, body("s1", action), notFoundCode, want)
			j.refused("GET", path, "", notFoundCode, want)
			j.refused("DELETE", path+"/s1", "", notFoundCode, want)
		}
	})
}
