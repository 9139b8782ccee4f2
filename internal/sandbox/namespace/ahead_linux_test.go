package namespace

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

// TestUsualTmp: once a sandbox is begun there are volumes of the usual size, so
// that the first Finish does not wait for one to be formatted.
func TestUsualTmp(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	d, err := New(Config{StateDir: state, ReadyVolumes: 2, UsualTmpMiB: 24, initPath: initPath()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if d.volumes == nil {
		t.Skip(d.noVolume)
	}
	u, err := d.Begin(t.Context(), sandbox.Blank{ID: "blank", Hostname: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		if _, err := os.Stat(filepath.Join(state, "volumes", "template-1-24")); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			t.Fatal("none was made")
		case <-time.After(5 * time.Millisecond):
		}
	}
	spec := usualSpec("finished")
	spec.TmpMiB = 24
	if err := u.Finish(t.Context(), spec); err != nil {
		t.Error(err)
	}
}

// TestFinishLimitsTheLiving: who was started before Finish has the limits and the
// processors of who comes later.
func TestFinishLimitsTheLiving(t *testing.T) {
	t.Parallel()
	d := newDriver(t)
	u, err := d.Begin(t.Context(), sandbox.Blank{ID: "blank", Hostname: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Destroy(context.Background()); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
	// A shell that waits beside a child of its own.
	if _, err := u.Start(t.Context(), sandbox.Command{Path: "/bin/sh", Args: []string{"-c", "sleep 1000 & wait"}, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}}); err != nil {
		t.Fatal(err)
	}
	spec := usualSpec("finished")
	spec.VisibleCPUs, spec.MaxOpenFiles, spec.MaxProcesses = 1, 77, 33
	if err := u.Finish(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	out, exit := sh(t, u, `for p in /proc/[0-9]*; do [ $p = /proc/1 ] || { grep Cpus_allowed_list $p/status; grep -E "Max (open files|processes)" $p/limits; echo --; }; done`)
	if exit.Code != 0 && !strings.Contains(out, "--") {
		t.Fatalf("exit %v: %s", exit, out)
	}
	var all []string
	for part := range strings.SplitSeq(out, "--\n") {
		if part = regexp.MustCompile(`[ \t]+`).ReplaceAllString(part, " "); strings.Count(part, "\n") == 3 { // others end while they are looked at
			all = append(all, part)
		}
	}
	if len(all) < 3 {
		t.Fatalf("%d processes are seen, want two early and a late one: %s", len(all), out)
	}
	for _, part := range all {
		if part != all[0] {
			t.Errorf("one has %s, another %s", all[0], part)
		}
	}
	if !strings.Contains(all[0], "Max open files 77 77 files") || !strings.Contains(all[0], "Max processes 33 33 processes") ||
		runtime.NumCPU() > 1 && regexp.MustCompile(`Cpus_allowed_list: \d+\n`).FindString(all[0]) == "" {
		t.Errorf("they have %s", all[0])
	}
}
