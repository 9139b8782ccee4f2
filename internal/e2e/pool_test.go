package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// noPool is for tests that count a server's processes.
const noPool = "--boot-pool-memory=0"

// seenFiles are what functions of every language read to look at themselves.
var seenFiles = []string{"/proc/self/limits", "/proc/self/cgroup", "/proc/self/mountinfo", "/proc/self/status", "/proc/self/cmdline",
	"/proc/self/environ", "/proc/self/oom_score_adj", "/proc/net/tcp", "/etc/hosts", "/etc/passwd", "/etc/resolv.conf", "/etc/hostname"}

const cmdline = "/proc/self/cmdline"

// looking is a function that gives what it sees: files, links of descriptors and
// of the working folder, variables, arguments, random numbers.
type looking struct {
	runtime, handler string
	make             func(t *testing.T) []byte
}

func inPython(t *testing.T) []byte {
	files, _ := json.Marshal(seenFiles)
	return zipOf(t, map[string]string{"index.py": `import os, sys, random, uuid, secrets
def read(path):
    with open(path, errors="replace") as f:
        return f.read()
def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return None
def handler(event, context):
    return {"files": {f: read(f) for f in ` + string(files) + `}, "fds": {n: link("/proc/self/fd/" + n) for n in os.listdir("/proc/self/fd")},
        "cwd": os.getcwd(), "env": dict(os.environ), "argv": sys.argv, "cpus": os.cpu_count(), "stdin": sys.stdin.read(), "tmp": os.listdir("/tmp"),
        "random": [hash("lambent"), random.random(), str(uuid.uuid4()), secrets.token_hex()]}
`})
}

func inNode(t *testing.T) []byte {
	files, _ := json.Marshal(seenFiles)
	return zipOf(t, map[string]string{"index.js": `const fs = require("fs"), os = require("os"), crypto = require("crypto");
const link = (path) => { try { return fs.readlinkSync(path); } catch { return null; } };
exports.handler = async () => ({ files: Object.fromEntries(` + string(files) + `.map((f) => [f, fs.readFileSync(f, "utf8")])),
  fds: Object.fromEntries(fs.readdirSync("/proc/self/fd").map((n) => [n, link("/proc/self/fd/" + n)])),
  cwd: process.cwd(), env: { ...process.env }, argv: process.argv.concat(process.execArgv), cpus: os.cpus().length, stdin: fs.readFileSync(0, "utf8"),
  tmp: fs.readdirSync("/tmp"), random: [Math.random(), crypto.randomUUID(), crypto.randomBytes(16).toString("hex")] });
`})
}

func inJava(t *testing.T) []byte {
	javac, err := exec.LookPath("javac")
	if err != nil {
		t.Skip("there is no javac here")
	}
	files, _ := json.Marshal(seenFiles)
	dir := t.TempDir()
	source := `import java.io.*;
import java.nio.file.*;
import java.util.*;
public class View {
    static String read(String path) throws Exception { return new String(Files.readAllBytes(Paths.get(path)), "UTF-8"); }
    public Map<String, Object> look(Map<String, Object> event) throws Exception {
        Map<String, Object> seen = new TreeMap<>(), files = new TreeMap<>(), fds = new TreeMap<>();
        for (String f : new String[] {` + strings.Trim(string(files), "[]") + `}) files.put(f, read(f));
        for (String n : new File("/proc/self/fd").list()) {
            try { fds.put(n, Files.readSymbolicLink(Paths.get("/proc/self/fd", n)).toString()); } catch (IOException e) { }
        }
        seen.put("files", files); seen.put("fds", fds); seen.put("env", System.getenv());
        seen.put("cwd", Paths.get("/proc/self/cwd").toRealPath().toString() + " " + new File("x").getAbsolutePath() + " " + new File("View.class").length());
        seen.put("cpus", Runtime.getRuntime().availableProcessors()); seen.put("stdin", System.in.read()); seen.put("tmp", new File("/tmp").list());
        seen.put("random", Arrays.asList(Math.random(), UUID.randomUUID().toString(), new java.security.SecureRandom().nextLong(), new Random().nextLong()));
        return seen;
    }
}
`
	if err := os.WriteFile(filepath.Join(dir, "View.java"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(javac, "--release", "17", "-d", dir, filepath.Join(dir, "View.java")).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v: %s", err, out)
	}
	class, err := os.ReadFile(filepath.Join(dir, "View.class"))
	if err != nil {
		t.Fatal(err)
	}
	return zipOf(t, map[string]string{"View.class": string(class)})
}

// view is what such a function gives.
type view struct {
	Files  map[string]string
	FDs    map[string]string
	Env    map[string]string
	Argv   []string
	CWD    string
	CPUs   int
	Stdin  any
	Tmp    any
	Random []any
}

func (v view) ahead() bool {
	return strings.Contains(v.Files["/proc/self/environ"], "_LAMBENT_AHEAD=1")
}

// looks invokes the function and reads what it saw.
func looks(t *testing.T, s *server, name string) view {
	t.Helper()
	var v view
	if r := s.call(t, name, "{}"); json.Unmarshal([]byte(r.payload), &v) != nil || v.Files == nil {
		t.Fatalf("%s answers %s\n%s", name, r.payload, r.log)
	}
	return v
}

// renew gives the function a new environment.
func renew(t *testing.T, s *server, name string, n int) {
	t.Helper()
	description := fmt.Sprint("change ", n)
	if _, err := s.client().UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Description: &description}); err != nil {
		t.Fatal(err)
	}
	s.waitUpdated(t, name)
}

