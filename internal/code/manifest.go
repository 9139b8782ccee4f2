package code

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
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
		name, err := strconv.Unquote(f.Path)
		if err != nil {
			return fmt.Errorf("%w: %q: %v", errDamaged, f.Path, err)
		}
		expected[name] = true
		if err := f.check(root, name, content); err != nil {
			return fmt.Errorf("%w: %v", errDamaged, err)
		}
	}
	return walk(root, ".", func(name string, _ fs.DirEntry) error {
		if !expected[name] {
			return fmt.Errorf("%w: %q was added", errDamaged, name)
		}
		return nil
	})
}

// walk visits everything under a folder of root. It is not fs.WalkDir, because
// an fs.FS knows only names in UTF-8 and packages have others.
func walk(root *os.Root, dir string, visit func(string, fs.DirEntry) error) error {
	folder, err := root.Open(dir)
	if err != nil {
		return fmt.Errorf("%w: %v", errDamaged, err)
	}
	entries, err := folder.ReadDir(-1)
	if err := errors.Join(err, folder.Close()); err != nil {
		return fmt.Errorf("%w: %v", errDamaged, err)
	}
	for _, e := range entries {
		at := path.Join(dir, e.Name())
		if err := visit(at, e); err != nil {
			return err
		}
		if !e.IsDir() {
			continue
		}
		if err := walk(root, at, visit); err != nil {
			return err
		}
	}
	return nil
}

func (f manifestFile) check(root *os.Root, name string, content bool) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if f.Mode&fs.ModeSymlink != 0 {
		target, err := root.Readlink(name)
		if err != nil {
			return err
		}
		if strconv.Quote(target) != f.Target {
			return fmt.Errorf("link %q points elsewhere", name)
		}
		return nil
	}
	if info.Mode() != f.Mode {
		return fmt.Errorf("%q has mode %v, not %v", name, info.Mode(), f.Mode)
	}
	if f.Mode.IsDir() {
		return nil
	}
	if info.Size() != f.Size || !info.ModTime().Equal(time.Unix(f.Modified, 0)) {
		return fmt.Errorf("%q has another size or time", name)
	}
	if content {
		return f.checkContent(root, name)
	}
	return nil
}

func (f manifestFile) checkContent(root *os.Root, name string) error {
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, file); err != nil {
		return err
	}
	if sum.Sum32() != f.CRC {
		return fmt.Errorf("%q has another content", name)
	}
	return nil
}
