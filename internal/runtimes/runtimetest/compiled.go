package runtimetest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
)

// compile runs the program's compiler over the job's files and puts the outcome
// where the runtime looks for it, in a bootstrap of the run's own.
func (r *run) compile(t testing.TB) {
	t.Helper()
	c := r.program.Compiler
	if c == nil {
		t.Fatalf("%s has nothing to compile", r.job.Runtime)
	}
	own := t.TempDir()
	r.program.Mounts = slices.Clone(r.program.Mounts)
	for i, m := range r.program.Mounts {
		if m.Target == runtimes.RuntimeDir {
			if err := os.CopyFS(own, os.DirFS(m.Source)); err != nil {
				t.Fatalf("copy the bootstrap: %v", err)
			}
			r.program.Mounts[i].Source = own
		}
	}
	argv := r.translateAll(c.Argv)
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = r.translateAll(c.Env), c.Dir
	var code, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &code, &stderr
	target := r.translate(c.Target)
	index, err := os.Create(filepath.Join(target, sandbox.IndexFile))
	if err != nil {
		t.Fatalf("make the index: %v", err)
	}
	defer index.Close()
	cmd.ExtraFiles = []*os.File{index} // descriptor 3
	if err := cmd.Run(); err != nil {
		t.Fatalf("compile %s ahead: %v: %s", r.job.Runtime, err, &stderr)
	}
	if err := os.WriteFile(filepath.Join(target, sandbox.CodeFile), code.Bytes(), 0o644); err != nil {
		t.Fatalf("keep the code: %v", err)
	}
	r.job.Compiled(r.task, target)
}
