package ruby

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/runtimes/runtimetest"
)

// set is this host's interpreters, found once for all tests. Distributions have
// older ones than AWS, which do to test the bootstrap.
var set *runtimes.Set

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambent-ruby-")
	if err == nil {
		set, err = runtimes.Discover(context.Background(), runtimes.Options{
			Dir:             dir,
			Families:        []runtimes.Family{Family{versions: []string{"4.0", "3.4", "3.3", "3.2", "3.1", "3.0", "2.7"}}},
			AnyArchitecture: true,
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func each(t *testing.T, test func(t *testing.T, f runtimes.Found)) {
	t.Helper()
	list := slices.DeleteFunc(set.List(), func(f runtimes.Found) bool { return !f.Here() })
	if len(list) == 0 {
		t.Skip("no Ruby on this host")
	}
	for _, f := range list {
		t.Run(string(f.Runtime), func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

func job(f runtimes.Found, source string, events ...string) runtimetest.Job {
	j := runtimetest.Job{Set: set, Runtime: f.Runtime, Task: map[string]string{"app.rb": source}}
	for _, payload := range events {
		j.Events = append(j.Events, runtimetest.Event{Payload: payload})
	}
	return j
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, c := range []struct{ handler, source, event, want string }{
			{"app.handler", "def handler(event:, context:) event end", `{"a":[1,2.5,null,"é\u20ac"]}`, `{"a":[1,2.5,null,"é€"]}`},
			{"app.handler", "def handler(event:, context:) end", `1`, `null`},
			{"app.handler", "def handler(event:, **) \"text #{event}\" end", `5`, `"text 5"`},
			{"app.handler", "def handler(event:, context:) JSON.parse('{\"b\":1}') end", `1`, `{"b":1}`},
			{"app.handler", "def handler(event:, context:) StringIO.new(\"raw\") end", `1`, `raw`},
			{"app.handler", "def handler(event:, context:) { \"u\" => URI(\"http://x/y\").path, \"n\" => Net::HTTP.name } end", `1`, `{"u":"/y","n":"Net::HTTP"}`},
			{"app.handler", "def handler(event:, context:) p = event['dir'] + '/é'; File.write(p, 'ü'); [File.read(p), File.read(p).encoding, Dir.children(event['dir'])] end", `{"dir":"` + t.TempDir() + `"}`, `["ü","UTF-8",["é"]]`},
			{"app.Some::Deep.call", "module Some; class Deep; def self.call(event:, context:) name end end end", `1`, `"Some::Deep"`},
			{"sub/dir/app.handler", "def handler(event:, context:) __FILE__.split('/').last(3).join('/') end", `1`, `"sub/dir/app.rb"`},
			{"app.handler", "def handler(event:, context:) $0.split('/').last end", `1`, `"bootstrap.rb"`},
			{"app.handler", "module AwsLambda; class Marshaller; def self.marshall_request(r) r.body + r['Content-Type'] end end end\ndef handler(event:, context:) event end", `[1]`, `"[1]application/json"`},
		} {
			j := job(f, c.source, c.event)
			j.Handler, j.Task = c.handler, map[string]string{c.handler[:strings.Index(c.handler, ".")] + ".rb": c.source}
			o := runtimetest.Run(t, j)
			if len(o.Answers) != 1 || o.Answers[0].Body != c.want || o.Answers[0].Path != "invocation/id-1/response" {
				t.Errorf("%s of %q given %s: %+v, want %s; %s%s", c.handler, c.source, c.event, o.Answers, c.want, o.Stdout, o.Stderr)
			}
		}
	})
}

func TestWarmProcessKeepsItsState(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, job(f, "def handler(event:, context:) $n = $n.to_i + 1 end", `1`, `2`, `3`))
		var got []string
		for _, a := range o.Answers {
			got = append(got, a.Body)
		}
		if want := []string{"1", "2", "3"}; !slices.Equal(got, want) {
			t.Errorf("answers %q, want %q", got, want)
		}
	})
}

// fault is an error's body.
type fault struct {
	ErrorMessage string   `json:"errorMessage"`
	ErrorType    string   `json:"errorType"`
	StackTrace   []string `json:"stackTrace"`
}

// TestErrors is F249.
func TestErrors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		for _, c := range []struct {
			handler, source string
			path, header    string
			message, class  string
			exit            string // of the process; empty: it goes on
			frames          int
		}{
			{source: "def handler(event:, context:) raise 'Error: some_error_msg' end", path: "error", header: "Function<UserException>",
				message: "^Error: some_error_msg$", class: "Function<RuntimeError>", frames: 1},
			{source: "class Mine < StandardError; end\ndef a() raise Mine end\ndef handler(event:, context:) a end", path: "error", header: "Function<UserException>",
				message: "^Mine$", class: "Function<Mine>", frames: 2},
			{source: "def handler(event:, context:) raise ArgumentError, 'bad' end", path: "error", header: "Function<ArgumentError>",
				message: "^bad$", class: "Function<ArgumentError>", frames: 1},
			{source: "def handler(event:) event end", path: "error", header: "Function<ArgumentError>",
				message: "^unknown keyword: :context$", class: "Function<ArgumentError>", frames: 1},
			{source: "def handler(event:, context:) nil.nope end", path: "error", header: "Function<NoMethodError>",
				message: "undefined method .nope' for nil", class: "Function<NoMethodError>", exit: "exit status 255", frames: 1},
			{source: "x = 1", path: "error", header: "Function<NoMethodError>",
				message: "undefined method .handler' for .*LambdaHandler", class: "Function<NoMethodError>", exit: "exit status 255"},
			{source: "def handler(event:, context:) Nope end", path: "error", header: "Function<NameError>",
				message: "uninitialized constant .*Nope", class: "Function<NameError>", exit: "exit status 255", frames: 1},
			{source: "def handler(event:, context:) exit(3) end", path: "error", header: "Function<SystemExit>",
				message: "^exit$", class: "Function<SystemExit>", exit: "exit status 255", frames: 1},
			{source: "def handler(event:, context:) \"\\xff\".b.force_encoding('UTF-8') end", path: "error", header: "Function<UserException>",
				message: "invalid|illegal|partial character", class: "Function<JSON::GeneratorError>"},
			{source: "raise 'no init'", path: "init/error", header: "Function<UserException>",
				message: "^no init$", class: "Init<RuntimeError>", exit: "exit status 252", frames: 1},
			{source: "require 'not_there'", path: "init/error", header: "Init<LoadError>",
				message: "^cannot load such file -- not_there$", class: "Init<LoadError>", exit: "exit status 252", frames: 1},
			{source: "def (", path: "init/error", header: "Function<UserException>",
				message: "app.rb", class: "Init<SyntaxError>", exit: "exit status 252"},
			{source: "exit 0", path: "init/error", header: "Init<SystemExit>",
				message: "^exit$", class: "Init<SystemExit>", exit: "exit status 252", frames: 1},
			{handler: "absent.handler", path: "init/error", header: "Init<LoadError>",
				message: "^cannot load such file -- absent$", class: "Init<LoadError>", exit: "exit status 252"},
			{handler: "nodot", path: "init/error", header: "Init<ArgumentError>",
				message: `^Invalid handler \["nodot"\], must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where`, class: "Init<ArgumentError>", exit: "exit status 252"},
		} {
			j := job(f, c.source, `{}`)
			j.Handler = c.handler
			o := runtimetest.Run(t, j)
			if len(o.Answers) != 1 || !strings.HasSuffix(o.Answers[0].Path, c.path) || o.Answers[0].Header.Get("Lambda-Runtime-Function-Error-Type") != c.header {
				t.Errorf("%q: %+v, want %s to %s; %s%s", c.source, o.Answers, c.header, c.path, o.Stdout, o.Stderr)
				continue
			}
			var got fault
			if err := json.Unmarshal([]byte(o.Answers[0].Body), &got); err != nil {
				t.Errorf("%q: body %q: %v", c.source, o.Answers[0].Body, err)
			}
			if !regexp.MustCompile(c.message).MatchString(got.ErrorMessage) || got.ErrorType != c.class {
				t.Errorf("%q: %+v, want %s: %s", c.source, got, c.class, c.message)
			}
			if len(got.StackTrace) < c.frames || c.frames > 0 && !strings.Contains(strings.Join(got.StackTrace, ""), "app.rb:") {
				t.Errorf("%q: stack %q, want at least %d frames with the function's", c.source, got.StackTrace, c.frames)
			}
			if slices.ContainsFunc(got.StackTrace, func(s string) bool { return strings.Contains(s, "bootstrap.rb") || strings.Contains(s, "lambent/") }) {
				t.Errorf("%q: stack %q shows the runtime's own frames", c.source, got.StackTrace)
			}
			if o.Exited != (c.exit != "") || o.Exited && o.Exit != c.exit {
				t.Errorf("%q: exited %t with %s, want %q", c.source, o.Exited, o.Exit, c.exit)
			}
		}
	})
}

