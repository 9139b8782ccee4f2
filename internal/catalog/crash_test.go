package catalog_test

import (
	azip "archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lambent/internal/catalog"
	"lambent/internal/code"
	"lambent/internal/lambda"
	"lambent/internal/store/sqlite"
)

// crashFolder, when set, makes the test binary the daemon that will be killed.
const crashFolder = "LAMBENT_TEST_CRASH"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashFolder); dir != "" {
		fmt.Fprintln(os.Stderr, doomed(dir))
		os.Exit(1)
	}
	if dir := os.Getenv(modelFolder); dir != "" {
		fmt.Fprintln(os.Stderr, serveModel(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// durable is a catalog on the real store and the real packages.
type durable struct {
	*catalog.Catalog
	packages *code.Store
	db       *sqlite.Store
}

func openDurable(ctx context.Context, dir string) (*durable, error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, "lambent.db"))
	if err != nil {
		return nil, err
	}
	packages, err := code.Open(filepath.Join(dir, "code"), code.Options{Grace: time.Hour})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	c := newCatalog(db, packages, &observer{})
	if err := c.Start(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &durable{Catalog: c, packages: packages, db: db}, nil
}

func (d *durable) close() error {
	d.Stop()
	return d.db.Close()
}

// doomed makes functions and layers for ever and says what was acknowledged,
// a line each, until somebody kills it.
func doomed(dir string) error {
	ctx := context.Background()
	d, err := openDurable(ctx, dir)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		v, err := d.PublishLayer(ctx, lambda.NewLayerVersion{Layer: "l", Package: lambda.Package{Zip: files("layer", i)}})
		if err != nil {
			return err
		}
		fmt.Println("layer", v.Number, v.Code.SHA256)
		n := newFunction(fmt.Sprintf("f%d", i))
		n.Package.Zip, n.Publish = files("function", i), true
		n.Settings.Layers = &[]string{layerARN("l", int(v.Number))}
		f, err := d.CreateFunction(ctx, n)
		if err != nil {
			return err
		}
		fmt.Println("function", n.Name, f.Code.SHA256)
		u, err := d.UpdateCode(ctx, n.Name, lambda.CodeUpdate{Package: lambda.Package{Zip: files("updated", i)}})
		if lambda.KindOf(err) == lambda.Conflict {
			continue // still Pending
		}
		if err != nil {
			return err
		}
		fmt.Println("function", n.Name, u.Code.SHA256)
	}
}

// files is a package that takes a moment to unpack.
func files(what string, i int) []byte {
	var out bytes.Buffer
	w := azip.NewWriter(&out)
	for j := range 40 {
		entry, _ := w.Create(fmt.Sprintf("%s/%d.txt", what, j))
		_, _ = io.WriteString(entry, strings.Repeat(fmt.Sprint(what, i, j), 50))
	}
	_ = w.Close()
	return out.Bytes()
}

// What was acknowledged before a kill is there after it, whole, and gets Active.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	functions, layers := map[string]string{}, map[string]string{}
	for _, lines := range []int{1, 2, 3, 5, 8, 13} {
		killAfter(t, dir, lines, functions, layers)
		// Each round goes on with fresh names in the folder that the last one left.
		synctest.Test(t, func(t *testing.T) { verify(t, dir, functions, layers) })
		if t.Failed() {
			return
		}
	}
}

// killAfter runs the doomed daemon until it has said so many lines, kills it
// at once, and notes everything that it said.
func killAfter(t *testing.T, dir string, lines int, functions, layers map[string]string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashFolder+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	for n := 1; scanner.Scan(); n++ {
		fields := strings.Fields(scanner.Text())
		if fields[0] == "layer" {
			layers[fields[1]] = fields[2]
		} else {
			functions[fields[1]] = fields[2]
		}
		if n == lines {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the daemon ended by itself: %v", err)
	}
}

func verify(t *testing.T, dir string, functions, layers map[string]string) {
	d, err := openDurable(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	synctest.Wait()
	for number, sum := range layers {
		var n int64
		fmt.Sscan(number, &n)
		v, err := d.LayerVersion(t.Context(), "l", n)
		if err != nil || v.Code.SHA256 != sum {
			t.Errorf("layer %s: %v, %v; want %s", number, v.Code, err, sum)
		}
	}
	for name, sum := range functions {
		if v, err := d.Function(t.Context(), name, ""); err != nil || (v.Code.SHA256 != sum && v.Update == "") {
			t.Errorf("function %s: %v, %v; want %s", name, v.Code, err, sum)
		}
	}
	// Whole and Active is everything, acknowledged or not.
	all, _, err := d.Functions(t.Context(), lambda.FunctionFilter{AllVersions: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.State != lambda.Active || v.Update != lambda.UpdateSuccessful {
			t.Errorf("%s:%s is %s %s, want Active Successful", v.Function, v.Number, v.State, v.Update)
		}
		d.checkContent(t, &v)
	}
	for name := range functions {
		if err := d.DeleteFunction(t.Context(), name, ""); err != nil {
			t.Error(err)
		}
		delete(functions, name)
	}
	for _, v := range all {
		_ = d.DeleteFunction(t.Context(), v.Function, "") // what was not acknowledged
	}
}

func (d *durable) checkContent(t *testing.T, v *lambda.Version) {
	t.Helper()
	zip, err := d.packages.Open(t.Context(), v.Code)
	if err != nil {
		t.Error(err)
		return
	}
	defer zip.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, zip); err != nil || base64.StdEncoding.EncodeToString(sum.Sum(nil)) != v.Code.SHA256 {
		t.Errorf("%s:%s: the zip is not what was uploaded (%v)", v.Function, v.Number, err)
	}
	task, opt, release, err := d.Catalog.Open(t.Context(), v)
	if err != nil {
		t.Error(err)
		return
	}
	defer release()
	for _, dir := range append(opt, task) {
		if found, err := filepath.Glob(filepath.Join(dir, "*", "*.txt")); err != nil || len(found) != 40 {
			t.Errorf("%s:%s: %d files in %s, %v; want 40", v.Function, v.Number, len(found), dir, err)
		}
	}
}
