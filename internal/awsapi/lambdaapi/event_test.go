package lambdaapi

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"lambent/internal/lambda"
)

func (w *world) lastAccepted(t *testing.T) call {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.accepted) == 0 {
		t.Fatal("nothing was accepted")
	}
	return w.accepted[len(w.accepted)-1]
}

// TestEvent is F237: 202, an empty body, no executed version.
func TestEvent(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	response, body := request(t, server, "POST", invokePath+"?Qualifier=$LATEST", `{"a": 1}`, map[string]string{
		"X-Amz-Invocation-Type": "Event", "X-Amz-Log-Type": "Tail", "X-Amz-Client-Context": "e30=", "X-Amz-Tenant-Id": "blue",
		"X-Amzn-Trace-Id": "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1",
	})
	if response.StatusCode != http.StatusAccepted || len(body) != 0 {
		t.Fatalf("answered %d %q, want 202 and nothing", response.StatusCode, body)
	}
	if response.Header["X-Amz-Executed-Version"] != nil || response.Header["X-Amz-Log-Result"] != nil || response.Header.Get("Content-Length") != "0" {
		t.Errorf("headers %v", response.Header)
	}
	c := w.lastAccepted(t)
	if (c.function != lambda.Reference{Name: "f", Qualifier: "$LATEST"}) || string(c.inv.Payload) != `{"a": 1}` || c.inv.ClientContext != "" || c.inv.Tail ||
		c.inv.Tenant != "blue" || c.inv.RequestID != response.Header.Get("x-amzn-requestid") || c.inv.Trace != response.Header.Get("x-amzn-trace-id") {
		t.Errorf("accepted %+v, headers %v", c, response.Header)
	}
	if len(w.calls) != 0 {
		t.Error("the function ran before the answer")
	}
}

func TestEventThroughTheSDK(t *testing.T) {
	t.Parallel()
	w := withFunction()
	client := client(serve(t, w))
	out, err := client.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: aws.String("f"), InvocationType: "Event"})
	if err != nil || out.StatusCode != 202 || len(out.Payload) != 0 || out.ExecutedVersion != nil || out.FunctionError != nil {
		t.Errorf("Invoke: %+v, %v", out, err)
	}
	if c := w.lastAccepted(t); string(c.inv.Payload) != "{}" {
		t.Errorf("accepted %q, want an empty object", c.inv.Payload)
	}
	//lint:ignore SA1019 it is deprecated, and served
	async, err := client.InvokeAsync(t.Context(), &sdk.InvokeAsyncInput{FunctionName: aws.String("f"), InvokeArgs: strings.NewReader(`{"b":2}`)})
	if err != nil || async.Status != 202 {
		t.Errorf("InvokeAsync: %+v, %v", async, err)
	}
	if c := w.lastAccepted(t); string(c.inv.Payload) != `{"b":2}` || (c.function != lambda.Reference{Name: "f"}) {
		t.Errorf("accepted %+v", c)
	}
}

func TestEventRefusals(t *testing.T) {
	t.Parallel()
	w := withFunction()
	server := serve(t, w)
	event := map[string]string{"X-Amz-Invocation-Type": "Event"}
	const async = "/2014-11-13/functions/f/invoke-async"
	large := `"` + strings.Repeat("x", lambda.MaxAsyncPayload-1) + `"`
	for _, c := range []struct {
		path, body string
		header     map[string]string
		status     int
		want       string
	}{
		{invokePath, large, event, 413, `{"Type":"User","message":"1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"}`},
		{async, large, nil, 413, `{"Type":"User","message":"1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"}`},
		{invokePath, "nonsense", event, 400, ""},
		{async + "/", "nonsense", nil, 400, ""},
		{functionsPath + "/nobody/invocations", "{}", event, 404, `{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:nobody:$LATEST"}`},
		{"/2014-11-13/functions/nobody/invoke-async", "{}", nil, 404, `{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:nobody:$LATEST"}`},
		{"/2014-11-13/functions/%21/invoke-async", "{}", nil, 400, ""},
	} {
		response, body := request(t, server, "POST", c.path, c.body, c.header)
		if response.StatusCode != c.status || c.want != "" && string(body) != c.want {
			t.Errorf("%s %.20s: answered %d %s, want %d %s", c.path, c.body, response.StatusCode, body, c.status, c.want)
		}
	}
	w.mu.Lock()
	w.full = errors.New("disk full")
	w.mu.Unlock()
	if response, _ := request(t, server, "POST", invokePath, "{}", event); response.StatusCode != 500 {
		t.Errorf("an event that could not be kept was answered %d, want 500", response.StatusCode)
	}
	if len(w.accepted) != 0 {
		t.Errorf("accepted %+v", w.accepted)
	}
	if response, _ := request(t, server, "POST", invokePath, large[1:len(large)-1]+"", map[string]string{"X-Amz-Invocation-Type": "DryRun"}); response.StatusCode != 400 {
		t.Errorf("DryRun of a megabyte that is no JSON: %d, want 400: only Event has the smaller limit", response.StatusCode)
	}
}

func TestLargestEventPasses(t *testing.T) {
	t.Parallel()
	w := withFunction()
	body := `"` + strings.Repeat("x", lambda.MaxAsyncPayload-2) + `"`
	response, _ := request(t, serve(t, w), "POST", invokePath, body, map[string]string{"X-Amz-Invocation-Type": "Event"})
	if response.StatusCode != 202 || string(w.lastAccepted(t).inv.Payload) != body {
		t.Errorf("answered %d", response.StatusCode)
	}
}
