package namespace

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"lambent/internal/linux/cgroup"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/sandboxtest"
)

// These tell a test process that runs as another user where lambent-init is, and
// that it lives in a cgroup of its own.
const (
	initVariable      = "LAMBENT_TEST_INIT"
	delegatedVariable = "LAMBENT_TEST_DELEGATED"
)

func initPath() string {
	if path := os.Getenv(initVariable); path != "" {
		return path
	}
	return "initbin/lambent-init-linux-" + runtime.GOARCH
}

// suite is the suite of all drivers. It is not parallel: it looks at what is
// left on the whole host.
func suite(t *testing.T) {
	sandboxtest.Run(t, sandboxtest.Config{Open: func(t testing.TB, stateFolder string) sandbox.Driver {
		d, err := New(Config{StateDir: stateFolder, initPath: initPath()})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}, Keep: keep})
}

// keep owns a driver's cgroups too until the test has ended, when they are gone.
func keep(t testing.TB, stateFolder string) {
	d := &Driver{log: slog.New(slog.DiscardHandler)}
	if err := d.openCgroups(Config{}, stateFolder); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.tree.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDriver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	suite(t)
}

// TestDriverWithoutRoot is the suite as an ordinary user. Root runs it in a
// process of nobody's.
func TestDriverWithoutRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		asNobody(t, nil)
		return
	}
	suiteWithoutRoot(t)
}

func suiteWithoutRoot(t *testing.T) {
	d, err := New(Config{StateDir: t.TempDir(), initPath: initPath()})
	if err != nil {
		t.Skipf("no sandboxes for ordinary users here: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	suite(t)
}

// TestDriverDelegated is the suite as an ordinary user to whom a cgroup was handed.
func TestDriverDelegated(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv(delegatedVariable) == "" {
			t.Skip("needs root to hand over a cgroup")
		}
		suiteWithoutRoot(t)
		return
	}
	host, err := cgroup.FindHost()
	if err != nil || host.Unified == "" {
		t.Skipf("no cgroup v2 here: %v", err)
	}
	dir, err := os.MkdirTemp(host.Unified, "lambent-delegated-")
	if err != nil {
		t.Skipf("no cgroup v2 of ours here: %v", err)
	}
	t.Cleanup(func() {
		// The kernel forgets the last process a moment after it was reaped.
		for range 1000 {
			os.Remove(filepath.Join(dir, "lambent-daemon"))
			if err = os.Remove(dir); err == nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Errorf("the delegated cgroup is left: %v", err)
	})
	for _, file := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
		if err := os.Chown(filepath.Join(dir, file), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	group, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	asNobody(t, group)
}

// nobody is the user and group that own nothing.
const nobody = 65534

// asNobody runs this test again in a process of nobody's, born into the cgroup if
// there is one. Nobody can read the sources or the build cache: what the
// suite builds is built beforehand, and the child's "go build" copies it.
func asNobody(t *testing.T, group *os.File) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lambent-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(env []string, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	run([]string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", dir+"/probe", "lambent/internal/sandbox/sandboxtest/probe")
	run(nil, "cp", self, dir+"/test")
	run(nil, "cp", initPath(), dir+"/init")
	shim := "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\nexec cp " + dir + "/probe \"$2\"\n"
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "go"), []byte(shim), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	run(nil, "chmod", "-R", "a+rX", dir)
	run(nil, "chmod", "777", dir+"/tmp")
	child := exec.Command(dir+"/test", "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "3m")
	child.Dir = dir
	child.Env = []string{"PATH=" + dir + "/bin:/usr/bin:/bin", "TMPDIR=" + dir + "/tmp", "HOME=/nonexistent", initVariable + "=" + dir + "/init"}
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if group != nil {
		child.SysProcAttr.UseCgroupFD, child.SysProcAttr.CgroupFD = true, int(group.Fd())
		child.Env = append(child.Env, delegatedVariable+"=1")
	}
	out, err := child.CombinedOutput()
	if testing.Verbose() {
		fmt.Printf("%s", out)
	}
	if err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
}
