package runtimes

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/quick"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tongue is a language whose interpreters are shell scripts called "tongue".
type tongue struct {
	files    fs.FS
	prepared *atomic.Int32
}

func (tongue) Name() string { return "tongue" }
func (tongue) Runtimes() []lambda.Runtime {
	return []lambda.Runtime{"tongue2", "tongue1"}
}
func (tongue) Advice(r lambda.Runtime) string { return "speak " + string(r) }
func (f tongue) Bootstrap() fs.FS             { return f.files }

func (tongue) Find(ctx context.Context, host *Host) []Found {
	var list []Found
	for _, c := range host.Candidates([]string{"tongue"}, []Place{{Pattern: "~/managed/*/tongue", Source: "manager"}}) {
		if out, err := host.Try(ctx, c.Path, "version"); err == nil {
			version := strings.TrimSpace(out)
			list = append(list, Found{Runtime: lambda.Runtime("tongue" + version[:1]), Version: version, Path: c.Path, Prefix: filepath.Dir(c.Path), Source: c.Source})
		}
	}
	return list
}

func (f tongue) Prepare(_ context.Context, found Found, _ *Host, folder string) error {
	f.prepared.Add(1)
	return os.WriteFile(filepath.Join(folder, "compiled-"+found.Version), nil, 0o600)
}

func (tongue) Program(v *lambda.Version, found Found, dirs Dirs) (sandbox.Program, error) {
	return sandbox.Program{Mounts: dirs.Mounts(found), Argv: []string{LangDir + "/tongue", v.Handler}}, nil
}

func newTongue() tongue {
	return tongue{
		files:    fstest.MapFS{"main.t": {Data: []byte("main")}, "lib/run.sh": {Data: []byte("#!/bin/sh\n")}},
		prepared: new(atomic.Int32),
	}
}

// newHost is a host with a home of its own.
func newHost(t *testing.T) *Host {
	t.Helper()
	return &Host{Home: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}}
}

// script makes a program that counts its runs in a file beside it.
func script(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho run >> \"$0.runs\"\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func runs(t *testing.T, path string) int {
	t.Helper()
	data, err := os.ReadFile(path + ".runs")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Count(string(data), "run")
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	host, dir, family := newHost(t), t.TempDir(), newTongue()
	one := filepath.Join(host.Home, "managed/1.9.0/tongue")
	newer := filepath.Join(host.Home, "managed/1.10.0/tongue")
	broken := filepath.Join(host.Home, "managed/0/tongue")
	script(t, one, "echo 1.9.0")
	script(t, newer, "echo 1.10.0")
	script(t, broken, "exit 3")
	o := Options{Dir: dir, Host: host, Families: []Family{family}}
	set, err := Discover(t.Context(), o)
	if err != nil {
		t.Fatalf("discover: %v", err)
	}
	want := []Found{
		{Runtime: "tongue2", Missing: "speak tongue2"},
		{Runtime: "tongue1", Version: "1.10.0", Path: newer, Prefix: filepath.Dir(newer), Source: "manager"},
	}
	if got := set.List(); !slices.Equal(got, want) {
		t.Fatalf("list %+v, want %+v", got, want)
	}

	p, err := set.Program(&lambda.Version{Runtime: "tongue1", Handler: "h"}, "/task", nil)
	if err != nil || len(p.Mounts) != 2 || p.Mounts[0] != (sandbox.Mount{Source: filepath.Dir(newer), Target: "/var/lang"}) || p.Mounts[1].Target != "/var/runtime" {
		t.Fatalf("program %+v, %v", p, err)
	}
	checkBootstrap(t, p.Mounts[1].Source)

	// A second start runs nothing and prepares nothing, until a file changes.
	if _, err := Discover(t.Context(), o); err != nil {
		t.Fatalf("discover again: %v", err)
	}
	if runs(t, newer) != 1 || runs(t, broken) != 1 || family.prepared.Load() != 1 {
		t.Errorf("%d runs, %d of the broken, %d prepared; want one each", runs(t, newer), runs(t, broken), family.prepared.Load())
	}
	script(t, newer, "echo 2.0.0")
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(newer, later, later); err != nil {
		t.Fatal(err)
	}
	if set, err = Discover(t.Context(), o); err != nil || set.List()[0].Version != "2.0.0" || set.List()[1].Version != "1.9.0" {
		t.Errorf("after a change: %+v, %v", set.List(), err)
	}
}

// slowTongue prepares until it is told to stop.
type slowTongue struct{ tongue }

