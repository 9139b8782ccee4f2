package clients

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/go/function.go testdata/node/index.js testdata/python/app.py testdata/java/Function.java testdata/rust/Cargo.toml testdata/rust/Cargo.lock testdata/rust/src/main.rs
var sources embed.FS

// buildTimeout bounds a build; the native part of the Node.js client compiles
// for minutes on a busy machine.
const buildTimeout = 15 * time.Minute

// Client is one of AWS's runtime interface clients.
type Client struct {
	Name    string // "aws-lambda-go"
	Version string
	Handler string // what the function's configuration must name
	Needs   string // what a host must have to build and run it
	Heavy   bool   // compiles for minutes the first time; not built in short test runs

	sources string // its folder below testdata
	// build fills the folder with a package.
	build func(b builder) error
}

// All are the clients that we have packages of.
func All() []Client {
	return []Client{goClient(), nodeClient("3.3.0"), nodeClient("4.0.2"), pythonClient(), javaClient(), rustClient()}
}

// errMissing is a host that lacks what a client needs; it wraps what.
var errMissing = errors.New("not here")

func missing(what string) error { return fmt.Errorf("%s is %w", what, errMissing) }

// Package returns the zip file of the client's function. It skips the test when
// the host lacks something that the client needs.
func (c Client) Package(t testing.TB) []byte {
	t.Helper()
	path, err := c.place()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil && c.Heavy && testing.Short() {
		t.Skipf("%s %s is not built yet, and building it takes minutes", c.Name, c.Version)
	}
	data, err := c.load(path)
	if errors.Is(err, errMissing) {
		t.Skipf("%s %s needs %s: %v", c.Name, c.Version, c.Needs, err)
	}
	if err != nil {
		t.Fatalf("package %s %s: %v", c.Name, c.Version, err)
	}
	return data
}

// place is where the built package is kept.
func (c Client) place() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	digest, err := c.digest()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "lambent", "clients", c.Name+"-"+c.Version+"-"+digest+".zip"), nil
}

// load reads the package from its place, or builds it.
func (c Client) load(path string) ([]byte, error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if data, err := os.ReadFile(path); err == nil {
		return data, nil
	}
	work, err := os.MkdirTemp(dir, ".build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	b := builder{ctx: ctx, work: filepath.Join(work, "work"), out: filepath.Join(work, "package"), cache: dir}
	if err := errors.Join(os.Mkdir(b.work, 0o755), os.Mkdir(b.out, 0o755)); err != nil {
		return nil, err
	}
	if err := c.build(b); err != nil {
		return nil, err
	}
	packed := filepath.Join(work, "package.zip")
	if err := pack(b.out, packed); err != nil {
		return nil, err
	}
	if err := os.Rename(packed, path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// digest changes with whatever the package is made from.
func (c Client) digest() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, c.Name, c.Version, runtime.GOOS, runtime.GOARCH, recipe)
	err := fs.WalkDir(sources, "testdata/"+c.sources, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := sources.ReadFile(path)
		fmt.Fprintln(h, path, len(data))
		h.Write(data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:6]), err
}

// recipe is to be counted up when a build function changes what it makes.
const recipe = 1

// pack zips a folder, modes included. Links become what they lead to: packages
// are unpacked without them.
func pack(dir, path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return add(archive, dir, path)
	})
	if err != nil {
		return err
	}
	return errors.Join(archive.Close(), file.Close())
}

func add(archive *zip.Writer, dir, path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return err
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	header, err := zip.FileInfoHeader(info)
	if err != nil {
		return err
	}
	header.Name, header.Method = filepath.ToSlash(name), zip.Deflate
	header.SetMode(info.Mode() | 0o444)
	to, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

// script is a bootstrap that starts a command line in the package's folder.
func script(lines ...string) string {
	return "#!/bin/sh\nset -e\ncd \"$LAMBDA_TASK_ROOT\"\n" + strings.Join(lines, "\n") + "\n"
}
