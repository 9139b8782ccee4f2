package sandboxtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"lambent/internal/sandbox"
)

func contractCases() []testCase {
	return append([]testCase{
		{name: "report is complete", run: reportIsComplete},
		{name: "exit status", run: exitStatus},
		{name: "exit by signal", run: exitBySignal},
		{name: "start errors", alone: true, run: startErrors},
		{name: "environment, arguments and folder as given", run: asGiven},
		{name: "no descriptor inherited", run: noDescriptorInherited},
		{name: "stdin is empty", run: stdinIsEmpty},
		{name: "stdin as given", run: stdinAsGiven},
		{name: "stdin that comes late", run: stdinComesLate},
		{name: "stdin that nobody reads", run: stdinUnread},
		{name: "output by descriptor", run: outputByDescriptor},
		{name: "output in order and whole", run: outputInOrder},
		{name: "drain is exact", run: drainIsExact},
		{name: "signal reaches the group", run: signalReachesGroup},
		{name: "many processes", run: manyProcesses},
		{name: "many sandboxes", run: manySandboxes},
		{name: "mounts", run: mounts},
		{name: "merged mounts", run: mergedMounts},
		{name: "mount of what is not there", run: mountOfNothing},
		{name: "tmp", run: tmp},
		{name: "usage", alone: true, run: usage},
		{name: "name again after destroy", run: nameAgain},
	}, append(holdCases(), networkCases()...)...)
}

// reportIsComplete: every ability is spoken of, and a lack has its reason.
func reportIsComplete(t *testing.T, s *suite) {
	for _, name := range []string{
		sandbox.CanIsolateFiles, sandbox.CanIsolateNetwork, sandbox.CanIsolateProcs, sandbox.CanLimitMemory,
		sandbox.CanLimitCPU, sandbox.CanLimitProcs, sandbox.CanLimitTmp, sandbox.CanTmpOffMemory, sandbox.CanFreeze,
		sandbox.CanKillAll, sandbox.CanFilterSyscalls, sandbox.CanReachOutside, sandbox.CanMeasureMemory,
	} {
		n := 0
		for _, a := range s.report.Abilities {
			if a.Name != name {
				continue
			}
			n++
			if !a.Have && (a.Why == "" || a.Hint == "") {
				t.Errorf("lack of %q without reason or hint: %+v", name, a)
			}
		}
		if n != 1 {
			t.Errorf("%q is in the report %d times, want once", name, n)
		}
	}
}

func exitStatus(t *testing.T, s *suite) {
	b := s.box(t)
	for _, code := range []int{0, 1, 42, 255} {
		if got := b.start("exit", fmt.Sprint(code)).wait(); got != (sandbox.Exit{Code: code}) {
			t.Errorf("exit %d: got %v", code, got)
		}
	}
}

func exitBySignal(t *testing.T, s *suite) {
	b := s.box(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP} {
		if got := b.start("die", fmt.Sprint(int(sig))).wait(); got != (sandbox.Exit{Signal: sig}) {
			t.Errorf("death by %v: got %v", sig, got)
		}
	}
}

func startErrors(t *testing.T, s *suite) {
	b := s.box(t)
	for _, tt := range []struct {
		path string
		want syscall.Errno
	}{
		{"/var/task/missing", syscall.ENOENT},
		{"/var/task/plain", syscall.EACCES},
		{"/var/task/orphan.sh", syscall.ENOENT},
		{"/var/task/garbage", syscall.ENOEXEC},
		{"/var/task", syscall.EACCES},
		{"/var/task/plain/below", syscall.ENOTDIR},
	} {
		_, err := b.Start(limited(t), sandbox.Command{Path: b.Path(tt.path), Dir: b.Path("/tmp")})
		var refused *sandbox.StartError
		if !errors.As(err, &refused) || !errors.Is(err, tt.want) {
			t.Errorf("Start %s: %v (%T), want a StartError of %v", tt.path, err, err, tt.want)
			continue
		}
		if refused.Path != b.Path(tt.path) {
			t.Errorf("StartError of %s names %s", tt.path, refused.Path)
		}
	}
	cmd := b.command("exit", "0")
	cmd.Dir = b.Path("/tmp/none")
	if _, err := b.Start(limited(t), cmd); err == nil {
		t.Error("Start in a folder that is not there: no error")
	}
	if u, err := b.Usage(); err != nil || u.Processes != 0 {
		t.Errorf("usage after failed starts: %+v, %v, want no process", u, err)
	}
}

