package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
)

// TestOutOfMemory is S68 and S72: whoever takes more than his memory is ended,
// the report says why, and the next invocation has everything anew.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	s := start(t)
	for runtime, code := range map[string]string{
		"python3.11": "fresh = True\ndef handler(event, context):\n    global fresh\n    was, fresh = fresh, False\n    if event: return len(b'x' * (400 << 20))\n    return was",
		"nodejs20.x": "let fresh = true; exports.handler = async (event) => { const was = fresh; fresh = false; if (event) return Buffer.alloc(400 << 20, 1).length; return was }",
	} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			name := s.deploy(t, function{runtime: runtime, timeout: 30, memory: 192, code: code})
			s.call(t, name, `false`)
			r := s.call(t, name, `true`)
			want := `^{"errorType":"Runtime.OutOfMemory","errorMessage":"RequestId: ` + uuid + ` Error: Runtime exited with error: signal: killed"}$`
			if r.fault != "Unhandled" || !regexp.MustCompile(want).MatchString(r.payload) {
				t.Errorf("%s (%s), want %s", r.payload, r.fault, want)
			}
			if rep := r.report(t); rep.errorType != "Runtime.OutOfMemory" || rep.status != "error" || rep.used != 192 {
				t.Errorf("%s", rep.whole)
			}
			if after := s.call(t, name, `false`); after.payload != "true" {
				t.Errorf("afterwards: %+v", after)
			}
		})
	}
}

// TestMaxMemoryUsed is S72: the report shows the most that was used so far.
func TestMaxMemoryUsed(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *server) {
		name := s.deploy(t, function{memory: 512, timeout: 20, code: "import time\ndef handler(event, context):\n    x = b'x' * (event << 20)\n    time.sleep(0.3)\n    return len(x)"})
		little := s.call(t, name, `1`).report(t)
		much := s.call(t, name, `200`).report(t)
		again := s.call(t, name, `1`).report(t)
		if little.used > 120 || much.used < 200 || much.used > 400 || again.used < much.used {
			t.Errorf("1, 200 and 1 MB: %d, %d, %d MB used", little.used, much.used, again.used)
		}
	})
}

// TestMemorySizes is S68: from 128 MB in steps of one, 128 by default. 10,240 is
// what on-demand functions get today; the API's own limit is 32,768.
func TestMemorySizes(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{code: "def handler(event, context):\n    return context.memory_limit_in_mb"})
	if r := s.call(t, name, `{}`); r.payload != `"128"` || r.report(t).memory != 128 {
		t.Errorf("by default: %+v", r)
	}
	for _, c := range []struct {
		memory  int32
		refused bool
	}{{127, true}, {128, false}, {129, false}, {1770, false}, {10240, false}, {32769, true}} {
		_, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, MemorySize: &c.memory})
		if refused := err != nil; refused != c.refused {
			t.Errorf("%d MB: %v", c.memory, err)
		}
		if err == nil {
			s.waitUpdated(t, name)
		}
	}
	// S57: /tmp has the same limits of its own.
	for size, refused := range map[int32]bool{511: true, 512: false, 513: false, 10240: false, 10241: true} {
		_, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: &name, EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(size)},
		})
		if (err != nil) != refused {
			t.Errorf("/tmp of %d MB: %v", size, err)
		}
		if err == nil {
			s.waitUpdated(t, name)
		}
	}
}

// TestLimitsOfProcesses is S73 and the quotas: 1,024 descriptors, a bounded
// number of processes, and the processors that the host has, at least two on AWS.
func TestLimitsOfProcesses(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := s.deploy(t, function{memory: 512, timeout: 30, code: `
import os, resource, threading, time
def handler(event, context):
    files = []
    try:
        while True: files.append(open("/dev/null"))
    except OSError as e:
        opened = len(files)
    for f in files: f.close()
    stop, threads = threading.Event(), 0
    try:
        while threads < 2000:
            threading.Thread(target=stop.wait, daemon=True).start()
            threads += 1
    except RuntimeError: pass
    stop.set()
    page = os.sysconf("SC_PAGE_SIZE")
    return {"limit": resource.getrlimit(resource.RLIMIT_NOFILE), "opened": opened, "threads": threads,
            "cpus": os.cpu_count(), "total": os.sysconf("SC_PHYS_PAGES") * page >> 20, "core": resource.getrlimit(resource.RLIMIT_CORE)[0]}
`})
	var got struct {
		Limit                 []int
		Opened, Threads, CPUs int
		Total                 int
		Core                  int64
	}
	s.call(t, name, `{}`).into(t, &got)
	if fmt.Sprint(got.Limit) != "[1024 1024]" || got.Opened < 900 || got.Opened > 1024 {
		t.Errorf("descriptors: %+v", got)
	}
	if got.Threads < 500 || got.Threads > 1024 {
		t.Errorf("threads: %+v", got)
	}
	if got.CPUs < 1 || got.Total < 512 {
		t.Errorf("introspection: %+v", got)
	}
}

