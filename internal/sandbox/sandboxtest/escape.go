package sandboxtest

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lambent/internal/sandbox"
)

// escapeCases are attempts to get out, or to get at others. Each is harmless
// should it succeed.
func escapeCases() []testCase {
	files, procs := []string{sandbox.CanIsolateFiles}, []string{sandbox.CanIsolateProcs}
	kernel := []string{sandbox.CanIsolateFiles, sandbox.CanIsolateProcs, sandbox.CanFilterSyscalls}
	return []testCase{
		{name: "only tmp is writable", needs: files, run: onlyTmpWritable},
		{name: "mounts are read-only", needs: files, run: mountsReadOnly},
		{name: "a writable mount is written to", needs: files, run: mountsWritable},
		{name: "secret of the host", needs: files, run: hostSecret},
		{name: "folders of the host", needs: files, run: hostFolders},
		{name: "links in mounts", needs: files, run: linksInMounts},
		{name: "devices", needs: files, run: devices},
		{name: "proc and sys", needs: kernel, run: procAndSys},
		{name: "core dumps", needs: files, run: coreDumps},
		{name: "processes of the host", needs: procs, run: hostProcesses},
		{name: "signal to everybody", needs: procs, run: signalEverybody},
		{name: "rights", needs: kernel, run: rights},
		{name: "forbidden doors of the kernel", needs: kernel, run: forbiddenDoors},
	}
}

func onlyTmpWritable(t *testing.T, s *suite) {
	b := s.box(t)
	if got := b.must("writable").List; !slices.Equal(got, []string{"/tmp"}) {
		t.Errorf("files can be made in %q, want /tmp only", got)
	}
}

func mountsReadOnly(t *testing.T, s *suite) {
	first, second := tree(t, map[string]string{"a": "1"}), tree(t, map[string]string{"b": "2"})
	b := s.box(t, func(spec *sandbox.Spec) {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: first, Target: "/opt"}, sandbox.Mount{Source: second, Target: "/opt"})
	})
	b.mustNot("write", "/var/task/new", "x")
	b.mustNot("modify", "/var/task/plain")
	b.mustNot("remove", "/var/task/plain")
	b.mustNot("chmod", "/var/task/plain")
	b.mustNot("write", "/opt/new", "x")
	b.mustNot("modify", "/opt/a")
	b.mustNot("remove", "/opt/b")
	b.mustNot("write", "/tmp/../etc/.lambent-probe", "x")
	if text, err := os.ReadFile(filepath.Join(s.task, "plain")); err != nil || string(text) != "no program\n" {
		t.Errorf("the host's file is %q, %v", text, err)
	}
}

// mountsWritable: what may be written to is, with the host's own permissions, and
// nothing beside it.
func mountsWritable(t *testing.T, s *suite) {
	open, shut := tree(t, map[string]string{"a": "1"}), tree(t, map[string]string{"b": "2"})
	for folder, mode := range map[string]os.FileMode{open: 0o777, shut: 0o555} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(shut, 0o755) }) // so that it can be removed
	b := s.box(t, func(spec *sandbox.Spec) {
		spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: open, Target: "/mnt/open", Writable: true}, sandbox.Mount{Source: shut, Target: "/mnt/shut", Writable: true})
	})
	b.must("write", "/mnt/open/new", "x")
	if text, err := os.ReadFile(filepath.Join(open, "new")); err != nil || string(text) != "x" {
		t.Errorf("the host finds %q, %v", text, err)
	}
	b.mustNot("write", "/mnt/shut/new", "x")
	b.mustNot("write", "/mnt/new", "x")
}