func asGiven(t *testing.T, s *suite) {
	b := s.box(t)
	cmd := b.command("describe", "one", "", "two words", "ü=\"'$HOME")
	cmd.Env = []string{"B=2", "A=1", "EMPTY=", "SPACED= x y ", "TWICE=1=2"}
	cmd.Dir = b.Path("/var/task")
	r := b.startCommand(cmd)
	f := r.finding()
	want := append(slices.Clone(cmd.Env), cmd.Args[1:]...)
	// The kernel gives PWD to nobody, so a shell in between would show.
	if !slices.Equal(f.List, want) {
		t.Errorf("the process has %q, want %q", f.List, want)
	}
	dir, err := filepath.EvalSymlinks(cmd.Dir)
	if err != nil { // the folder is only inside
		dir = cmd.Dir
	}
	if f.Text != dir && f.Text != cmd.Dir {
		t.Errorf("the process is in %q, want %q", f.Text, cmd.Dir)
	}
	if f.Number != 1 {
		t.Error("the process does not lead a group of its own")
	}
	r.wait()
}

func noDescriptorInherited(t *testing.T, s *suite) {
	b := s.box(t)
	// What the daemon has open at the moment must not show.
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b.post()
	cmd := b.command("fds")
	cmd.Extra = []sandbox.Pipe{{FD: 5, W: newOutput()}}
	var unknown []string
	for _, fd := range b.startCommand(cmd).finding().List {
		number, what, _ := strings.Cut(fd, " ")
		// The probe's own runtime may wait for events by now.
		if !slices.Contains([]string{"0", "1", "2", "5"}, number) && !strings.HasPrefix(what, "anon_inode:[event") {
			unknown = append(unknown, fd)
		}
	}
	if len(unknown) > 0 {
		t.Errorf("descriptors of the process besides 0, 1, 2 and 5: %q", unknown)
	}
}

func stdinIsEmpty(t *testing.T, s *suite) {
	if f := s.box(t).must("stdin"); f.Number != 0 {
		t.Errorf("%d bytes from stdin, want none", f.Number)
	}
}

func stdinAsGiven(t *testing.T, s *suite) {
	b := s.box(t)
	for _, size := range []int{0, 1, 60_000, 3_000_000} {
		cmd := b.command("stdin")
		cmd.Stdin = strings.NewReader(strings.Repeat("0123456789", size/10+1)[:size])
		r := b.startCommand(cmd)
		if f := r.finding(); !f.Did || f.Number != int64(size) {
			t.Errorf("of %d bytes %+v were read", size, f)
		}
		r.wait()
	}
	cmd := b.command("read", "/dev/stdin")
	cmd.Stdin = strings.NewReader("by name")
	if runtime.GOOS == "linux" {
		if f := b.startCommand(cmd).finding(); f.Text != "by name" {
			t.Errorf("/dev/stdin gave %q (%s)", f.Text, f.Error)
		}
	}
}

// stdinComesLate: a process waits for its input, frozen or not, and Kill ends it there.
func stdinComesLate(t *testing.T, s *suite) {
	b := s.box(t)
	for _, way := range []string{"end", "kill"} {
		in, w := io.Pipe()
		cmd := b.command("stdin")
		cmd.Stdin = in
		r := b.startCommand(cmd)
		if _, err := io.WriteString(w, "early "); err != nil {
			t.Fatal(err)
		}
		if s.report.Can(sandbox.CanFreeze) {
			b.freeze()
			b.thaw()
		}
		if way == "kill" {
			b.kill()
			if exit := r.wait(); exit.Signal != syscall.SIGKILL {
				t.Errorf("exit %v, want SIGKILL", exit)
			}
			w.Close()
			continue
		}
		if _, err := io.WriteString(w, "late"); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if f := r.finding(); f.Number != int64(len("early late")) {
			t.Errorf("%d bytes were read", f.Number)
		}
		r.wait()
	}
}

// stdinUnread: more than a pipe holds, for one who reads nothing.
func stdinUnread(t *testing.T, s *suite) {
	b := s.box(t)
	cmd := b.command("exit", "7")
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
	if exit := b.startCommand(cmd).wait(); exit.Code != 7 {
		t.Errorf("exit %v, want status 7", exit)
	}
	cmd = b.command("sleep")
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 1<<20))
	r := b.startCommand(cmd)
	b.kill()
	r.wait()
	if _, err := b.Start(limited(t), sandbox.Command{Path: b.Path("/var/task/plain"), Stdin: strings.NewReader("x")}); err == nil {
		t.Error("Start of what is not executable: no error")
	}
}

