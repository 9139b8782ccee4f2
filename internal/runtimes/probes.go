package runtimes

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// probes remembers what programs answered, on disk, so that a daemon starts
// without running a dozen interpreters again.
type probes struct {
	file string

	mu    sync.Mutex
	known map[string]probe // by path and arguments
	used  map[string]bool
	dirty bool
}

// probe is one remembered answer, valid as long as the file is the same.
type probe struct {
	Time   int64  `json:"time"` // of the file, Unix nanoseconds
	Size   int64  `json:"size"`
	Output string `json:"output"`
	Failed string `json:"failed,omitempty"`
}

// newProbes reads the remembered answers. A file that cannot be read is as
// good as none.
func newProbes(file string) *probes {
	p := &probes{file: file, known: map[string]probe{}, used: map[string]bool{}}
	if data, err := os.ReadFile(file); err == nil {
		if json.Unmarshal(data, &p.known) != nil || p.known == nil {
			p.known = map[string]probe{}
		}
	}
	return p
}

func (p *probes) do(path string, args []string, run func() (string, error)) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	key := strings.Join(append([]string{path}, args...), "\x00")
	p.mu.Lock()
	old, ok := p.known[key]
	p.used[key] = true
	p.mu.Unlock()
	if ok && old.Time == info.ModTime().UnixNano() && old.Size == info.Size() {
		if old.Failed != "" {
			return "", errors.New(old.Failed)
		}
		return old.Output, nil
	}
	out, err := run()
	fresh := probe{Time: info.ModTime().UnixNano(), Size: info.Size(), Output: out}
	if err != nil {
		// What a signal ended, for want of memory say, has not answered.
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || !exit.Exited() {
			return "", err
		}
		fresh.Failed = err.Error()
	}
	p.mu.Lock()
	p.known[key] = fresh
	p.dirty = true
	p.mu.Unlock()
	return out, err
}

// save writes what was learned, and forgets what nobody asked for.
func (p *probes) save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key := range p.known {
		if !p.used[key] {
			delete(p.known, key)
			p.dirty = true
		}
	}
	if !p.dirty || p.file == "" {
		return nil
	}
	data, err := json.MarshalIndent(p.known, "", "\t")
	if err != nil {
		return err
	}
	p.dirty = false
	return writeFile(p.file, data)
}

// writeFile replaces a file at once, so that a reader never sees half of it.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
