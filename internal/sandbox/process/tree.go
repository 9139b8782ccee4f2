package process

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"lambent/internal/sandbox"
)

// place is where a path inside begins on the host.
type place struct{ inside, host string }

// places finds a host folder for every target, merging trees where a target has
// several, and one for /tmp.
func places(folder string, mounts []sandbox.Mount) ([]place, error) {
	found := []place{{inside: "/tmp", host: filepath.Join(folder, "tmp")}}
	sources := map[string][]string{}
	var targets []string
	for _, m := range mounts {
		target := path.Clean(m.Target)
		if sources[target] == nil {
			targets = append(targets, target)
		}
		sources[target] = append(sources[target], m.Source)
	}
	for i, target := range targets {
		host := sources[target][0]
		if len(sources[target]) > 1 {
			host = filepath.Join(folder, fmt.Sprintf("tree%d", i))
			if err := merge(host, sources[target]); err != nil {
				return nil, fmt.Errorf("merge %s: %w", target, err)
			}
		} else if info, err := os.Stat(host); err != nil {
			return nil, fmt.Errorf("mount %s: %w", target, err)
		} else if !info.IsDir() {
			return nil, fmt.Errorf("mount %s: %s is not a folder", target, host)
		}
		found = append(found, place{inside: target, host: host})
	}
	return found, nil
}

// locate translates a path by the longest place that it is in.
func locate(places []place, inside string) string {
	clean := path.Clean(inside)
	best := place{}
	for _, p := range places {
		if (clean == p.inside || strings.HasPrefix(clean, strings.TrimSuffix(p.inside, "/")+"/")) && len(p.inside) > len(best.inside) {
			best = p
		}
	}
	if best.inside == "" {
		return inside
	}
	return filepath.Join(best.host, strings.TrimPrefix(clean, best.inside))
}

// merge makes one tree of several, in which a later one's files hide an earlier
// one's. Files are hard links where the file system allows, because
// interpreters look for neighbours of a module's real path and would leave the
// tree through a symbolic link.
func merge(target string, sources []string) error {
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	for _, source := range sources {
		if err := overlay(target, source); err != nil {
			return err
		}
	}
	return filepath.WalkDir(target, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			return os.Chmod(name, 0o555)
		}
		return err
	})
}

// overlay puts a tree over what is at target.
func overlay(target, source string) error {
	return filepath.WalkDir(source, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, name)
		if err != nil {
			return err
		}
		to := filepath.Join(target, rel)
		old, err := os.Lstat(to)
		there := err == nil
		if e.IsDir() {
			if there && old.IsDir() {
				return nil
			}
			if there {
				if err := os.Remove(to); err != nil {
					return err
				}
			}
			return os.Mkdir(to, 0o755)
		}
		if there {
			if err := os.RemoveAll(to); err != nil {
				return err
			}
		}
		return putEntry(to, name, e.Type())
	})
}

// putEntry puts one entry that is not a folder into the tree. Anything but files
// and links is left out: a layer has no use for devices and sockets.
func putEntry(to, from string, kind fs.FileMode) error {
	switch {
	case kind&fs.ModeSymlink != 0:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(link, to)
	case kind.IsRegular():
		if os.Link(from, to) == nil {
			return nil
		}
		return copyFile(to, from)
	}
	return nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// removeTree removes a folder whatever the modes are that a function gave to
// what it made there.
func removeTree(folder string) error {
	err := os.RemoveAll(folder)
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	// WalkDir reads a folder after its turn, so the mode is right in time.
	walkErr := filepath.WalkDir(folder, func(name string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			return os.Chmod(name, 0o700)
		}
		return nil
	})
	return errors.Join(os.RemoveAll(folder), walkErr)
}
