package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The programs of npm that run Lambda functions in Node.js where a developer sits.
const (
	lambdaLocal       = "lambda-local"
	serverlessOffline = "serverless-offline"
)

// peersFolder is where scripts/bench-peers.sh installs them.
const peersFolder = "build/bench-peers"

// installedWithin is the patience with a registry.
const installedWithin = 5 * time.Minute

// npmTools are the installed programs, and what they need to run one function.
type npmTools struct {
	node     string            // the interpreter, the same for all sides
	modules  string            // node_modules, as a full path
	versions map[string]string // of the packages
}

// installNPM brings the programs, and fails with npm's own words.
func installNPM(ctx context.Context, node string) (npmTools, error) {
	ctx, cancel := context.WithTimeout(ctx, installedWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, "scripts/bench-peers.sh")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) } // npm as well as the script
	if err := cmd.Run(); err != nil {
		return npmTools{}, fmt.Errorf("install with npm: %w: %s", err, shortened(said.String()))
	}
	modules, err := filepath.Abs(filepath.Join(peersFolder, "node_modules"))
	if err != nil {
		return npmTools{}, err
	}
	t := npmTools{node: node, modules: modules, versions: map[string]string{}}
	for _, name := range []string{lambdaLocal, serverlessOffline, "serverless"} {
		text, err := os.ReadFile(filepath.Join(modules, name, "package.json"))
		if err != nil {
			return t, err
		}
		var p struct{ Version string }
		if err := json.Unmarshal(text, &p); err != nil {
			return t, fmt.Errorf("read %s's package.json: %w", name, err)
		}
		t.versions[name] = p.Version
	}
	return t, nil
}

// shortened is a program's words on one line, and not too many of them.
func shortened(text string) string {
	line := strings.Join(strings.Fields(text), " ")
	const most = 300
	if len(line) > most {
		return line[:most] + "…"
	}
	return line
}

// standing is a server with a function that can be asked.
type standing struct {
	*process
	url       string        // where the function's events are posted
	listening time.Duration // from exec until it accepted a connection
}

// serveLambdaLocal runs its server, which has one function in its own process.
func (t npmTools) serveLambdaLocal(ctx context.Context, dir string) (*standing, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(address)
	return t.start(ctx, lambdaLocal, address, "/", t.lambdaLocal(dir, "--watch", port))
}

// lambdaLocal is its command line for the function in a folder.
func (t npmTools) lambdaLocal(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(t.node, append([]string{filepath.Join(t.modules, lambdaLocal, "build", "cli.js"),
		"-l", "index.js", "-h", "handler", "-t", "60"}, args...)...)
	cmd.Dir = dir
	return cmd
}

// offlineService writes the project that serverless-offline serves: so many functions
// of the same code.
func (t npmTools) offlineService(dir string, functions int) error {
	var text strings.Builder
	text.WriteString("service: bench\nprovider:\n  name: aws\n  runtime: nodejs20.x\n  stage: dev\n" +
		"plugins:\n  - serverless-offline\nfunctions:\n")
	for n := range functions {
		fmt.Fprintf(&text, "  echo%d:\n    handler: index.handler\n    memorySize: %d\n    timeout: 60\n", n, memoryMiB)
	}
	if err := unfold(dir, "handlers/index.js"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "serverless.yml"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	return os.Symlink(t.modules, filepath.Join(dir, "node_modules"))
}

// offlinePath is where serverless-offline's Invoke API takes events of a function of
// the project.
func offlinePath(n int) string { return invokePath(fmt.Sprintf("bench-dev-echo%d", n)) }

// serveOffline runs the project in a folder. The interpreter is ours, whatever
// runtime the project names; HOME is the folder, so that nothing is left behind.
func (t npmTools) serveOffline(ctx context.Context, dir string) (*standing, error) {
	var ports [4]string
	var lambda string
	for i := range ports {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		_, ports[i], _ = net.SplitHostPort(address)
		lambda = address
	}
	cmd := exec.Command(t.node, filepath.Join(t.modules, "serverless", "bin", "serverless.js"), "offline", "start", "--host", "127.0.0.1", "--noSponsor",
		"--httpPort", ports[0], "--websocketPort", ports[1], "--albPort", ports[2], "--lambdaPort", ports[3])
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "SLS_TELEMETRY_DISABLED=1", "SLS_TRACKING_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off")
	return t.start(ctx, serverlessOffline, lambda, offlinePath(0), cmd)
}

// start runs a server, whose words go to a file, and waits until it listens.
func (t npmTools) start(ctx context.Context, name, address, path string, cmd *exec.Cmd) (*standing, error) {
	words, err := os.CreateTemp(cmd.Dir, name+"-*.log")
	if err != nil {
		return nil, err
	}
	defer words.Close()
	cmd.Stdout, cmd.Stderr = words, words
	began := time.Now()
	p, err := startProcess(cmd, false)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	run := &standing{process: p, url: "http://" + address + path}
	for limit := began.Add(startedWithin); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			run.listening = time.Since(began)
			return run, conn.Close()
		}
		if !p.ended() && time.Now().Before(limit) && ctx.Err() == nil {
			continue
		}
		p.stop()
		text, _ := os.ReadFile(words.Name())
		return nil, fmt.Errorf("%s %s does not listen: %w: %s", name, t.versions[name], err, shortened(string(text)))
	}
}
