package simulated

import (
	"io/fs"
	"slices"
	"sync"
	"syscall"
)

// Tmp plays /tmp: it outlives Kill but not Destroy.
type Tmp struct {
	mu    sync.Mutex
	limit int64             // mu; 0: none
	files map[string][]byte // mu
	used  int64             // mu
}

// ProcessTmp is /tmp as a process sees it; its calls are steps.
type ProcessTmp struct{ p *Process }

// Write makes a file or replaces it; ENOSPC when it does not fit.
func (t *ProcessTmp) Write(name string, data []byte) error {
	full := t.p.fate.happens(t.p.sandbox.driver.options.Faults.TmpFull)
	var err error
	t.p.must(func() { err = t.p.sandbox.tmp.write(name, data, full) })
	return err
}

// Read gives a file's bytes; fs.ErrNotExist when there is none.
func (t *ProcessTmp) Read(name string) ([]byte, error) {
	var data []byte
	err := fs.ErrNotExist
	t.p.must(func() {
		tmp := t.p.sandbox.tmp
		tmp.mu.Lock()
		defer tmp.mu.Unlock()
		if d, found := tmp.files[name]; found {
			data, err = slices.Clone(d), nil
		}
	})
	return data, err
}

// Remove removes a file if it is there.
func (t *ProcessTmp) Remove(name string) {
	t.p.must(func() {
		tmp := t.p.sandbox.tmp
		tmp.mu.Lock()
		defer tmp.mu.Unlock()
		tmp.used -= int64(len(tmp.files[name]))
		delete(tmp.files, name)
	})
}

func (t *Tmp) write(name string, data []byte, full bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	used := t.used - int64(len(t.files[name])) + int64(len(data))
	if full || t.limit > 0 && used > t.limit {
		return &fs.PathError{Op: "write", Path: "/tmp/" + name, Err: syscall.ENOSPC}
	}
	t.files[name], t.used = slices.Clone(data), used
	return nil
}

func (t *Tmp) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.files)
	t.used = 0
}
