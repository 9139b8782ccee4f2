package lambdaapi

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestLayersTakeRights: who gives a function a layer can have it read, and must have
// the right to.
func TestLayersTakeRights(t *testing.T) {
	t.Parallel()
	const body = `{"FunctionName":"f","Layers":["` + prefix + `layer:l:1","arn:aws:lambda:us-east-1:222222222222:layer:m:2"]}`
	for _, c := range []struct{ method, target, want string }{
		{"POST", "/2015-03-31/functions", "lambda:CreateFunction lambda:GetLayerVersion lambda:GetLayerVersion"},
		{"PUT", "/2015-03-31/functions/f/configuration", "lambda:UpdateFunctionConfiguration lambda:GetLayerVersion lambda:GetLayerVersion"},
		{"PUT", "/2015-03-31/functions/f/code", "lambda:UpdateFunctionCode"},
	} {
		api, access := guarded(t)
		access.refuseFrom = len(strings.Fields(c.want))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(c.method, c.target, strings.NewReader(body)))
		var actions []string
		for _, act := range access.acts {
			actions = append(actions, act.Action)
		}
		if got := strings.Join(actions, " "); got != c.want || w.Code != 403 {
			t.Errorf("%s: %d, asked for %s, want %s", c.target, w.Code, got, c.want)
			continue
		}
		if len(access.acts) == 3 && (access.acts[1].Resource != prefix+"layer:l:1" || len(access.acts[1].Policies) != 1 || access.acts[2].Resource != "arn:aws:lambda:us-east-1:222222222222:layer:m:2") {
			t.Errorf("%s: asked for %+v", c.target, access.acts)
		}
	}
}

// TestSourcesTakeRights: code is fetched by the server, for who may read it.
func TestSourcesTakeRights(t *testing.T) {
	t.Parallel()
	const folders = "lambent:UseFolder arn:aws:lambent:us-east-1:111111111111:folder"
	denied := func(what string) string {
		return "Your access has been denied by S3, please make sure your request credentials have permission to " + what + ". S3 Error Code: AccessDenied. S3 Error Message: no"
	}
	for _, c := range []struct{ method, target, body, want, message string }{
		{"POST", "/2015-03-31/functions", `{"FunctionName":"f","Code":{"S3Bucket":"b","S3Key":"k/z"}}`, "s3:GetObject arn:aws:s3:::b/k/z", denied("GetObject for b/k/z")},
		{"POST", "/2015-03-31/functions", `{"FunctionName":"f","S3Bucket":"b","Code":{"S3Bucket":"hot-reload","S3Key":"/srv/../root/"}}`, folders + "/root", "no"},
		{"PUT", "/2015-03-31/functions/f/code", `{"S3Bucket":"b","S3Key":"k","S3ObjectVersion":"v"}`, "s3:GetObjectVersion arn:aws:s3:::b/k", denied("GetObjectVersion for b/k")},
		{"PUT", "/2015-03-31/functions/f/code", `{"S3Bucket":"x","S3Bucket":"hot-reload","S3Key":"/srv/code"}`, folders + "/srv/code", "no"},
		{"POST", "/2018-10-31/layers/l/versions", `{"Content":{"S3Bucket":"hot-reload","S3Key":"/"}}`, folders + "/", "no"},
	} {
		api, access := guarded(t)
		access.refuseFrom = 2 // the operation itself is allowed
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(c.method, c.target, strings.NewReader(c.body)))
		if len(access.acts) != 2 || access.acts[1].Action+" "+access.acts[1].Resource != c.want {
			t.Errorf("%s: asked for %+v, want %s", c.body, access.acts, c.want)
			continue
		}
		if want := `{"Message":"` + c.message + `"}`; w.Code != 403 || w.Body.String() != want {
			t.Errorf("%s: answered %d %s, want %s", c.body, w.Code, w.Body, want)
		}
	}
}