func TestContext(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		const source = `def handler(event:, context:)
  c = context
  [c.aws_request_id, c.invoked_function_arn, c.log_group_name, c.log_stream_name, c.function_name, c.memory_limit_in_mb,
   c.function_version, c.identity, c.client_context, c.deadline_ms, c.tenant_id, c.get_remaining_time_in_millis.positive?, ENV['_X_AMZN_TRACE_ID'], c.class.name]
end`
		j := job(f, source)
		j.Events = []runtimetest.Event{{}, {ID: "x", Header: map[string]string{
			"Lambda-Runtime-Deadline-Ms": "1", "Lambda-Runtime-Aws-Tenant-Id": "blue", "Lambda-Runtime-Trace-Id": "",
			"Lambda-Runtime-Cognito-Identity": `{"cognitoIdentityId":"i"}`, "Lambda-Runtime-Client-Context": `{"custom":{"a":"b"}}`,
		}}}
		o := runtimetest.Run(t, j)
		const arn = `"arn:aws:lambda:us-east-1:123456789012:function:test","/aws/lambda/test","2026/01/01/[$LATEST]0","test","512","$LATEST",`
		want := []string{
			`["id-1",` + arn + `null,null,4102444800000,null,true,"Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1","LambdaContext"]`,
			`["x",` + arn + `{"cognitoIdentityId":"i"},{"custom":{"a":"b"}},1,"blue",false,null,"LambdaContext"]`,
		}
		for i, w := range want {
			if i >= len(o.Answers) || o.Answers[i].Body != w {
				t.Errorf("answers %+v, want %s; %s", o.Answers, w, o.Stderr)
			}
		}
	})
}

