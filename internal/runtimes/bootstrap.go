package runtimes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// writeBootstrap writes a family's bootstrap to a folder that is named by its
// content, unless it is there. The folder appears whole or not at all, so a
// daemon that is killed leaves nothing that a later one would take for good.
func writeBootstrap(dir string, f Family) (string, error) {
	files := f.Bootstrap()
	name, err := contentName(f.Name(), files)
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	folder := filepath.Join(dir, name)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(dir, ".new-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := os.CopyFS(fresh, files); err != nil {
		return "", err
	}
	if err := readable(fresh); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, folder); err != nil && !errors.Is(err, fs.ErrExist) {
		if _, lost := os.Stat(folder); lost != nil { // another daemon won the race
			return "", err
		}
	}
	return folder, nil
}

// contentName is the family's name with a digest of paths and contents.
func contentName(family string, files fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := files.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		io.WriteString(h, path+"\x00")
		_, err = io.Copy(h, file) // some are megabytes, which the heap need not hold
		return err
	})
	if err != nil {
		return "", err
	}
	return family + "-" + hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// readable opens the tree to the user that functions run as, whatever the
// daemon's umask is. Shell scripts become executable: embedding forgets modes.
func readable(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			return nil // chmod would follow it: a rehearsal's once led back to root, which nobody could enter then
		}
		mode := fs.FileMode(0o644)
		if d.IsDir() || strings.HasSuffix(path, ".sh") || filepath.Base(path) == "bootstrap" {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}

// prepare runs a family's Prepare once per folder and interpreter. Its failure
// costs speed only, so it is retried at the next start and not reported.
func prepare(ctx context.Context, p Preparer, found Found, host *Host, folder string) {
	info, err := os.Stat(found.Path)
	if err != nil {
		return
	}
	sum := sha256.Sum256([]byte(found.Path + "\x00" + found.Version + "\x00" + info.ModTime().String()))
	mark := filepath.Join(folder, ".prepared-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(mark); err == nil {
		return
	}
	if p.Prepare(ctx, found, host, folder) == nil && readable(folder) == nil {
		os.WriteFile(mark, nil, 0o644)
	}
}
