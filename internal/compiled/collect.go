package compiled

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// publish puts an outcome in its place: the folder, or an empty file where there
// is nothing to be gained.
func (s *Store) publish(name, fresh string, worth bool) error {
	if !worth {
		none := fresh + ".none"
		if err := os.WriteFile(none, nil, 0o600); err != nil {
			return err
		}
		fresh = none
		defer os.Remove(none)
	} else if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	place := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(place), 0o711); err != nil {
		return err
	}
	if err := os.Rename(fresh, place); err != nil {
		return err
	}
	return s.prune(name)
}

// prune removes what the outcome took the place of, made by an interpreter that
// has gone, and the oldest of too many.
func (s *Store) prune(name string) error {
	dir, fresh := filepath.Split(name)
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	if err != nil {
		return err
	}
	type outcome struct {
		name string
		at   time.Time
	}
	var others []outcome
	var failures []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == fresh {
			continue
		}
		if succeeds(fresh, e.Name()) {
			failures = append(failures, s.remove(dir+e.Name()))
			continue
		}
		others = append(others, outcome{e.Name(), info.ModTime()})
	}
	slices.SortFunc(others, func(a, b outcome) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.name, b.name)) })
	for _, o := range others[min(len(others), mostOfOne-1):] {
		failures = append(failures, s.remove(dir+o.name))
	}
	return errors.Join(failures...)
}

// succeeds tells whether two outcomes differ in nothing but the interpreter of
// the same runtime.
func succeeds(a, b string) bool {
	x, y := strings.Split(a, "+"), strings.Split(b, "+")
	return len(x) == len(y) && len(x) >= 2 && x[0] == y[0] && slices.Equal(x[2:], y[2:])
}

// Collect removes the outcomes of packages and layers that keep refuses by their
// digest (as in lambda.Code.SHA256). An environment that has one mounted
// compiles from then on what it has not loaded.
func (s *Store) Collect(ctx context.Context, keep func(sha256 string) bool) error {
	packages, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("collect compiled code: %w", err)
	}
	var failures []error
	for _, p := range packages {
		if ctx.Err() != nil {
			return errors.Join(append(failures, context.Cause(ctx))...)
		}
		if strings.HasPrefix(p.Name(), ".") {
			continue // being made
		}
		outcomes, err := os.ReadDir(filepath.Join(s.dir, p.Name()))
		failures = append(failures, err)
		for _, o := range outcomes {
			made := append([]string{p.Name()}, strings.Split(o.Name(), "+")[min(2, strings.Count(o.Name(), "+")+1):]...)
			if slices.ContainsFunc(made, func(of string) bool { return !keep(digest(of)) }) {
				failures = append(failures, s.remove(filepath.Join(p.Name(), o.Name())))
			}
		}
		_ = os.Remove(filepath.Join(s.dir, p.Name())) // if it is empty
	}
	return errors.Join(failures...)
}

// remove takes an outcome away, unless somebody is about to mount it; then a
// later Collect does.
func (s *Store) remove(name string) error {
	old, err := os.MkdirTemp(s.dir, ".old-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(old)
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.given[name]) < inHand {
		return nil
	}
	delete(s.given, name)
	err = os.Rename(filepath.Join(s.dir, name), filepath.Join(old, "outcome"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
