package code

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Collect removes the packages that nobody needs: those that keep refuses by
// their digest (as in lambda.Code.SHA256), that nobody has open by Folder, and
// that were not put within the grace. It goes on past a package that it cannot
// remove and tells at the end.
func (s *Store) Collect(ctx context.Context, keep func(sha256 string) bool) error {
	digests, err := s.list()
	if err != nil {
		return fmt.Errorf("collect packages: %w", err)
	}
	var failures []error
	for digest, sha256 := range digests {
		if ctx.Err() != nil {
			return errors.Join(append(failures, context.Cause(ctx))...)
		}
		if keep(sha256) {
			continue
		}
		if err := s.collect(ctx, digest); err != nil {
			failures = append(failures, fmt.Errorf("collect package %s: %w", digest, err))
		}
	}
	return errors.Join(failures...)
}

// list has every digest that has a zip or a tree, with its name in the API.
func (s *Store) list() (map[string]string, error) {
	digests := map[string]string{}
	for _, folder := range []string{"zip", "tree"} {
		entries, err := os.ReadDir(filepath.Join(s.dir, folder))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			digest, _, _ := strings.Cut(e.Name(), ".")
			sum, err := hex.DecodeString(digest)
			if err != nil {
				continue // not ours
			}
			digests[digest] = base64.StdEncoding.EncodeToString(sum)
		}
	}
	return digests, nil
}

func (s *Store) collect(ctx context.Context, digest string) error {
	done, err := s.digests.Take(ctx, digest)
	if err != nil {
		return err
	}
	defer done()
	if info, err := os.Stat(s.zipPath(digest)); err == nil && time.Since(info.ModTime()) < s.grace {
		return nil
	}
	if !s.forget(digest) {
		return nil
	}
	if err := s.discardTree(digest); err != nil {
		return err
	}
	if err := os.Remove(s.zipPath(digest)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// forget makes later callers of Folder look for the tree again, unless
// somebody uses it now.
func (s *Store) forget(digest string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inUse[digest] > 0 {
		return false
	}
	delete(s.whole, digest)
	return true
}

// discardTree takes a tree out of its place, the manifest first, so that no
// half-removed tree is ever believed. What is mounted in environments stays
// readable there: it is only moved then, and the next Open removes it.
func (s *Store) discardTree(digest string) error {
	if err := os.Remove(s.manifestPath(digest)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	old, err := os.MkdirTemp(s.tmpPath(), "old-")
	if err != nil {
		return err
	}
	err = os.Rename(s.treePath(digest), filepath.Join(old, "tree"))
	if errors.Is(err, os.ErrNotExist) {
		return os.Remove(old)
	}
	if err != nil {
		return errors.Join(err, os.Remove(old))
	}
	s.mu.Lock()
	mounted := s.inUse[digest] > 1 // one is the caller who found it damaged
	s.mu.Unlock()
	if mounted {
		return nil
	}
	return os.RemoveAll(old)
}
