package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// Limits of the demo's patience.
const (
	frozenWithin  = 30 * time.Second
	stoppedWithin = time.Minute
)

// server is a running lambent.
type server struct {
	binary string
	url    string
	banner string
	api    *lambda.Client
	cmd    *exec.Cmd
	said   bytes.Buffer // standard error; read after done
	done   chan struct{}
	err    error // of Wait, after done
}

var address = regexp.MustCompile(`at (http://[^ ]+) `)

// startServer runs lambent serve and waits until it listens.
func startServer(o options, dir string) (*server, error) {
	s := &server{binary: o.lambent, done: make(chan struct{})}
	s.cmd = exec.Command(o.lambent, "serve", "--listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, "data"), "--driver", o.driver)
	s.cmd.Stderr = &s.said
	// An interrupt at the terminal is the demo's, which then stops the server.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server (make build makes it): %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, out)
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	words := address.FindStringSubmatch(line)
	if words == nil {
		return nil, errors.Join(fmt.Errorf("the server says %q: %w", line, errors.Join(err, s.stop())), s.remarks())
	}
	s.banner, s.url = strings.TrimSpace(line), words[1]
	s.api = lambda.New(lambda.Options{
		BaseEndpoint: aws.String(s.url), Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("demo", "demo", ""),
	})
	return s, nil
}

// remarks is what the server said on standard error, once it is gone.
func (s *server) remarks() error {
	if s.said.Len() == 0 {
		return nil
	}
	return fmt.Errorf("the server remarked: %s", bytes.TrimSpace(s.said.Bytes()))
}

// end stops the server and looks for what it left.
func (s *server) end(dir string, say *story) error {
	left := watch(s.cmd.Process.Pid, dir)
	began := time.Now()
	err := s.stop()
	if remarks := s.remarks(); remarks != nil {
		say.line("%v", remarks)
	}
	if err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	if err := left.gone(); err != nil {
		return fmt.Errorf("the server left something behind: %w", err)
	}
	say.line("stopped in %s; %s", round(time.Since(began)), left)
	return nil
}

func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return s.err
	case <-time.After(stoppedWithin):
		_ = s.cmd.Process.Kill()
		<-s.done
		return fmt.Errorf("it did not end within %s", stoppedWithin)
	}
}

// verb runs a client verb of the command line and gives what it prints.
func (s *server) verb(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), "LAMBENT_ENDPOINT="+s.url)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("lambent %s: %w", strings.Join(args, " "), err)
	}
	return out, nil
}

// showFrozen waits until there are n environments, all frozen, and shows them.
// Freezing follows the answer by a moment, so that it costs the caller nothing.
func (s *server) showFrozen(ctx context.Context, n int, say *story) error {
	ctx, cancel := context.WithTimeout(ctx, frozenWithin)
	defer cancel()
	for {
		frozen, all, err := s.countFrozen(ctx)
		if err != nil {
			return err
		}
		if frozen == n && all == n {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("of %d environments %d are frozen, want %d of %d", all, frozen, n, n)
		}
	}
	table, err := s.verb(ctx, "ps")
	if err != nil {
		return err
	}
	say.line("%s", table)
	return nil
}

func (s *server) countFrozen(ctx context.Context) (frozen, all int, err error) {
	text, err := s.verb(ctx, "ps", "-o", "json")
	if err != nil {
		return 0, 0, err
	}
	var list []struct{ State string }
	if err := json.Unmarshal(text, &list); err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", text, err)
	}
	for _, e := range list {
		if e.State == "frozen" {
			frozen++
		}
	}
	return frozen, len(list), nil
}
