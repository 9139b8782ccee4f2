package environment

import (
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

// Environment variables of runtimes and extensions, as recorded on AWS (F257 to
// F268). Where two give the same name, the later of these wins: the customer's,
// the unreserved defaults (only where the customer gave none), the credentials,
// the runtime's own, the platform's.

// variables is an ordered set of environment variables.
type variables struct {
	names  []string
	values map[string]string
}

func (v *variables) set(name, value string) {
	if v.values == nil {
		v.values = map[string]string{}
	}
	if _, ok := v.values[name]; !ok {
		v.names = append(v.names, name)
	}
	v.values[name] = value
}

func (v *variables) unset(name string) {
	if _, ok := v.values[name]; ok {
		delete(v.values, name)
		v.names = slices.DeleteFunc(v.names, func(n string) bool { return n == name })
	}
}

func (v *variables) byDefault(name, value string) {
	if _, ok := v.values[name]; !ok {
		v.set(name, value)
	}
}

func (v *variables) list() []string {
	out := make([]string, len(v.names))
	for i, name := range v.names {
		out[i] = name + "=" + v.values[name]
	}
	return out
}

// seenAtExec are the defaults that the dynamic linker, the C library and
// interpreters read when they are executed.
var seenAtExec = [...]struct{ name, value string }{
	{"LANG", "en_US.UTF-8"},
	{"TZ", ":UTC"},
	{"PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"},
	{"LD_LIBRARY_PATH", "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"},
}

// StartedAhead is the program's Ahead, if it has one, with the variables that
// every environment has when a program is executed in it.
func StartedAhead(p sandbox.Program) *sandbox.Ahead {
	if p.Ahead == nil {
		return nil
	}
	a := *p.Ahead
	a.Env = slices.Clone(a.Env)
	for _, d := range seenAtExec {
		a.Env = append(a.Env, d.name+"="+d.value)
	}
	return &a
}

// xrayHost is where AWS's X-Ray daemon listens inside an environment.
const xrayHost = "169.254.100.1"

// allVariables is what the runtime process gets.
func (e *Environment) allVariables() *variables {
	v := &variables{}
	for _, c := range e.version.Environment {
		if !strings.HasPrefix(c.Name, "_") {
			v.set(c.Name, c.Value)
		}
	}
	e.unreserved(v)
	setCredentials(e.secrets, v, e.program.OldKeys)
	e.platform(v)
	return v
}

// unreserved are defaults that the customer may override.
func (e *Environment) unreserved(v *variables) {
	for _, d := range seenAtExec {
		v.byDefault(d.name, e.translate(d.value))
	}
	v.byDefault("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR")
	v.byDefault("AWS_XRAY_DAEMON_ADDRESS", xrayHost+":2000")
	if e.version.Logging.Format == "JSON" {
		v.byDefault("AWS_LAMBDA_LOG_FORMAT", "JSON")
		v.byDefault("AWS_LAMBDA_LOG_LEVEL", e.version.Logging.ApplicationLevel)
	}
	if e.program.endpoint != "" {
		v.byDefault("AWS_ENDPOINT_URL", e.program.endpoint)
	}
	if tmp := e.box.Path("/tmp"); tmp != "/tmp" {
		// A sandbox without a root of its own: nothing keeps the code read-only.
		v.byDefault("TMPDIR", tmp)
		v.byDefault("PYTHONDONTWRITEBYTECODE", "1")
	}
	for _, pair := range e.program.Env {
		name, value, _ := strings.Cut(pair, "=")
		v.byDefault(name, e.translate(value))
	}
}

// platform are the reserved variables.
func (e *Environment) platform(v *variables) {
	f := e.version
	if e.program.Shell {
		v.set("PWD", e.box.Path(e.program.Dir))
		v.set("SHLVL", "0")
	}
	if !f.Runtime.Custom() && f.Runtime != "" {
		v.set("AWS_EXECUTION_ENV", "AWS_Lambda_"+string(f.Runtime))
	}
	if fd := e.program.LogFD; fd > 0 {
		v.set("_LAMBDA_TELEMETRY_LOG_FD", strconv.Itoa(fd))
	}
	for _, p := range [...][2]string{
		{"AWS_REGION", f.Region},
		{"AWS_DEFAULT_REGION", f.Region},
		{"AWS_LAMBDA_FUNCTION_NAME", f.Function},
		{"AWS_LAMBDA_FUNCTION_VERSION", f.Number},
		{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(f.MemoryMB)},
		{"AWS_LAMBDA_INITIALIZATION_TYPE", e.origin.InitType},
		{"AWS_LAMBDA_LOG_GROUP_NAME", e.origin.LogGroup},
		{"AWS_LAMBDA_LOG_STREAM_NAME", e.origin.LogStream},
		{"AWS_LAMBDA_RUNTIME_API", e.program.api},
		{"LAMBDA_TASK_ROOT", e.box.Path("/var/task")},
		{"LAMBDA_RUNTIME_DIR", e.box.Path("/var/runtime")},
		{"_AWS_XRAY_DAEMON_ADDRESS", xrayHost},
		{"_AWS_XRAY_DAEMON_PORT", "2000"},
		{"_HANDLER", f.Handler},
	} {
		v.set(p[0], p[1])
	}
}

func (e *Environment) runtimeVariables() []string { return e.allVariables().list() }

// privateToRuntime is what external extensions do not see, besides every name
// that begins with "_" (AWS: "Lambda Extensions API", environment variables).
var privateToRuntime = []string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
	"AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "PWD", "SHLVL",
}

// extensionVariables is what an external extension gets.
func (e *Environment) extensionVariables() []string {
	v := e.allVariables()
	for _, name := range privateToRuntime {
		v.unset(name)
	}
	return slices.DeleteFunc(v.list(), func(pair string) bool { return strings.HasPrefix(pair, "_") })
}

// Credentials makes the credentials of functions: temporary ones of their role.
type Credentials interface {
	// FunctionCredentials are for one environment of a version, and last as long as
	// it can live.
	FunctionCredentials(v *lambda.Version) lambda.Credentials
}

const keyAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// noCredentials look like credentials and open nothing, for a function that runs
// where nobody makes real ones: SDKs refuse to work without.
func noCredentials() lambda.Credentials {
	raw := make([]byte, 16+30+96)
	_, _ = rand.Read(raw) // never fails
	id := []byte("ASIA")
	for _, b := range raw[:16] {
		id = append(id, keyAlphabet[b%32])
	}
	return lambda.Credentials{
		AccessKey: string(id),
		Secret:    base64.StdEncoding.EncodeToString(raw[16:46]),
		Token:     base64.StdEncoding.EncodeToString(raw[46:]),
	}
}

func (p *Parts) credentialsOf(v *lambda.Version) lambda.Credentials {
	if p.Credentials == nil {
		return noCredentials()
	}
	return p.Credentials.FunctionCredentials(v)
}

func setCredentials(c lambda.Credentials, v *variables, oldNames bool) {
	if oldNames {
		v.set("AWS_ACCESS_KEY", c.AccessKey)
		v.set("AWS_SECRET_KEY", c.Secret)
	}
	v.set("AWS_ACCESS_KEY_ID", c.AccessKey)
	v.set("AWS_SECRET_ACCESS_KEY", c.Secret)
	v.set("AWS_SESSION_TOKEN", c.Token)
}
