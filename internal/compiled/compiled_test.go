package compiled

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
	"lambent/internal/sandbox/simulated"
)

// world is a Store with a host whose compiler is a function of the test's.
type world struct {
	*Store
	t      *testing.T
	driver *simulated.Driver
	dir    string // the Store's
	task   string // the only package
	end    func()

	mu       sync.Mutex
	compiler simulated.Program // mu
	runs     int               // mu
	accepts  string            // mu
	missing  error             // mu; why the package cannot be opened
}

// most keeps outcomes small, and those that are too large quick to make.
const most = 2 << 20

// compiles is a compiler that does well.
func compiles(p *simulated.Process) sandbox.Exit {
	io.WriteString(p.Stdout, "the code")
	io.WriteString(p.Pipe(sandbox.IndexFD), "the index")
	return sandbox.Exit{}
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), task: t.TempDir(), compiler: compiles, accepts: "python3.11+one"}
	w.driver = simulated.New(simulated.Options{Seed: 1, Program: func(sandbox.Command) simulated.Program {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.runs++
		return w.compiler
	}})
	if err := os.WriteFile(filepath.Join(w.task, "app.py"), make([]byte, 2*leastSources), 0o644); err != nil {
		t.Fatal(err)
	}
	w.open()
	return w
}

// open starts the Store as a daemon does.
func (w *world) open() {
	var err error
	if w.Store, err = Open(w.dir); err != nil {
		w.t.Fatal(err)
	}
	w.most = most
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	ids := 0
	running.Go(func() {
		w.Run(ctx, Parts{Sandboxes: w.driver, Packages: w, Programs: w, Log: slog.New(slog.DiscardHandler), NewID: func() string {
			ids++
			return strings.Repeat("a", ids)
		}})
	})
	w.end = func() {
		cancel()
		running.Wait()
	}
}

// close ends the Store and looks for what it left.
func (w *world) close() {
	w.end()
	synctest.Wait()
	if leaks := w.driver.Leaks(); leaks != "" {
		w.t.Errorf("left in the host: %s", leaks)
	}
	if half, _ := filepath.Glob(filepath.Join(w.dir, ".*")); len(half) > 0 {
		w.t.Errorf("left in the folder: %q", half)
	}
}

func (w *world) Open(context.Context, *lambda.Version) (string, []string, func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.task, nil, func() {}, w.missing
}

func (w *world) Program(*lambda.Version, string, []string) (sandbox.Program, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sandbox.Program{Compiler: &sandbox.Compiler{Argv: []string{"/compile"}, Accepts: w.accepts, Sources: ".py", Target: "/code"}}, nil
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// ran tells how many compilers were started.
func (w *world) ran() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.runs
}

// mounted is what a start of the version finds, after everything that it wants is done.
func (w *world) mounted(v *lambda.Version) bool {
	w.t.Helper()
	p, err := w.Program(v, w.task, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	m, ok := w.Mount(v, p)
	if ok {
		for file, want := range map[string]string{sandbox.CodeFile: "the code", sandbox.IndexFile: "the index"} {
			got, err := os.ReadFile(filepath.Join(m.Source, file))
			if err != nil || string(got) != want {
				w.t.Errorf("%s holds %q, %v", file, got, err)
			}
		}
	}
	w.settle()
	return ok
}

func (w *world) settle() {
	time.Sleep(10 * quiet)
	synctest.Wait()
}

func sum(text string) string {
	return base64.StdEncoding.EncodeToString([]byte(text + strings.Repeat("?", 32-len(text))))
}

func version(code string, layers ...string) *lambda.Version {
	v := &lambda.Version{Function: "f", Number: lambda.Latest, Code: lambda.Code{SHA256: sum(code), Unzipped: 1 << 20}}
	for _, layer := range layers {
		v.Layers = append(v.Layers, lambda.LayerUse{Code: lambda.Code{SHA256: sum(layer), Unzipped: 1}})
	}
	return v
}

func TestCompiledOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for i := range 3 {
			if got := w.mounted(version("a")); got != (i > 0) {
				t.Errorf("start %d finds code: %v", i+1, got)
			}
		}
		if w.mounted(version("a", "layer")) || w.mounted(version("b")) {
			t.Error("a version has the code of another")
		}
		if !w.mounted(version("a", "layer")) || !w.mounted(version("b")) || w.ran() != 3 {
			t.Errorf("%d runs for three versions", w.ran())
		}
		w.end()
		w.open() // another daemon
		if !w.mounted(version("a")) || w.ran() != 3 {
			t.Errorf("after a restart there is no code; %d runs", w.ran())
		}
	})
}

