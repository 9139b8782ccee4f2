package sandboxtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"lambent/internal/sandbox"
)

// aheadCases are about sandboxes that are begun before it is known for what.
func aheadCases() []testCase {
	return []testCase{
		{name: "unfinished is destroyed", run: unfinishedDestroyed},
		{name: "unfinished freezes and is killed", needs: []string{sandbox.CanFreeze}, run: unfinishedHeld},
		{name: "finished while frozen", needs: []string{sandbox.CanFreeze}, run: finishedFrozen},
		{name: "finish of what does not fit", run: finishMisfit},
		{name: "finish with a mount of nothing", run: finishMountOfNothing},
		{name: "descriptors of who was early", run: earlyDescriptors},
		{name: "mounts come to who was early", run: earlyMounts},
		{name: "begun twice", run: begunTwice},
	}
}

// early is a probe that waits to be told on its standard input what to do.
type early struct {
	*running
	tell *io.PipeWriter
}

// blank is what of a spec is known early: the probe's folder, and names.
func (s *suite) blank(spec sandbox.Spec) sandbox.Blank {
	return sandbox.Blank{ID: s.id(), Hostname: spec.Hostname, Hosts: spec.Hosts, Mounts: []sandbox.Mount{{Source: s.task, Target: "/var/task"}}}
}

func (s *suite) begin(t *testing.T, spec sandbox.Spec) sandbox.Unfinished {
	t.Helper()
	u, err := s.driver.(sandbox.Stocker).Begin(limited(t), s.blank(spec))
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	t.Cleanup(func() {
		if err := u.Destroy(limited(t)); err != nil {
			t.Errorf("Destroy %s: %v", u.ID(), err)
		}
	})
	return u
}

// beginAndFinish makes the sandbox with a process in it that was there before.
// A spec that merges folders at the probe's place has nothing that is known early.
func (b *box) beginAndFinish(spec sandbox.Spec) error {
	blank := b.suite.blank(spec)
	shared := 0
	for _, m := range spec.Mounts {
		if m.Target == "/var/task" {
			shared++
		}
	}
	if !slices.Contains(spec.Mounts, blank.Mounts[0]) || shared > 1 {
		blank.Mounts = nil
	}
	u, err := b.suite.driver.(sandbox.Stocker).Begin(limited(b.t), blank)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	b.Sandbox = u
	if len(blank.Mounts) > 0 && !b.suite.alone {
		b.early = b.startEarly()
	}
	if err := u.Finish(limited(b.t), spec); err != nil {
		return errors.Join(fmt.Errorf("finish: %w", err), u.Destroy(context.Background()))
	}
	if u.ID() != spec.ID {
		b.t.Errorf("the ID is %q, want %q", u.ID(), spec.ID)
	}
	return nil
}

func (b *box) startEarly() *early {
	b.t.Helper()
	in, tell := io.Pipe()
	cmd := b.command("ahead")
	cmd.Dir, cmd.Stdin = "/", in
	e := &early{running: &running{t: b.t, stdout: newOutput(), stderr: newOutput()}, tell: tell}
	cmd.Stdout, cmd.Stderr = e.stdout, e.stderr
	var err error
	if e.Process, err = b.Start(limited(b.t), cmd); err != nil {
		b.t.Fatalf("Start of the early: %v", err)
	}
	b.t.Cleanup(func() { tell.Close() })
	return e
}

// take lets the process that waits play a command, if it can.
func (b *box) take(cmd sandbox.Command) *running {
	e := b.early
	b.early = nil
	if e == nil || cmd.Path != b.Path("/var/task/probe") || cmd.Stdin != nil || cmd.Extra != nil {
		return nil
	}
	select {
	case <-e.Done():
		return nil // killed while it waited
	default:
	}
	e.args = cmd.Args
	message := fmt.Appendf(nil, "%s\x00%s", strings.Join(cmd.Args, "\x01"), sandbox.AheadMessage(cmd.Dir, cmd.Env))
	if _, err := e.tell.Write(message); err != nil {
		b.t.Errorf("tell the early: %v", err)
	}
	e.tell.Close()
	return e.running
}

// anySpec is one for a sandbox that box has not made.
func (s *suite) anySpec() sandbox.Spec {
	return sandbox.Spec{ID: s.id(), MemoryMiB: 128, CPUs: 1, TmpMiB: 64, MaxProcesses: 64, MaxOpenFiles: 64,
		Mounts: []sandbox.Mount{{Source: s.task, Target: "/var/task"}}}
}

func unfinishedDestroyed(t *testing.T, s *suite) {
	for _, with := range []string{"nobody", "a process"} {
		u := s.begin(t, s.anySpec())
		b := &box{Sandbox: u, t: t, suite: s}
		if with == "a process" {
			e, l := b.startEarly(), b.post()
			l.Close()
			defer func() {
				if exit := e.wait(); exit.Signal == nil {
					t.Errorf("the early ended by %v", exit)
				}
			}()
		}
		for range 2 {
			if err := u.Destroy(limited(t)); err != nil {
				t.Errorf("Destroy: %v", err)
			}
		}
		s.expectNothingLeft(t, s.state, u.ID())
		if err := u.Finish(limited(t), s.anySpec()); err == nil {
			t.Error("Finish of what is destroyed: no error")
		}
	}
}