func outputByDescriptor(t *testing.T, s *suite) {
	b := s.box(t)
	extra, more := newOutput(), newOutput()
	cmd := b.command("print", "1=out", "2=err", "3=extra", "7=more", "1=!")
	cmd.Extra = []sandbox.Pipe{{FD: 7, W: more}, {FD: 3, W: extra}}
	r := b.startCommand(cmd)
	if exit := r.wait(); exit != (sandbox.Exit{}) {
		t.Fatalf("print: %v, stderr %q", exit, r.stderr)
	}
	got := []string{r.stdout.String(), r.stderr.String(), extra.String(), more.String()}
	if want := []string{"out!", "err", "extra", "more"}; !slices.Equal(got, want) {
		t.Errorf("output %q, want %q", got, want)
	}
	silent := b.command("print", "1=out", "2=err")
	p, err := b.Start(limited(t), silent)
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Exit() != (sandbox.Exit{}) {
		t.Errorf("print to nobody: %v", p.Exit())
	}
}

func outputInOrder(t *testing.T, s *suite) {
	const lines = 200_000 // more than a pipe holds, many times
	r := s.box(t).start("flood", fmt.Sprint(lines))
	r.wait()
	var want bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&want, "%d\n", i)
	}
	if got := r.stdout.String(); got != want.String() {
		t.Errorf("%d bytes, want %d, or in another order", len(got), want.Len())
	}
}

// drainIsExact: the process has written when it says so by a connection, so
// Drain must hand over all of it.
func drainIsExact(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	for _, size := range []int{1, 4096, 60_000} {
		r := b.start("burst", post.address(), fmt.Sprint(size))
		c := post.caller()
		r.Drain()
		if got := len(r.stdout.String()); got != size {
			t.Errorf("after Drain the writer has %d bytes, want %d", got, size)
		}
		if err := r.Signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		c.isGone("after SIGKILL")
		r.wait()
		r.Drain()
	}
}

func signalReachesGroup(t *testing.T, s *suite) {
	b := s.box(t)
	post := b.post()
	r := b.start("pair", post.address())
	first, second := post.caller(), post.caller()
	if err := r.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	first.isGone("after SIGTERM to its group")
	second.isGone("after SIGTERM to its group")
	if exit := r.wait(); exit.Signal != syscall.SIGTERM {
		t.Errorf("exit %v, want SIGTERM", exit)
	}
	if err := r.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("signal to who is gone: %v", err)
	}
}

func manyProcesses(t *testing.T, s *suite) {
	b := s.box(t)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			p, err := b.Start(limited(t), b.command("exit", fmt.Sprint(i)))
			if err != nil {
				t.Errorf("Start: %v", err)
				return
			}
			<-p.Done()
			if got := p.Exit(); got != (sandbox.Exit{Code: i}) {
				t.Errorf("exit %v, want status %d", got, i)
			}
		})
	}
	all.Wait()
}

func manySandboxes(t *testing.T, s *suite) {
	var all sync.WaitGroup
	for range 12 {
		b := s.box(t)
		all.Go(func() {
			p, err := b.Start(limited(t), b.command("exit", "7"))
			if err != nil {
				t.Errorf("Start: %v", err)
				return
			}
			<-p.Done()
			if got := p.Exit(); got != (sandbox.Exit{Code: 7}) {
				t.Errorf("exit %v, want status 7", got)
			}
		})
	}
	all.Wait()
}

// tree makes a folder of files, by their names.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "tree")
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, isLink := strings.CutPrefix(text, "-> "); isLink {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func mounts(t *testing.T, s *suite) {
	data := tree(t, map[string]string{"a/b/file": "deep", "link": "-> a/b/file"})
	b := s.box(t, func(spec *sandbox.Spec) {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: data, Target: "/var/runtime"})
	})
	for _, name := range []string{"/var/runtime/a/b/file", "/var/runtime/link"} {
		if f := b.must("read", b.Path(name)); f.Text != "deep" {
			t.Errorf("%s reads %q, want \"deep\"", name, f.Text)
		}
	}
	if got := b.must("list", b.Path("/var/runtime")).List; !slices.Equal(got, []string{"a", "link"}) {
		t.Errorf("list of the mount: %q", got)
	}
}

