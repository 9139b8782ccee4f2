package runtimetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
)

// limit ends a run that hangs; it judges nothing.
const limit = 2 * time.Minute

// Job is a function and the events that it is to be given.
type Job struct {
	Set     *runtimes.Set
	Runtime lambda.Runtime
	Handler string            // default: "app.handler"
	Task    map[string]string // files of the package
	Layer   map[string]string // files of a layer
	Env     []lambda.Variable // the function's own variables
	Events  []Event           // default: one
	Framed  bool              // give the runtime a framed log
	Close   bool              // close every connection after its answer
	Wrapper string            // file of the layer that AWS_LAMBDA_EXEC_WRAPPER names

	// Ahead starts the runtime before it is told its function, in the way of
	// a pool.
	Ahead bool

	// Compiled has the modules compiled ahead. It is called when that is done,
	// with the folders of the package and of the outcome.
	Compiled func(task, outcome string)

	// Argv replaces the program's command line, for runs of other runtimes.
	Argv []string
}

// Outcome is what came of a Job.
type Outcome struct {
	Answers []Answer
	Stdout  string
	Stderr  string
	Frames  []Frame
	Exited  bool // by itself; otherwise it was waiting for a further event and was killed
	Exit    string
	First   time.Duration // from the start to the first /next
	Task    string        // host folder of the package
	Layer   string        // host folder of the layer
	Program sandbox.Program
}

// Frame is one record of the framed log.
type Frame struct {
	Type uint32
	Time time.Time
	Text string
}

// Run runs the job to its end: until the runtime waits with no event left, or exits.
func Run(t testing.TB, job Job) Outcome {
	t.Helper()
	if job.Handler == "" {
		job.Handler = "app.handler"
	}
	if job.Events == nil {
		job.Events = []Event{{}}
	}
	r := &run{job: job, task: t.TempDir(), layer: t.TempDir()}
	write(t, r.task, job.Task)
	write(t, r.layer, job.Layer)
	program, err := job.Set.Program(r.version(), r.task, []string{r.layer})
	if err != nil {
		t.Fatalf("program of %s: %v", job.Runtime, err)
	}
	r.program = program
	if job.Compiled != nil {
		r.compile(t)
	}
	return r.run(t)
}

type run struct {
	job         Job
	task, layer string
	program     sandbox.Program
}

func (r *run) version() *lambda.Version {
	v := &lambda.Version{
		Function: "test", Number: lambda.Latest, Runtime: r.job.Runtime, Handler: r.job.Handler,
		MemoryMB: 512, Timeout: 3 * time.Second, Environment: r.job.Env,
	}
	if r.job.Wrapper != "" {
		v.Environment = append(v.Environment, lambda.Variable{Name: "AWS_LAMBDA_EXEC_WRAPPER", Value: r.job.Wrapper})
	}
	return v
}

