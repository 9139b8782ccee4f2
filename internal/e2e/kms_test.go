package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// kms runs a verb of the key store beside a running server.
func (s *server) kms(t *testing.T, verb ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, append([]string{"kms", "--data-dir", s.dir}, verb...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("lambent kms %v: %v\n%s", verb, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestVariablesUnderAKeyOfTheCaller: a function's variables are sealed with the
// key that its KMSKeyArn names, and who takes the key away takes the function away.
func TestVariablesUnderAKeyOfTheCaller(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-of-the-whole"
	s := own(t, dataDir(t))
	key := s.kms(t, "create", "--description", "of a test")
	name := s.deploy(t, function{env: map[string]string{"SECRET": secret}, code: "import os\ndef handler(event, context):\n    return os.environ['SECRET']"})
	configure := func(in lambda.UpdateFunctionConfigurationInput) error {
		in.FunctionName = &name
		_, err := s.client().UpdateFunctionConfiguration(t.Context(), &in)
		if err == nil {
			s.waitUpdated(t, name)
		}
		return err
	}
	if err := configure(lambda.UpdateFunctionConfigurationInput{KMSKeyArn: &key}); err != nil {
		t.Fatal(err)
	}
	if r := s.call(t, name, "{}"); r.payload != `"`+secret+`"` {
		t.Errorf("under its key the function answers %+v", r)
	}
	var invalid *types.InvalidParameterValueException
	if err := configure(lambda.UpdateFunctionConfigurationInput{KMSKeyArn: aws.String(key[:len(key)-1])}); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "NotFoundException KMS Message: Key '") {
		t.Errorf("an unknown key: %v", err)
	}
	s.kms(t, "disable", key)
	_, err := s.client().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name})
	var disabled *types.KMSDisabledException
	if !errors.As(err, &disabled) {
		t.Errorf("with its key disabled: %v", err)
	}
	shown, err := s.client().GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil || shown.Environment.Variables != nil || shown.Environment.Error == nil || aws.ToString(shown.Environment.Error.ErrorCode) != "KMSDisabledException" {
		t.Errorf("with its key disabled it is shown as %+v (%v)", shown, err)
	}
	if err := configure(lambda.UpdateFunctionConfigurationInput{MemorySize: aws.Int32(256)}); !errors.As(err, &invalid) {
		t.Errorf("changed with its key disabled: %v", err)
	}
	s.kms(t, "enable", key)
	if r := s.call(t, name, "{}"); r.payload != `"`+secret+`"` {
		t.Errorf("with its key enabled again: %+v", r)
	}
	s.nowhere(t, secret)
	if err := configure(lambda.UpdateFunctionConfigurationInput{KMSKeyArn: aws.String("")}); err != nil {
		t.Fatal(err)
	}
	s.kms(t, "disable", key)
	s.kms(t, "delete", key)
	if r := s.call(t, name, "{}"); r.payload != `"`+secret+`"` {
		t.Errorf("without the key that it no longer has: %+v", r)
	}
	s.nowhere(t, secret)
}

// nowhere looks for a text in all that the server wrote, and in its command line.
func (s *server) nowhere(t *testing.T, secret string) {
	t.Helper()
	if strings.Contains(s.said.String(), secret) || strings.Contains(strings.Join(s.cmd.Args, " "), secret) {
		t.Error("the server says the secret")
	}
	for _, pattern := range []string{"lambent.db*", "keys/*", "logs/*", "logs/*/*", "logs/*/*/*"} {
		files, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), secret) {
				t.Errorf("%s has the secret", file)
			}
		}
	}
}