func unfinishedHeld(t *testing.T, s *suite) {
	spec := s.anySpec()
	u := s.begin(t, spec)
	b := &box{Sandbox: u, t: t, suite: s}
	post := b.post()
	b.start("hold", post.address())
	c := post.caller()
	b.freeze()
	c.standsStill("while frozen and unfinished")
	b.thaw()
	c.lives("after thaw")
	b.kill()
	c.isGone("after Kill")
	if err := u.Finish(limited(t), spec); err != nil {
		t.Fatal(err)
	}
	b.must("write", b.Path("/tmp/file"), "x")
}

func finishedFrozen(t *testing.T, s *suite) {
	spec := s.anySpec()
	u := s.begin(t, spec)
	b := &box{Sandbox: u, t: t, suite: s}
	post := b.post()
	b.start("hold", post.address())
	c := post.caller()
	b.freeze()
	if err := u.Finish(limited(t), spec); err != nil {
		t.Fatal(err)
	}
	c.standsStill("when finished while frozen")
	b.thaw()
	c.lives("after thaw")
}

func finishMisfit(t *testing.T, s *suite) {
	spec := s.anySpec()
	u := s.begin(t, spec)
	other := spec
	other.Hostname = "other"
	if err := u.Finish(limited(t), other); err == nil {
		t.Error("Finish under another host name: no error")
	}
	taken := s.box(t)
	u = s.begin(t, spec)
	spec.ID = taken.ID()
	if err := u.Finish(limited(t), spec); err == nil {
		t.Error("Finish under an ID that is taken: no error")
	}
	if _, err := u.Start(limited(t), (&box{Sandbox: u, t: t, suite: s}).command("exit", "0")); err == nil {
		t.Error("Start in what could not be finished: no error")
	}
	if err := u.Destroy(limited(t)); err != nil {
		t.Error(err)
	}
	taken.must("describe")
}

func finishMountOfNothing(t *testing.T, s *suite) {
	spec := s.anySpec()
	u := s.begin(t, spec)
	name := u.ID()
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: t.TempDir() + "/none", Target: "/opt"})
	if err := u.Finish(limited(t), spec); err == nil {
		t.Error("Finish with a mount of nothing: no error")
	}
	if err := u.Destroy(limited(t)); err != nil {
		t.Error(err)
	}
	s.expectNothingLeft(t, s.state, name)
	s.expectNothingLeft(t, s.state, spec.ID)
}

// earlyDescriptors: it has what it was started with, and nothing of the host's.
func earlyDescriptors(t *testing.T, s *suite) {
	var unknown []string
	for _, fd := range s.box(t).ask("fds").List {
		number, what, _ := strings.Cut(fd, " ")
		if !slices.Contains([]string{"0", "1", "2"}, number) && !strings.HasPrefix(what, "anon_inode:[event") || strings.Contains(what, "/.lambent") {
			unknown = append(unknown, fd)
		}
	}
	if len(unknown) > 0 {
		t.Errorf("descriptors of the early besides 0, 1 and 2: %q", unknown)
	}
}

// earlyMounts: who was early sees code, layers and /tmp as one that came later.
func earlyMounts(t *testing.T, s *suite) {
	one, two := tree(t, map[string]string{"a": "1", "both": "1"}), tree(t, map[string]string{"b": "2", "both": "2"})
	for _, what := range []string{"/opt/a", "/opt/b", "/opt/both", "/proc/self/mountinfo"} {
		b := s.box(t, func(spec *sandbox.Spec) {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: one, Target: "/opt"}, sandbox.Mount{Source: two, Target: "/opt"})
		})
		if b.early == nil {
			t.Fatal("nobody is early")
		}
		early, late := b.must("read", b.Path(what)), b.must("read", b.Path(what))
		if early.Text != late.Text || early.Text == "" {
			t.Errorf("%s is %q for the early and %q for the late", what, early.Text, late.Text)
		}
		if strings.Contains(early.Text, " /.lambent") {
			t.Errorf("the host's tree is mounted: %s", early.Text)
		}
	}
}

func begunTwice(t *testing.T, s *suite) {
	u := s.begin(t, s.anySpec())
	b := s.blank(s.anySpec())
	b.ID = u.ID()
	if _, err := s.driver.(sandbox.Stocker).Begin(limited(t), b); err == nil {
		t.Error("Begin of an ID that is taken: no error")
	}
	spec := s.anySpec()
	if err := u.Finish(limited(t), spec); err != nil {
		t.Fatal(err)
	}
	if err := u.Finish(limited(t), spec); err == nil {
		t.Error("Finish again: no error")
	}
}