// TestAheadIsIndistinguishable is the pool's promise: a function whose runtime was
// started ahead sees what one sees that was started afresh, but for
// /proc/self/environ and times.
func TestAheadIsIndistinguishable(t *testing.T) {
	t.Parallel()
	for _, l := range []looking{{"python3.11", "index.handler", inPython}, {"nodejs20.x", "index.handler", inNode}, {"java17", "View::look", inJava}} {
		t.Run(l.runtime, func(t *testing.T) {
			t.Parallel()
			f := function{runtime: l.runtime, handler: l.handler, archives: l.make(t), memory: 512, timeout: 30, env: map[string]string{"MINE": "a=b ü"}}
			without, with := start(t, noPool), start(t)
			name := without.deploy(t, f)
			fresh := looks(t, without, name)
			if fresh.ahead() {
				t.Fatal("a server without a pool starts runtimes ahead")
			}
			ahead, other := startedAhead(t, with, f)
			for try := 0; try < 100 && fresh.Files[cmdline] != ahead.Files[cmdline]; try++ {
				<-time.After(200 * time.Millisecond) // a new server prepares its Java first
				renew(t, without, name, try)
				fresh = looks(t, without, name)
			}
			compare(t, name, fresh, ahead)
			for i := range ahead.Random {
				if fmt.Sprint(ahead.Random[i]) == fmt.Sprint(other.Random[i]) {
					t.Errorf("two environments have the same random number: %v", ahead.Random[i])
				}
			}
		})
	}
}

// startedAhead gives the views of two environments that were started ahead; a
// pool needs a moment to make some.
func startedAhead(t *testing.T, s *server, f function) (one, other view) {
	t.Helper()
	name := s.deploy(t, f)
	var found []view
	for try := range 100 {
		if v := looks(t, s, name); v.ahead() {
			if found = append(found, v); len(found) == 2 {
				return found[0], found[1]
			}
		}
		<-time.After(100 * time.Millisecond)
		renew(t, s, name, try)
	}
	t.Fatal("no environment of a hundred was started ahead")
	return
}

// Parts of what is seen that differ between any two environments.
var (
	numbers  = regexp.MustCompile(`\d+`)
	ownNames = regexp.MustCompile(`(lambent-[0-9a-f]{8}/)[a-z0-9-]+|ahead-\d+|[0-9a-f]{32}`)
	processL = regexp.MustCompile(`(?m)^(Pid|Tgid|Ngid|NStgid|NSpid|NSpgid|NSsid|PPid|Vm\w+|Rss\w+|HugetlbPages|voluntary_ctxt_switches|nonvoluntary_ctxt_switches|Uid|Gid|Groups|SigQ|Mems_\w+|Cpus_\w+|Name|State|FDSize|Seccomp_filters):.*\n`)
	// A Java machine has more or fewer threads that compile from moment to moment.
	threadsL = regexp.MustCompile(`(?m)^Threads:.*\n`)
)

// compare tells what differs that should not.
func compare(t *testing.T, function string, fresh, ahead view) {
	t.Helper()
	normal := func(v view) map[string]string {
		out := map[string]string{
			"cwd": v.CWD, "argv": fmt.Sprint(v.Argv), "cpus": fmt.Sprint(v.CPUs), "stdin": fmt.Sprint(v.Stdin), "tmp": fmt.Sprint(v.Tmp), "fds": descriptors(v.FDs),
		}
		for _, k := range slices.Sorted(maps.Keys(v.Env)) {
			switch k {
			case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID",
				"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_GROUP_NAME":
				out["variable "+k] = "is there"
			default:
				out["variable "+k] = v.Env[k]
			}
		}
		for name, text := range v.Files {
			switch name {
			case "/proc/self/environ":
			case "/proc/self/status":
				out[name] = processL.ReplaceAllString(text, "")
				if strings.Contains(v.Files[cmdline], "java") {
					out[name] = threadsL.ReplaceAllString(out[name], "")
				}
			case "/proc/self/mountinfo":
				out[name] = mounts(text)
			case "/proc/net/tcp":
				out[name] = connections(text)
			case "/etc/passwd", "/proc/self/cgroup":
				out[name] = numbers.ReplaceAllString(ownNames.ReplaceAllString(text, "$1"), "N")
			default:
				out[name] = text
			}
		}
		return out
	}
	f, a := normal(fresh), normal(ahead)
	for k := range a {
		if _, has := f[k]; !has {
			t.Errorf("%s: only ahead there is %s: %s", function, k, a[k])
		}
	}
	for k, want := range f {
		if a[k] != want {
			t.Errorf("%s: %s differs\nafresh: %s\nahead:  %s", function, k, want, a[k])
		}
	}
}