// TestProcessorShare is S69 and S70: a function has its memory's part of a
// processor, 1,769 MB being one.
func TestProcessorShare(t *testing.T) {
	t.Parallel()
	s := start(t)
	if s.driver != "namespace" || s.user != 0 {
		t.Skip("processor quotas need the namespace driver and root")
	}
	for _, memory := range []int32{128, 512} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			t.Parallel()
			name := s.deploy(t, function{memory: memory, timeout: 30, code: `
import time
def handler(event, context):
    wall, used = time.monotonic(), time.process_time()
    while time.monotonic() < wall + 2: pass
    return (time.process_time() - used) / (time.monotonic() - wall)
`})
			var share float64
			s.call(t, name, `{}`).into(t, &share)
			// A busy host can only give less.
			if want := float64(memory) / 1769; share > 1.3*want+0.02 {
				t.Errorf("%d MB had %.3f of a processor, want at most %.3f", memory, share, want)
			}
		})
	}
}

// TestPackageTypeImage is S50 and S51: container images are refused clearly.
func TestPackageTypeImage(t *testing.T) {
	t.Parallel()
	s := start(t)
	name := functionName(t)
	_, err := s.client().CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String("arn:aws:iam::000000000000:role/test"), PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: aws.String("000000000000.dkr.ecr.us-east-1.amazonaws.com/image:latest")},
	})
	var refused smithy.APIError
	if err != nil && (!errors.As(err, &refused) || !strings.Contains(strings.ToLower(refused.ErrorMessage()), "image")) {
		t.Errorf("an image is neither taken nor clearly refused: %v", err)
	}
	if err == nil {
		s.waitActive(t, name)
	}
}

// TestEveryRuntimeHere is S48: each managed runtime either runs a function or is
// refused with what to do.
func TestEveryRuntimeHere(t *testing.T) {
	t.Parallel()
	s := start(t)
	ran := 0
	for _, runtime := range types.Runtime("").Values() {
		t.Run(string(runtime), func(t *testing.T) {
			f := function{runtime: string(runtime), memory: 1024, timeout: 30, handler: "index.handler"}
			switch {
			case strings.HasPrefix(f.runtime, "python"):
				f.code = "def handler(event, context):\n    return 'hello ' + event"
			case strings.HasPrefix(f.runtime, "nodejs"):
				f.code = "exports.handler = async (event) => 'hello ' + event"
			case strings.HasPrefix(f.runtime, "ruby"):
				f.code = "def handler(event:, context:)\n  'hello ' + event\nend"
			default:
				t.Skip("needs compiled code, which other tests bring")
			}
			name := functionName(t)
			_, err := s.client().CreateFunction(t.Context(), &lambda.CreateFunctionInput{
				FunctionName: &name, Role: aws.String("arn:aws:iam::000000000000:role/test"), Runtime: runtime, Handler: &f.handler,
				Code: &types.FunctionCode{ZipFile: f.zip(t)}, MemorySize: &f.memory, Timeout: &f.timeout,
			})
			var refused smithy.APIError
			if errors.As(err, &refused) {
				if refused.ErrorCode() != "InvalidParameterValueException" || !strings.Contains(refused.ErrorMessage(), f.runtime) {
					t.Errorf("refused with %v", err)
				}
				t.Skip(refused.ErrorMessage())
			}
			if err != nil {
				t.Fatal(err)
			}
			s.waitActive(t, name)
			if r := s.call(t, name, `"world"`); r.payload != `"hello world"` {
				t.Errorf("%+v", r)
			}
			ran++
		})
	}
	if ran < 2 {
		t.Errorf("only %d runtimes ran", ran)
	}
}