func TestExpectedVersionsAreCompiled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for range 3 {
			w.Expect(version("a"))
		}
		w.settle()
		if !w.mounted(version("a")) || w.ran() != 1 {
			t.Errorf("the first start finds no code, or %d runs", w.ran())
		}
	})
}

func TestWhatIsNotCompiled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		small, live, liveLayer := version("a"), version("b"), version("c", "layer")
		small.Code.Unzipped = leastUnzipped - 1
		live.Code.Folder = w.task
		liveLayer.Layers[0].Code.Folder = w.task
		for name, v := range map[string]*lambda.Version{"small": small, "hot reload": live, "layer with hot reload": liveLayer} {
			w.Expect(v)
			for range 2 {
				if w.mounted(v) {
					t.Errorf("a %s package was compiled", name)
				}
			}
		}
		if err := os.WriteFile(filepath.Join(w.task, "app.py"), make([]byte, leastSources-1), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if w.mounted(version("d")) {
				t.Error("a package with hardly any source was compiled")
			}
		}
		if w.ran() != 0 {
			t.Errorf("%d runs, want none", w.ran())
		}
	})
}

// TestNothingToGain: a run without an outcome is not made again, ever.
func TestNothingToGain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(func() { w.compiler = func(*simulated.Process) sandbox.Exit { return sandbox.Exit{} } })
		for range 3 {
			if w.mounted(version("a")) {
				t.Error("there is code of no bytes")
			}
		}
		w.end()
		w.open()
		defer w.close()
		if w.mounted(version("a")) || w.ran() != 1 {
			t.Errorf("%d runs, want one", w.ran())
		}
	})
}

// TestFailures: what goes wrong leaves nothing, is tried twice, and again by the
// next daemon.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, compiler := range map[string]simulated.Program{
		"exit":   func(p *simulated.Process) sandbox.Exit { compiles(p); return sandbox.Exit{Code: 1} },
		"killed": func(p *simulated.Process) sandbox.Exit { compiles(p); return sandbox.Exit{Signal: os.Kill} },
		"hangs":  func(p *simulated.Process) sandbox.Exit { compiles(p); p.Sleep(24 * time.Hour); return sandbox.Exit{} },
		"floods": func(p *simulated.Process) sandbox.Exit {
			block := make([]byte, 1<<20)
			for range most>>20 + 1 {
				p.Stdout.Write(block)
			}
			return sandbox.Exit{}
		},
		"floods the index": func(p *simulated.Process) sandbox.Exit {
			block := make([]byte, 1<<20)
			for range most>>20 + 1 {
				p.Pipe(sandbox.IndexFD).Write(block)
			}
			return sandbox.Exit{}
		},
		"no file": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.set(func() { w.compiler = compiler })
				for range 4 {
					if w.mounted(version("a")) {
						t.Error("there is code of a run that failed")
					}
					time.Sleep(2 * runLimit)
				}
				if w.ran() != tries {
					t.Errorf("%d runs, want %d", w.ran(), tries)
				}
				if w.mounted(version("b")); w.ran() == tries {
					t.Error("another version waits for ever")
				}
				w.end()
				w.set(func() { w.compiler = compiles })
				w.open()
				defer w.close()
				if w.mounted(version("a")) || !w.mounted(version("a")) {
					t.Error("the next daemon does not try again")
				}
			})
		})
	}
}

func TestPackageThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.set(func() { w.missing = errors.New("deleted meanwhile") })
		w.Expect(version("a"))
		w.settle()
		w.set(func() { w.missing = nil })
		if w.mounted(version("a")) || !w.mounted(version("a")) {
			t.Error("it is not compiled when its package is there")
		}
	})
}

