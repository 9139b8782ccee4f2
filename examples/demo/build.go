package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// interpreter is one that the server has found on this host.
type interpreter struct{ Runtime, Version, Path string }

// buildAll makes the packages of the three functions.
func buildAll(ctx context.Context, s *server, dir string, say *story) ([]*function, error) {
	text, err := s.verb(ctx, "runtimes", "-o", "json")
	if err != nil {
		return nil, err
	}
	var here []interpreter
	if err := json.Unmarshal(text, &here); err != nil {
		return nil, fmt.Errorf("read the list of runtimes: %w", err)
	}
	var all []*function
	for _, build := range []func(context.Context, []interpreter, string, *story) (*function, error){thumbnail, orders, markdown} {
		f, err := build(ctx, here, dir, say)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// family gives the interpreters of a language that are here, the newest first.
func family(here []interpreter, name string) (found []interpreter, err error) {
	for _, i := range here {
		if i.Path != "" && strings.HasPrefix(i.Runtime, name) {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no %s on this host; lambent runtimes says how to get one", name)
	}
	return found, nil
}

// thumbnail is a Python function whose library comes from a layer.
func thumbnail(ctx context.Context, here []interpreter, dir string, say *story) (*function, error) {
	pythons, err := family(here, "python")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	layer := filepath.Join(dir, "layer")
	python, err := installPillow(ctx, pythons, filepath.Join(layer, "python"))
	if err != nil {
		return nil, err
	}
	f := &function{name: "thumbnail", runtime: python.Runtime, handler: "thumbnail.handler", layerName: "pillow", memory: 512}
	if f.layer, err = packed(layer); err != nil {
		return nil, err
	}
	task := filepath.Join(dir, "thumbnail")
	if err := copyFiles("examples/thumbnail", task, "thumbnail.py"); err != nil {
		return nil, err
	}
	if f.code, err = packed(task); err != nil {
		return nil, err
	}
	say.line("thumbnail  Python %s: pip install --target, a layer with Pillow (%s)", python.Version, round(time.Since(began)))
	return f, addPhotograph(f, say)
}

// installPillow uses the newest Python that has pip and a Pillow made for it.
func installPillow(ctx context.Context, pythons []interpreter, to string) (interpreter, error) {
	var all []error
	for _, p := range pythons {
		err := command(ctx, "", nil, p.Path, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check",
			"--only-binary=:all:", "--no-compile", "--target", to, "--requirement", "examples/thumbnail/requirements.txt")
		if err == nil {
			// A package is read-only in an environment, so what Python would
			// compile at every start is compiled now, and valid whatever
			// the files' times become on their way.
			err = command(ctx, "", nil, p.Path, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", to)
		}
		if err == nil {
			return p, nil
		}
		all = append(all, fmt.Errorf("install Pillow for %s: %w", p.Runtime, err))
		if err := os.RemoveAll(to); err != nil {
			return p, err
		}
	}
	return interpreter{}, errors.Join(all...)
}

// orders is a Node.js function with libraries from npm in its package.
func orders(ctx context.Context, here []interpreter, dir string, say *story) (*function, error) {
	nodes, err := family(here, "nodejs")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	task := filepath.Join(dir, "orders")
	if err := copyFiles("examples/orders", task, "index.mjs", "package.json", "package-lock.json"); err != nil {
		return nil, err
	}
	if err := command(ctx, task, nil, "npm", "ci", "--silent", "--omit=dev", "--ignore-scripts", "--no-bin-links",
		"--no-audit", "--no-fund", "--no-update-notifier"); err != nil {
		return nil, fmt.Errorf("install the libraries of orders: %w", err)
	}
	f := &function{name: "orders", runtime: nodes[0].Runtime, handler: "index.handler", memory: 256, calls: ordersCalls()}
	if f.code, err = packed(task); err != nil {
		return nil, err
	}
	say.line("orders     Node.js %s: npm ci, with papaparse and big.js (%s)", nodes[0].Version, round(time.Since(began)))
	return f, nil
}

// markdown is a Go program on AWS's own client of the Runtime API.
func markdown(ctx context.Context, _ []interpreter, dir string, say *story) (*function, error) {
	began := time.Now()
	task := filepath.Join(dir, "markdown")
	if err := command(ctx, "examples/markdown", []string{"CGO_ENABLED=0", "GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH},
		"go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", filepath.Join(task, "bootstrap"), "."); err != nil {
		return nil, fmt.Errorf("build markdown: %w", err)
	}
	f := &function{name: "markdown", runtime: "provided.al2023", handler: "bootstrap", memory: 128, calls: markdownCalls()}
	var err error
	if f.code, err = packed(task); err != nil {
		return nil, err
	}
	say.line("markdown   %s: go build, with aws-lambda-go and goldmark (%s)", strings.Replace(runtime.Version(), "go", "Go ", 1), round(time.Since(began)))
	return f, nil
}

// command runs a program; what it prints is part of the error.
func command(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, bytes.TrimSpace(out))
	}
	return nil
}

func copyFiles(from, to string, names ...string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// packed makes a zip of a folder.
func packed(dir string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack %s: %w", dir, err)
	}
	return out.Bytes(), nil
}
