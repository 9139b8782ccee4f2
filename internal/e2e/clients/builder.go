package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// builder is the place where a package is made.
type builder struct {
	ctx   context.Context // of the one call that builds
	work  string          // scratch
	out   string          // what becomes the package
	cache string          // kept between builds, for what is heavy
}

// run runs a program in a folder.
func (b builder) run(dir string, env []string, name string, args ...string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return missing(name)
	}
	cmd := exec.CommandContext(b.ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, tail(out))
	}
	return nil
}

// tail is the end of a program's output, where the reason is.
func tail(out []byte) []byte { return out[max(0, len(out)-2000):] }

// copy puts one of the embedded sources somewhere.
func (b builder) copy(source, to string) error {
	data, err := sources.ReadFile("testdata/" + source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// bootstrap writes the package's entry.
func (b builder) bootstrap(text string) error {
	return os.WriteFile(filepath.Join(b.out, "bootstrap"), []byte(text), 0o755)
}

// shown returns the first of the programs that is there and below /usr, where
// sandboxes show it.
func shown(paths ...string) (string, error) {
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err == nil && strings.HasPrefix(real, "/usr/") {
			return path, nil
		}
	}
	return "", missing(strings.Join(paths, " or "))
}