// TestEndBreaksOff: the daemon does not wait for a run.
func TestEndBreaksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(func() {
			w.compiler = func(p *simulated.Process) sandbox.Exit { p.Sleep(time.Hour); return sandbox.Exit{} }
		})
		w.Expect(version("a"))
		w.settle()
		began := time.Now()
		w.close()
		if took := time.Since(began); took >= runLimit {
			t.Errorf("the end took %s", took)
		}
	})
}

// folder lists the outcomes that there are.
func (w *world) folder() (list []string) {
	paths, err := filepath.Glob(filepath.Join(w.dir, "*", "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range paths {
		list = append(list, strings.TrimPrefix(path, w.dir+"/"))
	}
	return list
}

func TestCollect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		all := []*lambda.Version{version("a"), version("a", "x", "y"), version("b"), version("c", "x")}
		for _, v := range all {
			w.mounted(v)
		}
		collect := func(gone ...string) {
			t.Helper()
			if err := w.Collect(t.Context(), func(s string) bool {
				return !slices.ContainsFunc(gone, func(g string) bool { return sum(g) == s })
			}); err != nil {
				t.Error(err)
			}
		}
		if collect(); len(w.folder()) != len(all) {
			t.Errorf("what is needed was collected; left %q", w.folder())
		}
		if !w.mounted(all[2]) {
			t.Error("no code")
		}
		if collect("b"); len(w.folder()) != len(all) {
			t.Error("what somebody is about to mount was collected")
		}
		time.Sleep(inHand)
		if collect("b"); len(w.folder()) != 3 || w.mounted(all[2]) {
			t.Errorf("a package that has gone left its code: %q", w.folder())
		}
		time.Sleep(inHand)
		if collect("y"); len(w.folder()) != 3 || !w.mounted(all[0]) {
			t.Errorf("a layer that has gone left code, or took another's: %q", w.folder())
		}
		time.Sleep(inHand)
		if collect("a", "b", "c"); len(w.folder()) != 0 {
			t.Errorf("left %q", w.folder())
		}
		if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 0 {
			t.Errorf("left in the folder: %v, %v", entries, err)
		}
	})
}

// TestNewInterpreter: what another one made is not used, and goes.
func TestNewInterpreter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.mounted(version("a"))
		w.set(func() { w.accepts = "python3.12+one" }) // another runtime of the same package
		w.mounted(version("a"))
		if len(w.folder()) != 2 {
			t.Errorf("two runtimes have %q", w.folder())
		}
		w.set(func() { w.accepts = "python3.11+two" })
		if w.mounted(version("a")) {
			t.Error("an interpreter is given the code of another")
		}
		if !w.mounted(version("a")) || len(w.folder()) != 2 || strings.Contains(strings.Join(w.folder(), " "), "3.11+one") {
			t.Errorf("the old interpreter's code stays: %q", w.folder())
		}
	})
}

func TestOutcomesOfOnePackageAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for i := range mostOfOne + 3 {
			w.mounted(version("a", strings.Repeat("l", i+1)))
		}
		if n := len(w.folder()); n != mostOfOne {
			t.Errorf("%d outcomes of one package, want %d", n, mostOfOne)
		}
		if !w.mounted(version("a", strings.Repeat("l", mostOfOne+3))) {
			t.Error("the last went")
		}
	})
}

func TestOpenSweeps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".new-1", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
	if _, err := Open(filepath.Join(dir, "file", "below")); err != nil {
		t.Errorf("open a folder that has to be made: %v", err)
	}
}

// TestNamesFit: five layers are as many as a version can have, 255 bytes as many
// as a file's name.
func TestNamesFit(t *testing.T) {
	t.Parallel()
	name := nameOf(version("a", "1", "2", "3", "4", "5"), &sandbox.Compiler{Accepts: "python3.11+0123456789abcdef"})
	if _, file := filepath.Split(name); len(file) > 255 {
		t.Errorf("%q has %d bytes", file, len(file))
	}
	for _, s := range []string{sum("a"), sum("\xff\xfe")} {
		if strings.ContainsAny(part(s), "/+") || digest(part(s)) != s {
			t.Errorf("%s becomes %s and %s", s, part(s), digest(part(s)))
		}
	}
}
