package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// side is one thing that is measured: a server that runs a function.
type side struct {
	name string
	url  string // where an event is posted
	pid  int    // the server; its descendants count as its own
	how  string // in which the function runs, where that is not what the others do

	clients int // when it has not as many as the load says
}

// invokePath is where the AWS API, and AWS's runtime interface emulator, take events.
func invokePath(function string) string {
	return "/2015-03-31/functions/" + function + "/invocations"
}

// process is a server that was started for the measurement.
type process struct {
	cmd  *exec.Cmd
	said string // its first line on standard output
	done chan struct{}
}

// Limits of the bench's patience.
const (
	startedWithin = 30 * time.Second
	stoppedWithin = 30 * time.Second
)

// startProcess runs a command; when spoken is set it waits for its first line.
func startProcess(cmd *exec.Cmd, spoken bool) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is the bench's, which then stops it
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	if !spoken {
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		go p.wait(nil)
		return p, nil
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(startedWithin, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	line, err := bufio.NewReader(out).ReadString('\n')
	late.Stop()
	go p.wait(out)
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: it ended, or was ended after %v, without a word: %w", cmd.Path, startedWithin, err)
	}
	p.said = strings.TrimSpace(line)
	return p, nil
}

func (p *process) wait(out io.Reader) {
	if out != nil {
		_, _ = io.Copy(io.Discard, out)
	}
	_ = p.cmd.Wait()
	close(p.done)
}

// ended says whether the process has ended by itself.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process, and what it started, as a terminal would.
func (p *process) stop() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stoppedWithin):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// startFloor runs a function's command behind the floor's bridge.
func startFloor(dir string, command ...string) (*process, side, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, side{}, err
	}
	cmd := exec.Command(self, append([]string{"floor"}, command...)...)
	cmd.Dir = dir
	p, err := startProcess(cmd, true)
	if err != nil {
		return nil, side{}, fmt.Errorf("start the floor: %w", err)
	}
	return p, side{name: "floor", url: p.said + invokePath("function"), pid: cmd.Process.Pid}, nil
}

// peer is a command that serves RIE's invoke path on the address in $ADDRESS.
type peer struct{ name, command string }

func parsePeer(text string) (peer, error) {
	name, command, ok := strings.Cut(text, "=")
	if !ok || name == "" || command == "" {
		return peer{}, fmt.Errorf("%q: want name=command", text)
	}
	return peer{name, command}, nil
}

// start runs the peer with the Go function's folder as $FUNCTION, and waits until it
// answers an event with the event, as the function does. Its words go to a file in a
// folder: a terminal that shows a line for each event would be measured with it.
func (p peer) start(ctx context.Context, function, dir string) (*process, side, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, side{}, err
	}
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("sh", "-c", "exec "+p.command)
	cmd.Env = append(os.Environ(), "ADDRESS="+address, "PORT="+port, "FUNCTION="+function)
	words, err := os.CreateTemp(dir, "peer-*.log")
	if err != nil {
		return nil, side{}, err
	}
	defer words.Close()
	cmd.Stdout, cmd.Stderr = words, words
	running, err := startProcess(cmd, false)
	if err != nil {
		return nil, side{}, err
	}
	s := side{name: p.name, url: "http://" + address + invokePath("function"), pid: cmd.Process.Pid}
	if err := answersRight(ctx, running, s.url, smallEvent, string(smallEvent)); err != nil {
		running.stop()
		text, _ := os.ReadFile(words.Name())
		return nil, side{}, fmt.Errorf("peer %s: %w: %s", p.name, err, text)
	}
	return running, s, nil
}

// answersRight posts the event until the server takes it, and fails unless the answer
// is what the function returns.
func answersRight(ctx context.Context, p *process, url string, event []byte, want string) error {
	for limit := time.Now().Add(startedWithin); ; time.Sleep(time.Millisecond) {
		var got bytes.Buffer
		_, err := postInto(ctx, http.DefaultClient, url, event, &got)
		switch {
		case err == nil && got.String() == want:
			return nil
		case err == nil:
			return fmt.Errorf("%s answers %s, not %s", url, shortened(got.String()), want)
		case p.ended(), ctx.Err() != nil, time.Now().After(limit):
			return err
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
