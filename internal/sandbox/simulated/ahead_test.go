package simulated_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// reader says what it read to the end of its input.
func reader(p *simulated.Process) sandbox.Exit {
	b, err := io.ReadAll(p.Stdin)
	if err != nil {
		return sandbox.Exit{Code: 1}
	}
	p.Stdout.Write(append(b, '.'))
	return sandbox.Exit{}
}

func TestStdin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, s := host(t, programs{"/bin/read": reader, "/bin/sleep": func(p *simulated.Process) sandbox.Exit {
			p.Sleep(time.Hour)
			return sandbox.Exit{}
		}}, simulated.Faults{})
		long := strings.Repeat("x", 300_000) // more than a pipe holds
		for _, in := range []string{"", "short", long} {
			var out strings.Builder
			p := start(t, s, sandbox.Command{Path: "/bin/read", Stdin: strings.NewReader(in), Stdout: &out})
			<-p.Done()
			if out.String() != in+"." {
				t.Errorf("of %d bytes the process read %d", len(in), out.Len()-1)
			}
		}
		// One that does not read is not waited for, and a frozen one does not read.
		r, w := io.Pipe()
		var out strings.Builder
		late := start(t, s, sandbox.Command{Path: "/bin/read", Stdin: r, Stdout: &out})
		deaf := start(t, s, sandbox.Command{Path: "/bin/sleep", Stdin: strings.NewReader(long)})
		if err := s.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, "late")
		w.Close()
		synctest.Wait()
		if ended(late) || out.Len() > 0 {
			t.Errorf("a frozen process read %q", out.String())
		}
		if err := s.Thaw(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-late.Done()
		if out.String() != "late." {
			t.Errorf("after thaw the process read %q", out.String())
		}
		if err := s.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-deaf.Done()
		done(t, d, s)
	})
}

func TestBeginAndFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := simulated.New(simulated.Options{Seed: 1, Program: programs{"/bin/read": reader,
			"/bin/greedy": func(p *simulated.Process) sandbox.Exit { p.Use(65 << 20); return sandbox.Exit{} }}.choose})
		blank := sandbox.Blank{ID: "blank", Hostname: "h", Hosts: []sandbox.Host{{Name: "n", Address: "127.0.0.2"}},
			Mounts: []sandbox.Mount{{Source: "/host/lang", Target: "/var/lang"}}}
		s, err := d.Begin(t.Context(), blank)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		r, w := io.Pipe()
		p := start(t, s, sandbox.Command{Path: "/bin/read", Stdin: r, Stdout: &out})
		l, err := s.Listen("n", 9001)
		if err != nil || l.Addr().String() != "127.0.0.2:9001" {
			t.Fatalf("Listen: %v, %v", l, err)
		}
		spec := sandbox.Spec{ID: "a", MemoryMiB: 64, TmpMiB: 1, Hostname: blank.Hostname, Hosts: blank.Hosts,
			Mounts: append([]sandbox.Mount{{Source: "/host/code", Target: "/var/task"}}, blank.Mounts...)}
		if err := s.Finish(t.Context(), spec); err != nil || s.ID() != "a" {
			t.Fatalf("Finish: %v, ID %s", err, s.ID())
		}
		io.WriteString(w, "for a")
		w.Close()
		<-p.Done()
		if out.String() != "for a." {
			t.Errorf("the process that was started before read %q", out.String())
		}
		greedy := start(t, s, sandbox.Command{Path: "/bin/greedy"})
		if <-greedy.Done(); greedy.Exit().Signal != syscall.SIGKILL {
			t.Errorf("beyond the limit: %v", greedy.Exit())
		}
		for _, id := range []string{"a", "blank"} {
			if _, err := d.Create(t.Context(), sandbox.Spec{ID: id}); !errors.Is(err, syscall.EEXIST) {
				t.Errorf("Create of %s again: %v", id, err)
			}
		}
		l.Close()
		if err := s.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
		again, err := d.Create(t.Context(), sandbox.Spec{ID: "blank"})
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := d.Leaks(); got != "sandbox a made twice\nsandbox blank made twice" {
			t.Errorf("leaks:\n%s", got)
		}
	})
}

func TestFinishOfAnother(t *testing.T) {
	t.Parallel()
	spec := sandbox.Spec{ID: "a", Hostname: "h", Mounts: []sandbox.Mount{{Source: "/s", Target: "/var/lang"}}}
	for name, change := range map[string]func(*sandbox.Spec){
		"":                              func(*sandbox.Spec) {},
		"other host names":              func(s *sandbox.Spec) { s.Hostname = "other" },
		"mounts that are not wanted":    func(s *sandbox.Spec) { s.Mounts = nil },
		"one at /var would change":      func(s *sandbox.Spec) { s.Mounts = append(s.Mounts, sandbox.Mount{Source: "/t", Target: "/var"}) },
		"one at /var/lang would change": func(s *sandbox.Spec) { s.Mounts = append(s.Mounts, sandbox.Mount{Source: "/t", Target: "/var/lang"}) },
	} {
		d := simulated.New(simulated.Options{})
		s, err := d.Begin(t.Context(), sandbox.Blank{ID: "b", Hostname: "h", Mounts: spec.Mounts})
		if err != nil {
			t.Fatal(err)
		}
		want := spec
		change(&want)
		err = s.Finish(t.Context(), want)
		if name == "" && err != nil || name != "" && (err == nil || !strings.Contains(err.Error(), name)) {
			t.Errorf("Finish with %q: %v", name, err)
		}
		if err := s.Destroy(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