// descriptors are numbers and kinds; which number a connection got is chance in a
// process with threads.
func descriptors(fds map[string]string) string {
	var list []string
	for n, to := range fds {
		if to == "" {
			continue // the folder that was just listed
		}
		kind, _, _ := strings.Cut(to, ":[")
		if len(n) > 1 && n != "62" || kind == "socket" {
			n = "N"
		}
		list = append(list, n+" "+numbers.ReplaceAllString(kind, "N"))
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// mounts are places, kinds and options, by place: numbers and sources are the host's.
func mounts(text string) string {
	var list []string
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		sep := slices.Index(w, "-")
		if sep < 6 {
			continue
		}
		list = append(list, strings.Join(append([]string{w[4], w[5]}, w[6:sep+2]...), " "))
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// connections are states; there is one to the Runtime API, and whatever is over.
func connections(text string) string {
	var list []string
	for line := range strings.Lines(text) {
		if w := strings.Fields(line); len(w) > 3 && w[0] != "sl" {
			list = append(list, w[3])
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestAheadFails plays what may go wrong with a function whose runtime was started
// ahead: its log, its faults and their repair are those of any other.
func TestAheadFails(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := `import os, sys, time
ahead = "_LAMBENT_AHEAD" in open("/proc/self/environ").read()
print("loaded")
def handler(event, context):
    do = event.get("do")
    if do == "die":
        os.kill(os.getpid(), 9)
    if do == "sleep":
        time.sleep(30)
    if do == "eat":
        hog = b"x" * (400 << 20)
    print("done", file=sys.stderr)
    return {"ahead": ahead, "pid": os.getpid()}
`
	name := s.deploy(t, function{code: code, timeout: 10, memory: 256})
	found := false
	for try := 0; try < 100 && !found; try++ {
		found = strings.Contains(s.call(t, name, "{}").payload, `"ahead": true`)
		if !found {
			<-time.After(100 * time.Millisecond)
			renew(t, s, name, try)
		}
	}
	if !found {
		t.Fatal("no environment of a hundred was started ahead")
	}
	for _, c := range []struct{ event, want string }{
		{`{"do": "die"}`, "Runtime.ExitError"},
		{`{}`, `"ahead": false`}, // the second start in the same environment
		{`{"do": "sleep"}`, "Task timed out after 10.00 seconds"},
		{`{}`, `"ahead": false`},
		{`{"do": "eat"}`, "Runtime."},
		{`{}`, `"ahead": false`},
	} {
		if r := s.call(t, name, c.event); !strings.Contains(r.payload, c.want) {
			t.Errorf("%s answers %s, want %s", c.event, r.payload, c.want)
		}
	}
}

// TestPoolGivesWay: memory is for environments first; on a host that they fill
// nothing waits, and what waited is gone.
func TestPoolGivesWay(t *testing.T) {
	t.Parallel()
	s := start(t, "--max-memory=512")
	name := s.deploy(t, function{runtime: "python3.11", handler: "index.handler", archives: inPython(t), memory: 512, timeout: 30})
	waiting := func() (n int) {
		resp, err := http.Get(s.url + "/_lambent/ahead")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var stocks []struct{ Ready, Coming int }
		if err := json.NewDecoder(resp.Body).Decode(&stocks); err != nil {
			t.Fatalf("read what waits: %v", err)
		}
		for _, one := range stocks {
			n += one.Ready + one.Coming
		}
		return n
	}
	await := func(what string, is func() bool) {
		for try := 0; !is(); try++ {
			if try == 300 {
				t.Fatalf("%s; %d wait", what, waiting())
			}
			<-time.After(100 * time.Millisecond)
		}
	}
	await("nothing is started ahead on an empty host", func() bool { return waiting() > 1 })
	looks(t, s, name)
	await("something still waits on a full host", func() bool { return waiting() == 0 })
}
