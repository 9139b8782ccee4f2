package lambdaapi

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

const urlPath = "/2021-10-31/functions/f/url"

// F171 to F173, F178.
func TestURLOnTheWire(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		j.publish("f")
		j.ok(201, "POST", aliasesPath, `{"Name":"live","FunctionVersion":"1"}`, "")
		const begin, url = `{"FunctionUrl":"https://*.us-east-1.on.aws/","FunctionArn":"`, `,"CreationTime":"2000-01-01T00:00:00.000+0000"`
		const later = url + `,"LastModifiedTime":"2000-01-01T00:00:00.000+0000"`
		ofAlias := begin + functionF + `:live","AuthType":"NONE"`
		ofF := begin + functionF + `","AuthType":"AWS_IAM"`
		j.ok(200, "GET", urlPath+"s", "", `{"FunctionUrlConfigs":[]}`)
		made := j.ok(201, "POST", urlPath, `{"AuthType":"AWS_IAM"}`, ofF+url+`}`)
		j.ok(201, "POST", urlPath+"?Qualifier=live", `{"AuthType":"NONE","InvokeMode":"RESPONSE_STREAM"}`, ofAlias+url+`,"InvokeMode":"RESPONSE_STREAM"}`)
		shownF, shownAlias := get(j, urlPath), get(j, urlPath+"?Qualifier=live")
		if want := ofF + later + `,"InvokeMode":"BUFFERED"}`; !sameShape(shownF, want) {
			t.Errorf("of the function: %s, want %s", shownF, want)
		}
		if want := ofAlias + later + `,"InvokeMode":"RESPONSE_STREAM"}`; !sameShape(shownAlias, want) {
			t.Errorf("of the alias: %s, want %s", shownAlias, want)
		}
		if got := get(j, urlPath+"?Qualifier=live"); got != get(j, "/2021-10-31/functions/f:live/url") {
			t.Errorf("by name and by qualifier differ: %s", got)
		}
		if got := get(j, urlPath+"s"); !sameJSON(t, []byte(got), `{"FunctionUrlConfigs":[`+shownF+`,`+shownAlias+`]}`) {
			t.Errorf("listed: %s", got)
		}
		j.refused("POST", urlPath, `{"AuthType":"NONE"}`, conflictCode,
			"Failed to create function url config for [functionArn = "+functionF+"]. Error message:  FunctionUrlConfig exists for this Lambda function")
		j.ok(200, "PUT", urlPath+"?Qualifier=live", `{}`, "")
		if got := get(j, urlPath+"?Qualifier=live"); got != shownAlias {
			t.Errorf("an update without members made %s of %s", got, shownAlias)
		}
		host := strings.Split(made.Body.String(), `"`)[3]
		target, ok := j.URLByID(strings.TrimPrefix(strings.Split(host, ".")[0], "https://"))
		if !ok || target.Function != "f" || target.Qualifier != "" || target.Public {
			t.Errorf("at %s answers %+v %v", host, target, ok)
		}
		j.ok(204, "DELETE", urlPath, "", "")
		if target, ok := j.URLByID(target.URL.ID); ok {
			t.Errorf("a deleted URL is answered by %+v", target)
		}
		j.refused("GET", urlPath, "", notFoundCode, "The resource you requested does not exist.")
		j.ok(204, "DELETE", aliasesPath+"/live", "", "")
		j.ok(200, "GET", urlPath+"s", "", `{"FunctionUrlConfigs":[]}`)
	})
}

func get(j *joined, path string) string { return j.ok(200, "GET", path, "", "").Body.String() }

// sameShape compares two answers but for what is made up.
func sameShape(a, b string) bool {
	return madeUp.ReplaceAllString(a, "*") == madeUp.ReplaceAllString(b, "*")
}

// F174 to F177.
func TestURLRefusals(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		const none = `{"AuthType":"NONE"}`
		j.refused("POST", "/2021-10-31/functions/nobody/url", none, notFoundCode, "Function does not exist")
		j.refused("POST", urlPath+"?Qualifier=gone", none, notFoundCode, "Function does not exist")
		j.refused("GET", "/2021-10-31/functions/nobody/urls", "", notFoundCode, "Function does not exist")
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			body := map[string]string{"PUT": none}[method]
			j.refused(method, "/2021-10-31/functions/nobody/url", body, notFoundCode, "The resource you requested does not exist.")
			j.refused(method, urlPath, body, notFoundCode, "The resource you requested does not exist.")
		}
		for _, qualifier := range []string{"1", "$LATEST"} {
			j.refused("POST", urlPath+"?Qualifier="+qualifier, none, validationCode,
				"1 validation error detected: Value '"+qualifier+`' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)`)
		}
		j.refused("POST", "/2021-10-31/functions/f:a/url?Qualifier=b", none, invalidParameter, "The derived qualifier from the function name does not match the specified qualifier.")
		j.refused("POST", urlPath, `{"AuthType":"NONE","InvokeMode":"UNKNOWN"}`, validationCode,
			"1 validation error detected: Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]")
	})
}

// Every member of Cors, and who is let in.
func TestURLBySDK(t *testing.T) {
	inJoined(t, func(t *testing.T, j *joined) {
		ctx := t.Context()
		cors := &types.Cors{
			AllowCredentials: aws.Bool(true), AllowHeaders: []string{"a"}, AllowMethods: []string{"GET"}, AllowOrigins: []string{"https://x"},
			ExposeHeaders: []string{"b"}, MaxAge: aws.Int32(5),
		}
		made, err := j.CreateFunctionUrlConfig(ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeNone, Cors: cors})
		if err != nil || !reflect.DeepEqual(made.Cors, cors) || made.InvokeMode != "" {
			t.Fatalf("created %s %v", asJSON(made), err)
		}
		id, _, _ := strings.Cut(strings.TrimPrefix(*made.FunctionUrl, "https://"), ".")
		public := func(want bool) {
			t.Helper()
			if target, ok := j.URLByID(id); !ok || target.Public != want {
				t.Errorf("the URL lets everybody in: %v %v, want %v", target.Public, ok, want)
			}
		}
		public(false)
		for i, c := range []struct {
			body string
			want bool
		}{
			{`"Action":"lambda:InvokeFunction","Principal":"*"`, false},
			{`"Action":"lambda:InvokeFunctionUrl","Principal":"222222222222","FunctionUrlAuthType":"NONE"`, false},
			{`"Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"AWS_IAM"`, false},
			{`"Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE","SourceAccount":"333333333333"`, false},
			{`"Action":"lambda:InvokeFunctionUrl","Principal":"*","FunctionUrlAuthType":"NONE"`, true},
		} {
			j.ok(201, "POST", policyPath, `{"StatementId":"s`+string(rune('0'+i))+`",`+c.body+`}`, "")
			public(c.want)
		}
		if _, err := j.UpdateFunctionUrlConfig(ctx, &sdk.UpdateFunctionUrlConfigInput{FunctionName: aws.String("f"), AuthType: types.FunctionUrlAuthTypeAwsIam, Cors: &types.Cors{}}); err != nil {
			t.Fatal(err)
		}
		public(false)
		got, err := j.GetFunctionUrlConfig(ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: aws.String("f")})
		if err != nil || got.Cors != nil || got.AuthType != types.FunctionUrlAuthTypeAwsIam || *got.FunctionUrl != *made.FunctionUrl {
			t.Errorf("after an update: %s %v", asJSON(got), err)
		}
	})
}