func TestLogsAreFramed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		const source = `LOG = Logger.new($stdout)
def handler(event:, context:)
  puts "one", ["two", nil]
  LOG.info("with\nlines")
  Logger.new($stderr, level: Logger::WARN, progname: "p").info("not shown")
  Logger.new(nil).debug(RuntimeError.new("an error"))
  $stdout.puts "direct"
  warn "warned"
  print "printed"
  ENV["_LAMBDA_TELEMETRY_LOG_FD"].inspect
end`
		j := job(f, source, `1`)
		j.Framed = true
		o := runtimetest.Run(t, j)
		if len(o.Answers) != 1 || o.Answers[0].Body != `"nil"` {
			t.Fatalf("answers %+v, want \"nil\"; %s", o.Answers, o.Stderr)
		}
		want := []string{
			"^one\ntwo\n$",
			`^I, \[\d{4}-\d\d-\d\dT[\d:.]+ #\d+\]  INFO id-1 -- : with` + "\nlines\n$",
			`^D, \[\S+ #\d+\] DEBUG id-1 -- : an error \(RuntimeError\)`,
		}
		if len(o.Frames) != len(want) {
			t.Fatalf("frames %+v, want %d", o.Frames, len(want))
		}
		for i, frame := range o.Frames {
			if frame.Type != 0xa55a0003 || !regexp.MustCompile(want[i]).MatchString(frame.Text) || frame.Time.Year() < 2025 {
				t.Errorf("frame %+v, want text %s", frame, want[i])
			}
		}
		if o.Stdout != "direct\nprinted" || o.Stderr != "warned\n" {
			t.Errorf("output %q and %q, want what was written to them directly", o.Stdout, o.Stderr)
		}
	})
}

func TestLogsWithoutDescriptorGoToTheOutput(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		o := runtimetest.Run(t, job(f, "def handler(event:, context:)\nputs 'a'\nLogger.new($stdout).warn('b')\nraise 'c'\nend", `1`))
		want := regexp.MustCompile(`^a\nW, \[\S+ #\d+\]  WARN id-1 -- : b\nError raised from handler method\n\{\n  "errorMessage": "c",\n  "errorType": "Function<RuntimeError>",\n  "stackTrace": \[\n    "\S+app.rb:4:in .*handler'"\n  \]\n\}\n$`)
		if !want.MatchString(o.Stdout) {
			t.Errorf("output %q, want %s", o.Stdout, want)
		}
	})
}

