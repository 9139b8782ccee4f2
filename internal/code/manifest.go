package code

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// manifest says what a tree must look like. It stands beside the tree and is
// written after it, so that a tree without one was never finished.
type manifest struct {
	// Boot is the run of the machine in which the tree was last known to be
	// whole. Within one run the page cache vouches for the content.
	Boot  string
	Files []manifestFile
}

type manifestFile struct {
	Path     string // quoted as in Go, since names need not be UTF-8
	Mode     fs.FileMode
	Size     int64  `json:",omitempty"` // of files
	CRC      uint32 `json:",omitempty"` // of files
	Modified int64  `json:",omitempty"` // of files; seconds
	Target   string `json:",omitempty"` // of links; quoted
}

var errDamaged = errors.New("tree does not match its manifest")

func newManifest(a *archive, links map[string]string) manifest {
	m := manifest{Boot: bootID(), Files: make([]manifestFile, 0, len(a.entries))}
	for _, e := range a.entries {
		f := manifestFile{Path: strconv.Quote(e.path), Mode: e.kind | e.mode}
		switch e.kind {
		case fs.ModeDir:
		case fs.ModeSymlink:
			target, ok := links[e.path]
			if !ok {
				continue
			}
			f.Mode, f.Target = fs.ModeSymlink, strconv.Quote(target)
		default:
			f.Size, f.CRC, f.Modified = e.size, e.crc, e.modified.Unix()
		}
		m.Files = append(m.Files, f)
	}
	return m
}

func readManifest(path string) (manifest, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return manifest{}, err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return manifest{}, fmt.Errorf("%w: %v", errDamaged, err)
	}
	return m, nil
}

// check tells whether the tree is what the manifest says: no file missing, none
// changed, none added. With content, every byte is read.
func (m manifest) check(root *os.Root, content bool) error {
	expected := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		path, err := strconv.Unquote(f.Path)
		if err != nil {
			return fmt.Errorf("%w: %q: %v", errDamaged, f.Path, err)
		}
		expected[path] = true
		if err := f.check(root, path, content); err != nil {
			return fmt.Errorf("%w: %v", errDamaged, err)
		}
	}
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != "." && !expected[path] {
			err = fmt.Errorf("%q was added", path)
		}
		if err != nil {
			return fmt.Errorf("%w: %v", errDamaged, err)
		}
		return nil
	})
}

func (f manifestFile) check(root *os.Root, path string, content bool) error {
	info, err := root.Lstat(path)
	if err != nil {
		return err
	}
	if f.Mode&fs.ModeSymlink != 0 {
		target, err := root.Readlink(path)
		if err != nil {
			return err
		}
		if strconv.Quote(target) != f.Target {
			return fmt.Errorf("link %q points elsewhere", path)
		}
		return nil
	}
	if info.Mode() != f.Mode {
		return fmt.Errorf("%q has mode %v, not %v", path, info.Mode(), f.Mode)
	}
	if f.Mode.IsDir() {
		return nil
	}
	if info.Size() != f.Size || !info.ModTime().Equal(time.Unix(f.Modified, 0)) {
		return fmt.Errorf("%q has another size or time", path)
	}
	if content {
		return f.checkContent(root, path)
	}
	return nil
}

func (f manifestFile) checkContent(root *os.Root, path string) error {
	file, err := root.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if sum.Sum32() != f.CRC {
		return fmt.Errorf("%q has another content", path)
	}
	return nil
}
