package catalog_test

import (
	azip "archive/zip"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"lambent/internal/catalog/catalogtest"
	"lambent/internal/lambda"
)

// modelFolder, when set, makes the test binary a daemon that takes the steps that
// it reads and writes its answers, a line of JSON each, until it is killed.
const modelFolder = "LAMBENT_TEST_MODEL"

// modelSteps is how many steps all walks take together.
const modelSteps = 10_000

// servant is the real catalog, on the real store and packages, behind pipes.
type servant struct {
	*durable
	labels map[string]string // of packages, by digest
}

func serveModel(dir string) error {
	ctx := context.Background()
	d, err := openDurable(ctx, dir)
	if err != nil {
		return err
	}
	s := &servant{d, map[string]string{}}
	for _, label := range catalogtest.Labels() {
		code, err := d.packages.Put(ctx, labelled(label))
		if err != nil {
			return err
		}
		s.labels[code.SHA256] = label
	}
	out := json.NewEncoder(os.Stdout)
	for in := json.NewDecoder(os.Stdin); ; {
		var step catalogtest.Step
		if err := in.Decode(&step); err != nil {
			return err
		}
		if step.Act == "" {
			err = out.Encode(s.everything(ctx))
		} else {
			err = out.Encode(s.do(ctx, step))
		}
		if err != nil {
			return err
		}
	}
}

func labelled(label string) []byte {
	var out bytes.Buffer
	w := azip.NewWriter(&out)
	entry, _ := w.Create("label.txt")
	_, _ = io.WriteString(entry, label)
	_ = w.Close()
	return out.Bytes()
}

// settled waits until nothing is on its way, since a model has no time.
func (s *servant) settled(ctx context.Context) []lambda.Version {
	for {
		var all []lambda.Version
		for f := (lambda.FunctionFilter{AllVersions: true}); ; {
			page, next, err := s.Functions(ctx, f)
			if err != nil {
				panic(err)
			}
			if all, f.Marker = append(all, page...), next; next == "" {
				break
			}
		}
		busy := slices.ContainsFunc(all, func(v lambda.Version) bool {
			return v.State != lambda.Active || v.Update != lambda.UpdateSuccessful
		})
		if !busy {
			return all
		}
		time.Sleep(time.Millisecond) // the child of a test, not a test
	}
}

func (s *servant) answer(v lambda.Version, err error) catalogtest.Answer {
	if err != nil {
		return catalogtest.Answer{Refused: strings.ReplaceAll(err.Error(), "arn:aws:lambda:"+region+":"+account+":", "ARN:")}
	}
	return catalogtest.Answer{Version: v.Number, Code: s.labels[v.Code.SHA256], Handler: v.Handler, Description: v.Description}
}

func (s *servant) do(ctx context.Context, step catalogtest.Step) catalogtest.Answer {
	s.settled(ctx)
	name, code := step.Function, lambda.Package{Zip: labelled(step.Code)}
	switch step.Act {
	case catalogtest.Create:
		n := newFunction(name)
		n.Package, n.Publish, n.Settings.Handler, n.Settings.Description = code, step.Publish, &step.Handler, &step.Description
		return s.answer(s.CreateFunction(ctx, n))
	case catalogtest.UpdateCode:
		return s.answer(s.UpdateCode(ctx, name, lambda.CodeUpdate{Package: code, Publish: step.Publish}))
	case catalogtest.Configure:
		return s.answer(s.UpdateSettings(ctx, name, lambda.Settings{Handler: &step.Handler, Description: &step.Description}, ""))
	case catalogtest.Publish:
		return s.answer(s.PublishVersion(ctx, name, step.Description, "", ""))
	case catalogtest.CreateAlias:
		return s.alias(s.CreateAlias(ctx, name, step.Qualifier, lambda.AliasChange{Version: &step.Target}))
	case catalogtest.UpdateAlias:
		return s.alias(s.UpdateAlias(ctx, name, step.Qualifier, lambda.AliasChange{Version: &step.Target}))
	case catalogtest.DeleteAlias:
		return s.alias(lambda.Alias{}, s.DeleteAlias(ctx, name, step.Qualifier))
	case catalogtest.Invoke:
		return s.invoke(ctx, step)
	case catalogtest.Delete:
		return s.alias(lambda.Alias{}, s.DeleteFunction(ctx, name, step.Qualifier))
	}
	panic("no such act: " + step.Act)
}

func (s *servant) alias(a lambda.Alias, err error) catalogtest.Answer {
	if err != nil {
		return s.answer(lambda.Version{}, err)
	}
	return catalogtest.Answer{Version: a.Version}
}

