package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// server is a running lambent.
type server struct {
	*process
	binary  string
	url     string
	started time.Duration // from exec to its banner
}

var address = regexp.MustCompile(`at (http://[^ ]+) `)

// startLambent runs lambent serve with its defaults, but for what would end or
// refuse environments in the middle of a measurement.
func startLambent(o options, dir string) (*server, error) {
	cmd := exec.Command(o.lambent, append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", dir,
		"--driver", o.driver, "--max-memory", "4000000", "--max-environments", "4000", "--idle-timeout", "1h"}, strings.Fields(o.serve)...)...)
	began := time.Now()
	p, err := startProcess(cmd, true)
	if err != nil {
		return nil, fmt.Errorf("start lambent (make build makes it): %w", err)
	}
	s := &server{process: p, binary: o.lambent, started: time.Since(began)}
	words := address.FindStringSubmatch(p.said)
	if words == nil {
		p.stop()
		return nil, fmt.Errorf("lambent says %q", p.said)
	}
	s.url = words[1]
	return s, nil
}

// quiet waits until the server's own work after its start is done: with a new
// data folder it prepares runtimes for their first use.
func (s *server) quiet(ctx context.Context) { s.still(ctx, 300*time.Millisecond) }

// still waits until the server has done next to nothing for as long as that.
func (s *server) still(ctx context.Context, look time.Duration) {
	for limit := time.Now().Add(startedWithin); time.Now().Before(limit) && ctx.Err() == nil; {
		known := family(s.cmd.Process.Pid)
		before := accountOf(known...)
		time.Sleep(look)
		now := family(s.cmd.Process.Pid)
		if accountOf(now...).since(before) < look/20 && len(now) == len(known) {
			return
		}
	}
}

// side is one of the server's functions.
func (s *server) side(function string) side {
	return side{name: "lambent", url: s.url + invokePath(function), pid: s.cmd.Process.Pid}
}

// definition is a function to create.
type definition struct {
	Runtime string
	Handler string
	Memory  int
	Code    []byte // a zip
}

// create makes a function and waits until it can be invoked.
func (s *server) create(ctx context.Context, name string, d definition) error {
	_, err := s.call(ctx, http.MethodPost, "/2015-03-31/functions", map[string]any{
		"FunctionName": name, "Runtime": d.Runtime, "Handler": d.Handler, "MemorySize": d.Memory, "Timeout": 60,
		"Role": "arn:aws:iam::000000000000:role/bench", "Code": map[string]any{"ZipFile": base64.StdEncoding.EncodeToString(d.Code)},
	})
	if err != nil {
		return fmt.Errorf("create function %s: %w", name, err)
	}
	for limit := time.Now().Add(startedWithin); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		var conf struct{ State, StateReason string }
		text, err := s.call(ctx, http.MethodGet, "/2015-03-31/functions/"+name+"/configuration", nil)
		if err == nil {
			err = json.Unmarshal(text, &conf)
		}
		if err != nil || conf.State == "Failed" {
			return fmt.Errorf("create function %s: %s %w", name, conf.StateReason, err)
		}
		if conf.State == "Active" {
			return nil
		}
	}
	return fmt.Errorf("create function %s: it does not become active", name)
}

// remove deletes a function, and with it its environments.
func (s *server) remove(ctx context.Context, name string) error {
	_, err := s.call(ctx, http.MethodDelete, "/2015-03-31/functions/"+name, nil)
	return err
}

func (s *server) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return text, err
}

// settled waits until n environments exist and none does anything.
func (s *server) settled(ctx context.Context, n int) error {
	var states map[string]int
	for limit := time.Now().Add(startedWithin); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		text, err := s.call(ctx, http.MethodGet, "/_lambent/environments", nil)
		if err != nil {
			return err
		}
		var list []struct {
			State string `json:"state"`
		}
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		states = map[string]int{}
		for _, e := range list {
			states[e.State]++
		}
		if len(list) == n && states["frozen"] == n {
			return nil
		}
	}
	return fmt.Errorf("environments do not come to rest: want %d frozen, have %v", n, states)
}

// stocked waits until all is there that the server starts ahead, which is what
// the goals of cold starts presume, and it has come to rest: it makes volumes, and
// ends what was deleted, without a word.
func (s *server) stocked(ctx context.Context) error {
	var stocks []struct {
		Program               string
		Ready, Coming, Wanted int
	}
	for limit := time.Now().Add(startedWithin); time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
		text, err := s.call(ctx, http.MethodGet, "/_lambent/ahead", nil)
		if err == nil {
			err = json.Unmarshal(text, &stocks)
		}
		if err != nil {
			return fmt.Errorf("look at what is started ahead: %w", err)
		}
		full := true
		for _, one := range stocks {
			full = full && one.Coming == 0 && one.Ready >= one.Wanted
		}
		if full {
			s.still(ctx, 100*time.Millisecond)
			return nil
		}
	}
	return fmt.Errorf("what is started ahead is never there: %+v", stocks)
}

// environments counts the environments there are.
func (s *server) environments(ctx context.Context) int {
	text, err := s.call(ctx, http.MethodGet, "/_lambent/environments", nil)
	var list []json.RawMessage
	if err != nil || json.Unmarshal(text, &list) != nil {
		return -1
	}
	return len(list)
}

// interpreters are those that the server has found, by runtime.
func (s *server) interpreters(ctx context.Context) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, s.binary, "runtimes", "-o", "json")
	cmd.Env = append(os.Environ(), "LAMBENT_ENDPOINT="+s.url)
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list runtimes: %w", err)
	}
	var list []struct{ Runtime, Path string }
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read the list of runtimes: %w", err)
	}
	found := map[string]string{}
	for _, r := range list {
		if r.Path != "" {
			found[r.Runtime] = r.Path
		}
	}
	return found, nil
}

// packed makes a zip of files, all of them executable.
func packed(dir string, names ...string) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Unix(1_700_000_000, 0)}
		h.SetMode(0o755)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}