func mergedMounts(t *testing.T, s *suite) {
	first := tree(t, map[string]string{"only1": "1", "both": "1", "dir/a": "1", "dir/both": "1", "turns": "file", "was/dir": "1"})
	second := tree(t, map[string]string{"only2": "2", "both": "2", "dir/b": "2", "dir/both": "2", "turns/dir": "2", "was": "file"})
	b := s.box(t, func(spec *sandbox.Spec) {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: first, Target: "/opt"}, sandbox.Mount{Source: second, Target: "/opt"})
	})
	for name, want := range map[string]string{
		"only1": "1", "only2": "2", "both": "2", "dir/a": "1", "dir/b": "2", "dir/both": "2", "turns/dir": "2", "was": "file",
	} {
		if f := b.must("read", b.Path("/opt/"+name)); f.Text != want {
			t.Errorf("/opt/%s reads %q, want %q", name, f.Text, want)
		}
	}
	got := b.must("list", b.Path("/opt")).List
	if want := []string{"both", "dir", "only1", "only2", "turns", "was"}; !slices.Equal(got, want) {
		t.Errorf("list of /opt: %q, want %q", got, want)
	}
}

func mountOfNothing(t *testing.T, s *suite) {
	id := s.id()
	_, err := s.driver.Create(limited(t), sandbox.Spec{ID: id, MemoryMiB: 128, CPUs: 1, TmpMiB: 64, MaxProcesses: 64, MaxOpenFiles: 64,
		Mounts: []sandbox.Mount{{Source: filepath.Join(t.TempDir(), "none"), Target: "/var/task"}}})
	if err == nil {
		t.Error("Create with a mount of nothing: no error")
	}
	s.expectNothingLeft(t, s.state, id)
}

func tmp(t *testing.T, s *suite) {
	b, other := s.box(t), s.box(t)
	file := b.Path("/tmp/file")
	b.must("write", file, "kept")
	if f := b.must("read", file); f.Text != "kept" {
		t.Errorf("read %q", f.Text)
	}
	other.mustNot("read", other.Path("/tmp/file"))
	if err := b.Kill(limited(t)); err != nil {
		t.Fatal(err)
	}
	if f := b.must("read", file); f.Text != "kept" {
		t.Errorf("after Kill, read %q", f.Text)
	}
	if got := b.must("list", b.Path("/tmp")).List; !slices.Equal(got, []string{"file"}) {
		t.Errorf("/tmp lists %q, want the one file", got)
	}
}

func usage(t *testing.T, s *suite) {
	b := s.box(t)
	if u, err := b.Usage(); err != nil || u.Processes != 0 || u.OOMKills != 0 {
		t.Errorf("usage of an empty sandbox: %+v, %v", u, err)
	}
	r := b.start("allocate", "48")
	r.finding()
	u, err := b.Usage()
	if err != nil || u.Processes < 1 {
		t.Errorf("usage with a process: %+v, %v", u, err)
	}
	if s.report.Can(sandbox.CanMeasureMemory) && (u.MemoryBytes < 48<<20 || u.MemoryPeakBytes < u.MemoryBytes) {
		t.Errorf("usage %+v, want 48 MiB or more, and a peak of as much", u)
	}
	if err := b.Kill(limited(t)); err != nil {
		t.Fatal(err)
	}
	r.wait()
	b.start("spin", "300").wait()
	after, err := b.Usage()
	if err != nil || after.Processes != 0 || after.CPU <= 0 {
		t.Errorf("usage afterwards: %+v, %v, want no process and some CPU time", after, err)
	}
	if s.report.Can(sandbox.CanMeasureMemory) && after.MemoryPeakBytes < 48<<20 {
		t.Errorf("the peak fell to %d", after.MemoryPeakBytes)
	}
}

func nameAgain(t *testing.T, s *suite) {
	b := s.box(t)
	b.must("write", b.Path("/tmp/file"), "old")
	for range 2 {
		if err := b.Destroy(limited(t)); err != nil {
			t.Fatalf("Destroy: %v", err)
		}
	}
	if _, err := b.Start(limited(t), b.command("exit", "0")); err == nil {
		t.Error("Start in what is destroyed: no error")
	}
	again := s.box(t, func(spec *sandbox.Spec) { spec.ID = b.ID() })
	again.mustNot("read", again.Path("/tmp/file"))
}