// secret makes a file on the host that everybody may read.
func secret(t *testing.T) (path, text string) {
	t.Helper()
	// Folders of tests are closed to others, but what is tested is that the file
	// is not there, so every right is given that there is.
	folder, err := os.MkdirTemp("", "lambent-suite-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path, text = filepath.Join(folder, "secret"), "the host's secret"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path, text
}

func hostSecret(t *testing.T, s *suite) {
	b := s.box(t)
	path, _ := secret(t)
	for _, way := range []string{
		path,
		"/var/task/../.." + path,
		"/proc/1/root" + path,
		"/proc/self/root" + path,
		"/proc/self/cwd/../../../../.." + path,
		"/proc/self/task/1/root" + path,
		"/tmp/../../../.." + path,
		"/dev/fd/../../.." + path,
	} {
		b.mustNot("read", way)
	}
	b.must("link", path, "/tmp/link")
	b.mustNot("read", "/tmp/link")
	b.must("link", filepath.Dir(path), "/tmp/folder")
	b.mustNot("read", "/tmp/folder/secret")
	b.mustNot("list", s.state)
	b.mustNot("list", s.task)
}

// hostFolders: what the host has at its top and in its people's folders is not
// there, and what must be there is not the host's.
func hostFolders(t *testing.T, s *suite) {
	b := s.box(t)
	usual := strings.Fields("bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var")
	entries, err := os.ReadDir("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(usual, e.Name()) {
			b.mustNot("list", "/"+e.Name())
		}
	}
	for _, folder := range []string{"/root", "/home", "/mnt", "/media", "/srv", "/boot", "/run", "/tmp"} {
		for _, name := range b.ask("list", folder).List {
			if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
				t.Errorf("%s/%s of the host is seen", folder, name)
			}
		}
	}
	for _, file := range []string{"/etc/shadow", "/etc/gshadow", "/etc/machine-id", "/etc/hostname"} {
		host, err := os.ReadFile(file)
		if f := b.ask("read", file); err == nil && f.Did && len(host) > 0 && f.Text == string(host) {
			t.Errorf("%s is the host's", file)
		}
	}
}

// linksInMounts: a link in a function's code leads to where it leads inside.
func linksInMounts(t *testing.T, s *suite) {
	path, text := secret(t)
	data := tree(t, map[string]string{
		"absolute": "-> " + path, "relative": "-> ../../../../../../../.." + path,
		"folder": "-> " + filepath.Dir(path), "proc": "-> /proc/1/root" + path, "root": "-> /",
		"inside": "-> /tmp/mine",
	})
	for _, target := range []string{"/opt", "/var/runtime"} {
		b := s.box(t, func(spec *sandbox.Spec) {
			spec.Mounts = append(spec.Mounts, sandbox.Mount{Source: data, Target: target})
		})
		for _, name := range []string{"absolute", "relative", "folder/secret", "proc", "root" + path} {
			if f := b.mustNot("read", target+"/"+name); strings.Contains(f.Text, text) {
				t.Errorf("%s/%s leads to the host's secret", target, name)
			}
		}
		b.must("write", "/tmp/mine", "mine")
		if f := b.must("read", target+"/inside"); f.Text != "mine" {
			t.Errorf("%s/inside reads %q, want what is in /tmp", target, f.Text)
		}
	}
}

func devices(t *testing.T, s *suite) {
	b := s.box(t)
	harmless := strings.Fields("null zero full random urandom tty fd stdin stdout stderr ptmx pts shm mqueue console core")
	for _, name := range b.ask("list", "/dev").List {
		if !slices.Contains(harmless, name) {
			t.Errorf("/dev/%s is there", name)
		}
	}
	for _, name := range []string{"/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/loop-control", "/dev/sda", "/dev/vda"} {
		b.mustNot("read", name)
	}
	b.must("write", "/dev/null", "x")
	if f := b.must("read", "/dev/urandom"); len(f.Text) == 0 {
		t.Error("/dev/urandom is empty")
	}
}