func (f slowTongue) Prepare(ctx context.Context, _ Found, _ *Host, _ string) error {
	f.prepared.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

// TestStart: runtimes are served while they are still prepared for, and Stop
// breaks that off.
func TestStart(t *testing.T) {
	t.Parallel()
	host := newHost(t)
	script(t, filepath.Join(host.Home, "managed/1.2.3/tongue"), "echo 1.2.3")
	family := slowTongue{newTongue()}
	s := Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "runtimes"), Families: []Family{family}, Host: host})
	if err := s.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := s.Check("tongue1", ""); err != nil {
		t.Error(err)
	}
	select {
	case <-s.done:
		t.Error("preparation has ended by itself")
	default:
	}
	s.Stop()
	s.Stop()
}

// TestBegin: a set that was only made leaves the host in peace until it is asked,
// and one that is stopped before says so to who asks.
func TestBegin(t *testing.T) {
	t.Parallel()
	host := newHost(t)
	path := filepath.Join(host.Home, "managed/1.2.3/tongue")
	script(t, path, "echo 1.2.3")
	o := Options{Dir: filepath.Join(t.TempDir(), "runtimes"), Families: []Family{newTongue()}, Host: host}
	idle := New(t.Context(), o)
	idle.Stop()
	if err := idle.Check("tongue1", ""); !errors.Is(err, context.Canceled) || len(idle.List()) != 2 || runs(t, path) != 0 {
		t.Errorf("stopped before it began: %v, %v, %d runs", err, idle.List(), runs(t, path))
	}
	asked := New(t.Context(), o)
	defer asked.Stop()
	if list := asked.List(); len(list) != 2 || !list[1].Here() || runs(t, path) != 1 {
		t.Errorf("asked before it began: %+v, %d runs", list, runs(t, path))
	}
	asked.Begin()
	if err := asked.Wait(); err != nil || runs(t, path) != 1 {
		t.Errorf("begun again: %v, %d runs", err, runs(t, path))
	}
}

func checkBootstrap(t *testing.T, folder string) {
	t.Helper()
	for name, mode := range map[string]fs.FileMode{".": 0o755, "main.t": 0o644, "lib": 0o755, "lib/run.sh": 0o755, "compiled-1.10.0": 0o644} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("bootstrap %s: %v, %v; want mode %o", name, info, err, mode)
		}
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(folder), ".new-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestDiscoverRefusesBadFolder(t *testing.T) {
	t.Parallel()
	host := newHost(t)
	script(t, filepath.Join(host.Home, "managed/1.0.0/tongue"), "echo 1.0.0")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Discover(t.Context(), Options{Dir: filepath.Join(file, "x"), Host: host, Families: []Family{newTongue()}})
	if err == nil || !strings.Contains(err.Error(), "write tongue bootstrap") {
		t.Errorf("error %v", err)
	}
}