// AWS's Ruby logs JSON from 4.0 on; an older interpreter that says it is one
// does the same.
func TestJSONLogs(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		j := job(f, "def handler(event:, context:)\nl = Logger.new($stdout, progname: 'p')\nl.debug('no')\nl.info('yes')\nbegin; raise 'e'; rescue => x; l.error(x); end\nend", `1`)
		j.Layer = map[string]string{"modern.rb": "Object.send(:remove_const, :RUBY_VERSION)\nRUBY_VERSION = '4.0.0'\n"}
		j.Framed = true
		j.Env = []lambda.Variable{
			{Name: "AWS_LAMBDA_LOG_FORMAT", Value: "JSON"}, {Name: "AWS_LAMBDA_LOG_LEVEL", Value: "INFO"},
		}
		j.Task["pretend.sh"] = "#!/bin/sh\ndir=$(dirname \"$0\")\nruby=$1; shift\nexec \"$ruby\" -r \"$dir/modern.rb\" \"$@\"\n"
		j.Layer["pretend.sh"] = j.Task["pretend.sh"]
		j.Wrapper = "pretend.sh"
		o := runtimetest.Run(t, j)
		if len(o.Frames) != 2 {
			t.Fatalf("frames %+v, want 2; %s", o.Frames, o.Stderr)
		}
		for i, want := range []string{
			`^\{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","level":"INFO","message":"yes","requestId":"id-1","logger":"p"\}\n$`,
			`"level":"ERROR","message":"e","requestId":"id-1","logger":"p","errorType":"RuntimeError","errorMessage":"e","stackTrace":\[".*app.rb:5:in .handler'".*\],"location":".*app.rb:handler:5"\}\n$`,
		} {
			if !regexp.MustCompile(want).MatchString(o.Frames[i].Text) || o.Frames[i].Type != 0xa55a0002 {
				t.Errorf("frame %x %s, want %s", o.Frames[i].Type, o.Frames[i].Text, want)
			}
		}
	})
}

func TestGemsAndLibrariesOfPackageAndLayer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		abi := minor(f.Version) + ".0"
		gem := func(root, name, version string) map[string]string {
			return map[string]string{
				root + "/specifications/" + name + "-" + version + ".gemspec":   fmt.Sprintf("Gem::Specification.new { |s| s.name = %q; s.version = %q; s.summary = 'x'; s.authors = ['x']; s.require_paths = ['lib'] }", name, version),
				root + "/gems/" + name + "-" + version + "/lib/" + name + ".rb": fmt.Sprintf("%s = %q\n", strings.ToUpper(name), version),
			}
		}
		j := job(f, "require 'inpackage'\nrequire 'inlayer'\nrequire 'plain'\ndef handler(event:, context:) [INPACKAGE, INLAYER, PLAIN, Gem.loaded_specs.keys.include?('inlayer')] end", `1`)
		for path, text := range gem("vendor/bundle/ruby/"+abi, "inpackage", "1.2.3") {
			j.Task[path] = text
		}
		j.Layer = gem("ruby/gems/"+abi, "inlayer", "4.5.6")
		j.Layer["ruby/lib/plain.rb"] = "PLAIN = 'lib'\n"
		o := runtimetest.Run(t, j)
		if want := `["1.2.3","4.5.6","lib",true]`; len(o.Answers) != 1 || o.Answers[0].Body != want {
			t.Errorf("answers %+v, want %s; %s", o.Answers, want, o.Stderr)
		}
	})
}

func TestProgram(t *testing.T) {
	t.Parallel()
	p, err := Family{}.Program(&lambda.Version{}, runtimes.Found{Version: "3.4.2", Path: "/x/bin/ruby", Prefix: "/x"}, runtimes.Dirs{Bootstrap: "/b"})
	if err != nil || !slices.Equal(p.Argv, []string{"/var/lang/bin/ruby", "/var/runtime/bootstrap.rb"}) || !p.Shell || p.LogFD != 62 || p.Dir != "/var/task" {
		t.Errorf("program %+v, %v", p, err)
	}
	want := []string{
		"GEM_HOME=/var/runtime",
		"GEM_PATH=/var/task/vendor/bundle/ruby/3.4.0:/opt/ruby/gems/3.4.0:/var/runtime:/var/runtime/ruby/3.4.0",
		"RUBYLIB=/var/task:/var/runtime/lib:/opt/ruby/lib",
	}
	if !slices.Equal(p.Env, want) {
		t.Errorf("environment %q, want %q (F262)", p.Env, want)
	}
	if len(p.Mounts) != 3 || p.Mounts[2].Source != "/x" || p.Mounts[2].Target != "/x" {
		t.Errorf("mounts %+v: a Ruby must be found where it was installed, too", p.Mounts)
	}
}

func TestFindTakesOnlyServedVersions(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for version, engine := range map[string]string{"3.3.1": "ruby", "3.1.2": "ruby", "3.2.0": "truffleruby", "4.0.0": "ruby"} {
		prefix := filepath.Join(home, ".rbenv/versions", version)
		path := filepath.Join(prefix, "bin/ruby")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' %s %s %s %s\n", version, engine, path, prefix)
		if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	host := runtimes.NewHost(nil)
	host.Home, host.Path = home, nil
	var got []string
	for _, f := range (Family{}).Find(t.Context(), host) {
		if f.Source == "rbenv" {
			got = append(got, string(f.Runtime)+" "+f.Version)
		}
	}
	if want := []string{"ruby4.0 4.0.0", "ruby3.3 3.3.1"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