func procAndSys(t *testing.T, s *suite) {
	b := s.box(t)
	for _, name := range []string{
		"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/kernel/modprobe",
		"/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/randomize_va_space", "/proc/sys/vm/drop_caches",
		"/proc/sys/vm/overcommit_memory", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward",
		"/proc/acpi/wakeup", "/proc/1/oom_score_adj", "/proc/1/mem", "/proc/1/attr/current",
		"/sys/kernel/uevent_helper", "/sys/power/state", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent",
		"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cgroup.freeze",
		"/sys/fs/cgroup/cgroup.kill", "/sys/module/kernel/parameters/panic",
	} {
		b.mustNot("modify", name)
	}
	for _, name := range []string{"/proc/kcore", "/proc/kmsg", "/proc/1/mem", "/sys/kernel/debug/sched/debug"} {
		b.mustNot("read", name)
	}
	if f := b.ask("read", "/proc/1/environ"); strings.Contains(f.Text, "GOCACHE") || f.Did && strings.Contains(f.Text, os.Getenv("HOME")+"\x00") {
		t.Errorf("the environment of process 1 is the daemon's: %q", f.Text)
	}
	// Mount options would tell the host's paths.
	for _, name := range []string{"/proc/self/mountinfo", "/proc/1/mountinfo"} {
		if f := b.ask("read", name); strings.Contains(f.Text, s.task) {
			t.Logf("%s names the host's folders, which is no secret to keep but no help either", name)
		}
	}
}

func coreDumps(t *testing.T, s *suite) {
	b := s.box(t)
	if got := b.must("limits").List; !slices.Contains(got, "core 0") {
		t.Errorf("limits %q, want no core files", got)
	}
	b.start("die", "6").wait()
	if got := b.must("list", "/tmp").List; len(got) != 0 {
		t.Errorf("after a crash /tmp has %q", got)
	}
}

// hostProcesses: only the sandbox's own are to be seen or signalled.
func hostProcesses(t *testing.T, s *suite) {
	b, other := s.box(t), s.box(t)
	theirs := other.post()
	other.start("hold", theirs.address())
	c := theirs.caller()
	me := strconv.Itoa(os.Getpid())
	b.mustNot("signal", me, "0")
	b.mustNot("list", "/proc/"+me+"/fd")
	seen := 0
	for _, name := range b.must("list", "/proc").List {
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		seen++
		if f := b.ask("read", "/proc/"+name+"/cmdline"); strings.Contains(f.Text, theirs.address()) {
			t.Errorf("another sandbox's process is seen: %q", f.Text)
		}
	}
	if seen > 4 {
		t.Errorf("%d processes are seen, want the probe and what the driver keeps beside it", seen)
	}
	c.lives("of the neighbour")
}

func signalEverybody(t *testing.T, s *suite) {
	b, other := s.box(t), s.box(t)
	mine, theirs := b.post(), other.post()
	b.start("hold", mine.address())
	other.start("hold", theirs.address())
	victim, neighbour := mine.caller(), theirs.caller()
	b.must("signal", "-1", "9")
	victim.isGone("after a signal to everybody")
	neighbour.lives("of the neighbour")
	b.must("describe") // what the driver keeps inside is alive
	b.ask("signal", "1", "9")
	b.must("describe")
}

func rights(t *testing.T, s *suite) {
	b := s.box(t)
	want := map[string]string{
		"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
		"CapAmb": "0000000000000000", "CapBnd": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2",
	}
	for _, line := range b.must("status").List {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if expected, asked := want[name]; asked && value != expected {
			t.Errorf("%s is %s, want %s", name, value, expected)
		}
		if (name == "Uid" || name == "Gid") && slices.Contains(strings.Fields(value), "0") {
			t.Errorf("%s is %s, want nobody's 0", name, value)
		}
		if name == "Groups" && slices.Contains(strings.Fields(value), "0") {
			t.Errorf("groups are %s, want none with 0", value)
		}
	}
}

func forbiddenDoors(t *testing.T, s *suite) {
	b := s.box(t)
	attempts := b.must("tries").List
	if len(attempts) < 30 {
		t.Fatalf("only %d attempts", len(attempts))
	}
	for _, name := range attempts {
		t.Run(name, func(t *testing.T) {
			// An attempt may be answered by death, which is as good a no.
			r := (&box{Sandbox: b.Sandbox, t: t, suite: s}).start("try", name)
			if exit := r.wait(); exit.Signal == nil {
				if f := r.finding(); f.Did {
					t.Error("it was possible")
				} else if f.Errno == 0 {
					t.Errorf("no answer of the kernel: %s", f.Error)
				}
			}
		})
	}
	b.must("read", "/var/task/plain")
	b.mustNot("write", "/var/task/new", "x")
}