// invoke reads what an environment of the version would find.
func (s *servant) invoke(ctx context.Context, step catalogtest.Step) catalogtest.Answer {
	v, err := s.Resolve(step.Function, step.Qualifier)
	if err != nil {
		return s.answer(lambda.Version{}, err)
	}
	task, _, release, err := s.Catalog.Open(ctx, v)
	if err != nil {
		return catalogtest.Answer{Refused: err.Error()}
	}
	defer release()
	label, err := os.ReadFile(task + "/label.txt")
	if err != nil {
		return catalogtest.Answer{Refused: err.Error()}
	}
	return catalogtest.Answer{Version: v.Number, Code: string(label), Handler: v.Handler}
}

func (s *servant) everything(ctx context.Context) []string {
	var lines []string
	for _, v := range s.settled(ctx) {
		lines = append(lines, catalogtest.Line(v.Function, s.answer(v, nil)))
		if v.Number != lambda.Latest {
			continue
		}
		aliases, _, err := s.Aliases(ctx, v.Function, "", "", 0)
		if err != nil {
			panic(err)
		}
		for _, a := range aliases {
			lines = append(lines, catalogtest.AliasLine(v.Function, a.Name, a.Version))
		}
	}
	slices.Sort(lines)
	return lines
}

// walk is one child after the other, and what must be true of them.
type walk struct {
	t     *testing.T
	dir   string
	child *exec.Cmd
	in    io.WriteCloser
	out   *json.Decoder
	model *catalogtest.Model
}

func (w *walk) start() {
	w.t.Helper()
	w.child = exec.Command(os.Args[0])
	w.child.Env = append(os.Environ(), modelFolder+"="+w.dir)
	w.child.Stderr = os.Stderr
	in, err := w.child.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := w.child.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.child.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.in, w.out = in, json.NewDecoder(bufio.NewReader(out))
}

func (w *walk) kill() {
	w.t.Helper()
	if err := w.child.Process.Kill(); err != nil {
		w.t.Fatal(err)
	}
	_ = w.child.Wait() // it was killed
}

// send gives the child a step; it may be dead.
func (w *walk) send(step catalogtest.Step) error { return json.NewEncoder(w.in).Encode(step) }

func (w *walk) everything() (lines []string) {
	w.t.Helper()
	if err := errors.Join(w.send(catalogtest.Step{}), w.out.Decode(&lines)); err != nil {
		w.t.Fatal(err)
	}
	return lines
}

// step takes one step in both worlds. Sometimes the child is killed: right after
// its answer, which must then be kept, or before it, when either is fine.
func (w *walk) step(random *rand.Rand) {
	w.t.Helper()
	step := w.model.Draw(random)
	before := w.model.Clone()
	want := w.model.Do(step)
	if err := w.send(step); err != nil {
		w.t.Fatal(err)
	}
	fate := random.IntN(100)
	if fate == 0 {
		time.Sleep(time.Duration(random.IntN(3000)) * time.Microsecond) // somewhere in the step
		w.kill()
		w.start()
		lines := w.everything()
		if !slices.Equal(lines, w.model.Everything()) {
			w.model = before
		}
		w.compare(fmt.Sprintf("killed during %+v", step), lines)
		return
	}
	var got catalogtest.Answer
	if err := w.out.Decode(&got); err != nil {
		w.t.Fatal(err)
	}
	if got != want {
		w.t.Fatalf("%+v\nanswered %+v\nwant     %+v", step, got, want)
	}
	if fate == 1 {
		w.kill()
		w.start()
		w.compare(fmt.Sprintf("killed after %+v", step), w.everything())
	}
}

func (w *walk) compare(when string, got []string) {
	w.t.Helper()
	if want := w.model.Everything(); !slices.Equal(got, want) {
		w.t.Fatalf("%s: there is\n%s\nwant\n%s", when, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestModel: random calls have the answers of a plain model, and nothing that was
// answered is lost, however often the process is killed in between.
func TestModel(t *testing.T) {
	t.Parallel()
	const walks = 4
	steps := modelSteps / walks
	if testing.Short() {
		steps /= 20
	}
	for seed := range uint64(walks) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := &walk{t: t, dir: t.TempDir(), model: catalogtest.New()}
			w.start()
			defer w.kill()
			random := rand.New(rand.NewPCG(seed, 3))
			for range steps {
				w.step(random)
			}
			w.compare("at the end", w.everything())
		})
	}
}
