package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// functionURL gives a function a URL, and tells its path on this server.
func (s *guardedServer) functionURL(t *testing.T, name string, auth types.FunctionUrlAuthType) string {
	t.Helper()
	out, err := s.as(s.admin).CreateFunctionUrlConfig(t.Context(), &lambda.CreateFunctionUrlConfigInput{FunctionName: &name, AuthType: auth})
	if err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(*out.FunctionUrl, "https://"), ".")
	return "/_lambent/url/" + id + "/path"
}

// TestURLsOfVerifiedCallers: a URL with AWS_IAM lets in who signs and may, one with
// NONE whom its policy lets in.
func TestURLsOfVerifiedCallers(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	open := launch(t, native, dir)
	name := open.deploy(t, function{code: "def handler(event, context):\n    return event['requestContext'].get('authorizer', {}).get('iam', {}).get('userArn', 'nobody')"})
	if err := open.stop(); err != nil {
		t.Fatal(err)
	}
	admin := newKey(t, dir, "", "admin", "--admin")
	guest := filepath.Join(t.TempDir(), "guest.json")
	if err := os.WriteFile(guest, []byte(mayInvoke), 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := newKey(t, dir, "", "guest", "--policy", guest)
	s := &guardedServer{own(t, dir, "--auth", "on"), admin}
	path := s.functionURL(t, name, types.FunctionUrlAuthTypeAwsIam)
	const forbidden = "Forbidden. For troubleshooting Function URL authorization issues"
	wrong := admin
	wrong.SecretAccessKey += "x"
	for _, c := range []struct {
		what   string
		keys   aws.Credentials
		scope  string
		status int
		want   string
	}{
		{"who may", admin, "lambda us-east-1", 200, "arn:aws:iam::000000000000:user/admin"},
		{"who may not", stranger, "lambda us-east-1", 403, forbidden},
		{"a wrong secret", wrong, "lambda us-east-1", 403, "The request signature we calculated does not match"},
		{"nobody", aws.Credentials{}, "", 403, forbidden},
		{"who signed for another service", admin, "s3 us-east-1", 403, `{"message":"Credential should be scoped to correct service: 'lambda'. "}`},
		{"who signed for another region", admin, "lambda eu-west-1", 403, `{"message":"Credential should be scoped to a valid region, not 'eu-west-1'. "}`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		if c.keys.AccessKeyID != "" {
			sum := sha256.Sum256([]byte("text"))
			service, region, _ := strings.Cut(c.scope, " ")
			if err := v4.NewSigner().SignHTTP(t.Context(), c.keys, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if status, body := s.send(t, r); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.what, status, body)
		}
	}
	s.openURL(t, name, path)
}

// openURL: without a permission for everybody a URL that asks for no signature is closed.
func (s *guardedServer) openURL(t *testing.T, name, path string) {
	if _, err := s.as(s.admin).UpdateFunctionUrlConfig(t.Context(), &lambda.UpdateFunctionUrlConfigInput{FunctionName: &name, AuthType: types.FunctionUrlAuthTypeNone}); err != nil {
		t.Fatal(err)
	}
	get := func() (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.send(t, r)
	}
	if status, body := get(); status != 403 {
		t.Errorf("without a permission: %d %s", status, body)
	}
	if _, err := s.as(s.admin).AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: aws.String("everybody"), Action: aws.String("lambda:InvokeFunctionUrl"), Principal: aws.String("*"),
		FunctionUrlAuthType: types.FunctionUrlAuthTypeNone,
	}); err != nil {
		t.Fatal(err)
	}
	if status, body := get(); status != 200 || !strings.Contains(body, "nobody") {
		t.Errorf("with a permission: %d %s", status, body)
	}
}

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(certFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return certFile, keyFile, pool
}

// TestTLS: with a certificate the API speaks HTTPS, and invocations on one
// connection follow each other.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	admin := newKey(t, dir, "", "admin", "--admin")
	certFile, keyFile, pool := certificate(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", dir, "--auth", "on", "--tls-cert", certFile, "--tls-key", keyFile)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	_, after, _ := strings.Cut(line, " at ")
	url, _, _ := strings.Cut(after, " ")
	if err != nil || !strings.HasPrefix(url, "https://127.0.0.1:") || !strings.Contains(line, "Callers are verified") {
		t.Fatalf("lambent says %q, %v", line, err)
	}
	s := &guardedServer{server: &server{url: url, dir: dir}, admin: admin}
	s.transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	for range 3 {
		_, err := s.as(admin).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("absent"), Payload: []byte("{}")})
		denied(t, "an invocation", err, "ResourceNotFoundException", "Function not found")
		if _, err := s.as(admin).ListFunctions(t.Context(), &lambda.ListFunctionsInput{}); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		t.Errorf("%v\n%s", err, said.String())
	}
}