func (r *run) run(t testing.TB) Outcome {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	argv := r.translateAll(r.program.Argv)
	if r.job.Argv != nil {
		argv = r.job.Argv
	}
	if r.job.Wrapper != "" {
		argv = append([]string{filepath.Join(r.layer, r.job.Wrapper)}, argv...)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = r.task
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd.Stdin = null
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	frames := r.frames(t, cmd)

	api := startAPI(t, r.job.Events, r.job.Close)
	cmd.Env = r.env(api.addr)
	var send func()
	if r.job.Ahead {
		send = r.ahead(t, cmd)
	}
	api.begun = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %v: %v", argv, err)
	}
	if send != nil {
		send()
		api.begun = time.Now()
	}
	for _, f := range cmd.ExtraFiles {
		f.Close()
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()

	o := Outcome{Task: r.task, Layer: r.layer, Program: r.program}
	select {
	case err = <-exited:
		o.Exited = true
	case <-api.idle:
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		err = <-exited
	case <-ctx.Done():
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-exited
		t.Fatalf("%s hung; stdout %q stderr %q", r.job.Runtime, stdout.String(), stderr.String())
	}
	o.Exit = "exit status 0"
	if err != nil {
		o.Exit = err.Error()
	}
	o.Stdout, o.Stderr, o.Frames = stdout.String(), stderr.String(), frames()
	api.mu.Lock()
	defer api.mu.Unlock()
	o.Answers, o.First = api.answers, api.first
	return o
}

// ahead makes the command one that is started ahead. The function that it returns
// waits until it is ready and sends it its folder and variables.
func (r *run) ahead(t testing.TB, cmd *exec.Cmd) (send func()) {
	if r.program.Ahead == nil {
		t.Fatalf("%s cannot be started ahead", r.job.Runtime)
	}
	message := sandbox.AheadMessage(r.task, (&exec.Cmd{Env: cmd.Env}).Environ()) // each variable once
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=en_US.UTF-8", "TZ=:UTC"}
	for _, kv := range r.program.Ahead.Env {
		name, value, _ := strings.Cut(kv, "=")
		cmd.Env = append(cmd.Env, name+"="+strings.Join(r.translateAll(strings.Split(value, ":")), ":"))
	}
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	ready := make(chan struct{})
	cmd.Stdout = &gate{Writer: cmd.Stdout, ready: ready}
	return func() {
		select {
		case <-ready:
		case <-time.After(limit):
			t.Errorf("%s started ahead does not get ready", r.job.Runtime)
		}
		if _, err := stdin.Write(message); err != nil {
			t.Errorf("send %s its message: %v", r.job.Runtime, err)
		}
		stdin.Close()
	}
}

// gate waits for the first zero byte and lets everything else pass.
type gate struct {
	io.Writer
	ready chan struct{}
}

func (g *gate) Write(b []byte) (int, error) {
	n := len(b)
	if i := bytes.IndexByte(b, 0); i >= 0 && g.ready != nil {
		close(g.ready)
		g.ready = nil
		b = append(bytes.Clone(b[:i]), b[i+1:]...)
	}
	_, err := g.Writer.Write(b)
	return n, err
}

// frames gives the process a pipe for its framed log and returns how to read
// what came through it once the process has ended.
func (r *run) frames(t testing.TB, cmd *exec.Cmd) func() []Frame {
	if !r.job.Framed {
		return func() []Frame { return nil }
	}
	read, w, err := os.Pipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	cmd.ExtraFiles = []*os.File{w} // descriptor 3
	data := make(chan []byte, 1)
	go func() {
		defer read.Close()
		all, _ := io.ReadAll(read)
		data <- all
	}()
	return func() []Frame { return parse(t, <-data) }
}

func parse(t testing.TB, data []byte) []Frame {
	var list []Frame
	for len(data) > 0 {
		if len(data) < 16 {
			t.Fatalf("framed log: %d bytes left over: %q", len(data), data)
		}
		size := int(binary.BigEndian.Uint32(data[4:]))
		if len(data) < 16+size {
			t.Fatalf("framed log: frame of %d bytes, %d left", size, len(data)-16)
		}
		list = append(list, Frame{
			Type: binary.BigEndian.Uint32(data),
			Time: time.UnixMicro(int64(binary.BigEndian.Uint64(data[8:]))),
			Text: string(data[16 : 16+size]),
		})
		data = data[16+size:]
	}
	return list
}

// env is what the environment engine gives every function, in short.
func (r *run) env(api string) []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=en_US.UTF-8", "TZ=:UTC",
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"_HANDLER=" + r.job.Handler,
		"LAMBDA_TASK_ROOT=" + r.task,
		"LAMBDA_RUNTIME_DIR=" + r.translate(runtimes.RuntimeDir),
		"AWS_EXECUTION_ENV=AWS_Lambda_" + string(r.job.Runtime),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_FUNCTION_NAME=test", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/test", "AWS_LAMBDA_LOG_STREAM_NAME=2026/01/01/[$LATEST]0",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
	}
	if r.job.Framed {
		env = append(env, "_LAMBDA_TELEMETRY_LOG_FD=3")
	}
	for _, kv := range r.program.Env {
		name, value, _ := strings.Cut(kv, "=")
		parts := strings.Split(value, ":")
		env = append(env, name+"="+strings.Join(r.translateAll(parts), ":"))
	}
	for _, x := range r.job.Env {
		env = append(env, x.Name+"="+x.Value)
	}
	return env
}

func (r *run) translateAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = r.translate(s)
	}
	return out
}

// translate does what a driver without a file system of its own does.
func (r *run) translate(path string) string {
	if !strings.HasPrefix(path, "/") {
		return path
	}
	mounts := append([]sandbox.Mount{{Source: r.task, Target: runtimes.TaskRoot}, {Source: r.layer, Target: runtimes.LayerRoot}}, r.program.Mounts...)
	for _, m := range mounts {
		if rest, ok := strings.CutPrefix(path, m.Target); ok && (rest == "" || rest[0] == '/') {
			return m.Source + rest
		}
	}
	return path
}

func write(t testing.TB, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatalf("make folder of %s: %v", name, err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatalf("write %s: %v", name, err)
		}
	}
}
