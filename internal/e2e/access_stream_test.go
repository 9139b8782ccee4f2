package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// TestStreamsOfVerifiedCallers: where callers are verified, responses are streamed to
// who may invoke, by the API and by URLs.
func TestStreamsOfVerifiedCallers(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	open := launch(t, native, dir)
	name := open.deploy(t, function{runtime: "nodejs20.x", code: streamCode, memory: 512, timeout: 6})
	if err := open.stop(); err != nil {
		t.Fatal(err)
	}
	admin := newKey(t, dir, "", "admin", "--admin")
	arn := "arn:aws:lambda:us-east-1:000000000000:function:" + name
	keyFor := func(user, function string) aws.Credentials {
		file := filepath.Join(t.TempDir(), "policy.json")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(mayInvoke, guardedARN, function)), 0o600); err != nil {
			t.Fatal(err)
		}
		return newKey(t, dir, "", user, "--policy", file)
	}
	invoker, guest := keyFor("invoker", arn), keyFor("guest", arn+"2")
	s := &guardedServer{own(t, dir, "--auth", "on"), admin}

	if r := streamFrom(t, s.as(invoker), streamInput(name, `{}`), nil); r.payload != "begun\ndone\n" || r.code != "" || !strings.Contains(r.tail, "at the end") {
		t.Errorf("who may: %+v", r)
	}
	begun := false // before the end, which is that of the function's time
	if r := streamFrom(t, s.as(invoker), streamInput(name, `{"wait":60000}`), func([]byte) { begun = true }); !begun || r.payload != "begun\n" || r.code != "Unhandled" {
		t.Errorf("as it comes: %+v", r)
	}
	wrong := invoker
	wrong.SecretAccessKey += "x"
	for _, c := range []struct {
		what, code, text string
		keys             aws.Credentials
	}{
		{"who may not", "AccessDeniedException", "User: arn:aws:iam::000000000000:user/guest is not authorized to perform: lambda:InvokeFunction on resource: " + arn + " because no identity-based policy allows the lambda:InvokeFunction action", guest},
		{"a wrong secret", "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.", wrong},
	} {
		_, err := s.as(c.keys).InvokeWithResponseStream(t.Context(), streamInput(name, `{}`))
		denied(t, c.what, err, c.code, c.text)
	}
	s.streamedURL(t, name, guest)
}

// streamedURL streams to who signs and may; the others learn nothing of the function.
func (s *guardedServer) streamedURL(t *testing.T, name string, guest aws.Credentials) {
	path := s.functionURL(t, name, types.FunctionUrlAuthTypeAwsIam)
	if _, err := s.as(s.admin).UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{FunctionName: &name, InvokeMode: types.InvokeModeResponseStream}); err != nil {
		t.Fatal(err)
	}
	const ask = `{"size":200000}`
	for _, c := range []struct {
		what   string
		keys   aws.Credentials
		status int
	}{{"who may", s.admin, 201}, {"who may not", guest, 403}, {"nobody", aws.Credentials{}, 403}} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader(ask))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if c.keys.AccessKeyID != "" {
			sum := sha256.Sum256([]byte(ask))
			if err := v4.NewSigner().SignHTTP(t.Context(), c.keys, r, hex.EncodeToString(sum[:]), "lambda", "us-east-1", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		status, body := s.send(t, r)
		whole := strings.HasPrefix(body, "begun\n") && strings.HasSuffix(body, "done\n") && len(body) == 200000+len("begun\ndone\n")
		if status != c.status || whole != (c.status == 201) || !whole && !strings.Contains(body, "Forbidden") {
			t.Errorf("%s: %d, %d bytes: %.100s", c.what, status, len(body), body)
		}
	}
}
