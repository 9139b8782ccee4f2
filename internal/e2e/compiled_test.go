package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// modules is a package that takes a while to compile, a module that cannot be
// compiled, and a function that tells what it sees of them.
func modules(t *testing.T, value string) []byte {
	long := "value = " + fmt.Sprintf("%q", value) + "\n" + strings.Repeat("def function(a, b):\n    return [a + b * i for i in range(a)]\n", 600)
	return zipOf(t, map[string]string{"part.py": long, "broken.py": strings.Repeat("(", 5000), "index.py": `import os, part
def handler(event, context):
    try:
        import broken
    except Exception as e:
        failure = type(e).__name__
    shown = os.environ["LAMBDA_RUNTIME_DIR"] + "/_lambent/code"
    return {"value": part.value, "file": part.__file__, "cached": part.__cached__, "failure": failure,
        "ls": sorted(os.listdir(os.environ["LAMBDA_TASK_ROOT"])), "code": sorted(os.listdir(shown)), "writable": os.access(shown, os.W_OK),
        "line": part.function.__code__.co_firstlineno, "source": part.function.__code__.co_filename}
`})
}

// TestModulesAreCompiledOnce: a version's modules are compiled beside its first
// environments, and later ones, whether booted ahead or not, find the code.
func TestModulesAreCompiledOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{archives: modules(t, "one"), memory: 512})
		seen := func() map[string]any {
			r := s.call(t, name, "{}")
			var got map[string]any
			if err := json.Unmarshal([]byte(r.payload), &got); err != nil || got["value"] == nil {
				t.Fatalf("it answers %s\n%s", r.payload, r.log)
			}
			return got
		}
		code := func(got map[string]any) string {
			files := got["code"]
			delete(got, "code")
			return fmt.Sprint(files)
		}
		first := seen()
		code(first) // it may have been made already
		if strings.Contains(s.driver, "process") {
			if outcomes, _ := filepath.Glob(filepath.Join(s.dir, "compiled", "*")); len(outcomes) > 0 {
				t.Errorf("modules were compiled where functions can change them: %q", outcomes)
			}
			return
		}
		n := 0
		eventually(t, "an environment finds compiled code", func() bool {
			n++
			renew(t, s, name, n)
			got := seen()
			found := code(got)
			if fmt.Sprint(got) != fmt.Sprint(first) {
				t.Fatalf("it sees %v, the first environment saw %v", got, first)
			}
			return found == "[code index]"
		})
		if _, err := s.client().UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: modules(t, "another")}); err != nil {
			t.Fatal(err)
		}
		s.waitUpdated(t, name)
		if got := seen(); got["value"] != "another" {
			t.Errorf("after an update it runs %v", got["value"])
		}
	})
}

// TestLiveFolderIsNeverCompiled: a change in a hot reload folder is seen by the next
// environment, however often it was started.
func TestLiveFolderIsNeverCompiled(t *testing.T) {
	t.Parallel()
	s := start(t)
	dir, err := os.MkdirTemp(scratch, "live-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("# a comment that is long enough to be worth the trouble\n", 1000)
	write := func(value int) {
		source := fmt.Sprintf("%svalue = %d\n", long, value)
		for file, text := range map[string]string{"part.py": source, "index.py": "import part\ndef handler(event, context):\n    return part.value\n"} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(0)
	name := s.unused(functionName(t))
	if _, err := s.client().CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String("arn:aws:iam::000000000000:role/test"), Runtime: "python3.11", Handler: aws.String("index.handler"),
		Code: &types.FunctionCode{S3Bucket: aws.String("hot-reload"), S3Key: &dir}, Timeout: aws.Int32(60),
	}); err != nil {
		t.Fatal(err)
	}
	s.waitActive(t, name)
	for value := range 4 {
		write(value)
		renew(t, s, name, value)
		if r := s.call(t, name, "{}"); r.payload != fmt.Sprint(value) {
			t.Errorf("after change %d it answers %s", value, r.payload)
		}
	}
}

// TestLayersAreCompiledAsTheyAreSeen: of two layers' modules of one name, the
// last layer's is the one that is compiled and run.
func TestLayersAreCompiledAsTheyAreSeen(t *testing.T) {
	t.Parallel()
	s := start(t)
	if s.driver == "process" {
		t.Skip("nothing is compiled where functions can change their folders")
	}
	long := func(value string) string {
		return strings.Repeat("# a line\n", 3000) + "value = " + fmt.Sprintf("%q", value)
	}
	one := s.layer(t, "one", map[string]string{"python/part.py": long("one"), "python/only.py": long("only")})
	two := s.layer(t, "two", map[string]string{"python/part.py": long("two")})
	name := s.deploy(t, function{layers: []string{one, two}, code: `import os, part, only
def handler(event, context):
    return [part.value, only.value, part.__file__, str(len(os.listdir("/var/runtime/_lambent/code")))]
`})
	n := 0
	eventually(t, "an environment finds compiled code", func() bool {
		n++
		renew(t, s, name, n)
		r := s.call(t, name, "{}")
		var got []string
		if err := json.Unmarshal([]byte(r.payload), &got); err != nil || len(got) != 4 || strings.Join(got[:3], " ") != "two only /opt/python/part.py" {
			t.Fatalf("it answers %s\n%s", r.payload, r.log)
		}
		return got[3] == "2"
	})
}

// TestCompiledCodeGoesWithItsFunction: nothing is left of a package that nobody has.
func TestCompiledCodeGoesWithItsFunction(t *testing.T) {
	t.Parallel()
	s := start(t)
	if s.driver == "process" {
		t.Skip("nothing is compiled where functions can change their folders")
	}
	zip := modules(t, "soon gone")
	digest := sha256.Sum256(zip)
	folder := filepath.Join(s.dir, "compiled", base64.RawURLEncoding.EncodeToString(digest[:]))
	name := s.deploy(t, function{archives: zip})
	eventually(t, "its modules are compiled before anybody calls it", func() bool {
		files, _ := filepath.Glob(filepath.Join(folder, "*", "index"))
		return len(files) == 1
	})
	if _, err := s.client().DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the code of a function that was deleted goes", func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	})
}