func TestRememberedAnswersThatAreBroken(t *testing.T) {
	t.Parallel()
	host, dir := newHost(t), t.TempDir()
	script(t, filepath.Join(host.Home, "managed/1.0.0/tongue"), "echo 1.0.0")
	for _, text := range []string{"{", "null", "[]"} {
		if err := os.WriteFile(filepath.Join(dir, probesFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		set, err := Discover(t.Context(), Options{Dir: dir, Host: host, Families: []Family{newTongue()}})
		if err != nil || !set.List()[1].Here() {
			t.Errorf("with %q: %v", text, err)
		}
	}
}

func TestInterruptedDiscoveryIsNotRemembered(t *testing.T) {
	t.Parallel()
	host, dir := newHost(t), t.TempDir()
	path := filepath.Join(host.Home, "managed/1.0.0/tongue")
	script(t, path, "[ -e \"$0.ready\" ] || exec sleep 1000\necho 1.0.0")
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Dir: dir, Host: host, Families: []Family{newTongue()}}
	done := make(chan error)
	go func() {
		_, err := Discover(ctx, o)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if err := os.WriteFile(path+".ready", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := Discover(t.Context(), o)
	if err != nil || !set.List()[1].Here() {
		t.Errorf("afterwards: %+v, %v", set, err)
	}
}

// TestKilledProbeIsNotRemembered: what a signal ended has said nothing of itself.
func TestKilledProbeIsNotRemembered(t *testing.T) {
	t.Parallel()
	host, dir := newHost(t), t.TempDir()
	path := filepath.Join(host.Home, "managed/1.0.0/tongue")
	script(t, path, "[ -e \"$0.ready\" ] || kill -9 $$\necho 1.0.0")
	o := Options{Dir: dir, Host: host, Families: []Family{newTongue()}}
	set, err := Discover(t.Context(), o)
	if err != nil || set.List()[1].Here() {
		t.Fatalf("killed: %+v, %v", set, err)
	}
	if err := os.WriteFile(path+".ready", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if set, err = Discover(t.Context(), o); err != nil || !set.List()[1].Here() {
		t.Errorf("afterwards: %+v, %v", set, err)
	}
}

func TestCandidatesOrder(t *testing.T) {
	t.Parallel()
	host := newHost(t)
	named, path := t.TempDir(), t.TempDir()
	host.Folders, host.Path = []string{named}, []string{path}
	for _, p := range []string{filepath.Join(host.Home, "managed/2/tongue"), filepath.Join(named, "two/bin/tongue"), filepath.Join(named, "bin/tongue"), filepath.Join(path, "tongue"), filepath.Join(named, "pkg/x/tongue"), filepath.Join(path, "pkg/x/tongue")} {
		script(t, p, "")
	}
	if err := os.Symlink(filepath.Join(path, "tongue"), filepath.Join(host.Home, "managed/2/tongue2")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(named, "tongue"), nil, 0o644); err != nil { // not executable
		t.Fatal(err)
	}
	var got []string
	for _, c := range host.Candidates([]string{"tongue", "pkg/*/tongue"}, []Place{{Pattern: "~/managed/*/tongue*", Source: "manager"}}) {
		got = append(got, c.Source+" "+c.Path)
	}
	want := []string{
		"runtime folder " + filepath.Join(named, "bin/tongue"), "runtime folder " + filepath.Join(named, "two/bin/tongue"),
		"runtime folder " + filepath.Join(named, "pkg/x/tongue"), "PATH " + filepath.Join(path, "tongue"), "manager " + filepath.Join(host.Home, "managed/2/tongue"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("candidates %q, want %q", got, want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	host := newHost(t)
	script(t, filepath.Join(host.Home, "managed/1.0.0/tongue"), "echo 1.0.0")
	set, err := Discover(t.Context(), Options{Dir: t.TempDir(), Host: host, Families: []Family{newTongue()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		runtime lambda.Runtime
		arch    string
		want    string
	}{
		{"tongue1", "", ""},
		{"provided.al2023", "", ""},
		{"tongue2", "", "The runtime tongue2 is not installed on this host: speak tongue2."},
		{"dotnet8", "", "The runtime dotnet8 cannot be served by Lambent: use one of tongue1, provided.al2023, or a custom runtime."},
		{"tongue1", "sparc", "sparc functions need another host."},
	} {
		err := set.Check(c.runtime, c.arch)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || c.want == "" || !strings.Contains(err.Error(), c.want) || lambda.KindOf(err) != lambda.InvalidParameter {
			t.Errorf("check %s %s: %v, want %q", c.runtime, c.arch, err, c.want)
		}
	}
	if _, err := set.Program(&lambda.Version{Runtime: "tongue2"}, "/t", nil); err == nil || lambda.KindOf(err) != lambda.InvalidParameter {
		t.Errorf("program of a missing runtime: %v", err)
	}
}

func TestCustom(t *testing.T) {
	t.Parallel()
	folder := func(mode os.FileMode) string {
		dir := t.TempDir()
		if mode != 0 {
			if err := os.WriteFile(filepath.Join(dir, "bootstrap"), nil, mode); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, c := range []struct {
		name string
		task string
		opt  []string
		want string
	}{
		{"package", folder(0o755), []string{folder(0o755)}, "/var/task/bootstrap"},
		{"layer", folder(0), []string{folder(0), folder(0o755)}, "/opt/bootstrap"},
		{"package may not be executed", folder(0o644), []string{folder(0o755)}, "/opt/bootstrap"},
		{"nothing may be executed", folder(0o644), nil, "/var/task/bootstrap"},
		{"hidden by a later layer", folder(0), []string{folder(0o755), folder(0o644)}, "/opt/bootstrap"},
		{"nothing", folder(0), []string{folder(0)}, ""},
	} {
		p, err := (&Set{}).Program(&lambda.Version{Runtime: "provided.al2023"}, c.task, c.opt)
		if c.want != "" {
			if err != nil || !slices.Equal(p.Argv, []string{c.want}) || p.Dir != "/var/task" || p.Shell || p.LogFD != 0 {
				t.Errorf("%s: %+v, %v; want %s", c.name, p, err, c.want)
			}
			continue
		}
		var fault interface{ FaultType() string }
		if !errors.As(err, &fault) || fault.FaultType() != "Runtime.InvalidEntrypoint" || err.Error() != "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	ordered := []string{"", "3", "3.8", "3.8.18", "3.9.1", "3.10", "3.10.2", "3.10.13", "20.9.0", "v1", "v10"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := CompareVersions(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("compare %q with %q: %d", a, b, got)
			}
		}
	}
	opposite := func(a, b string) bool {
		x, y := CompareVersions(a, b), CompareVersions(b, a)
		return (x < 0) == (y > 0) && (x == 0) == (y == 0)
	}
	if err := quick.Check(opposite, nil); err != nil {
		t.Error(err)
	}
}

func TestReadableLeavesWhatLinksLeadTo(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Chmod(root, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "scratch"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(root, "scratch", "back")); err != nil {
		t.Fatal(err)
	}
	if err := readable(root); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, filepath.Join(root, "scratch")} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
}
