package code

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// unpack makes the archive's tree in an empty folder. Every path goes through
// the handle root, which nothing in a package can leave: neither a name nor a
// link. Links are made last, so that nothing is ever written through one.
func unpack(ctx context.Context, a *archive, root *os.Root) (manifest, error) {
	for _, e := range a.entries {
		if err := ctx.Err(); err != nil {
			return manifest{}, context.Cause(ctx)
		}
		var err error
		switch e.kind {
		case fs.ModeDir:
			err = makeFolder(root, e)
		case fs.ModeSymlink:
			continue
		default:
			err = makeFile(root, e)
		}
		if err != nil {
			return manifest{}, err
		}
	}
	links, err := makeLinks(a, root)
	if err != nil {
		return manifest{}, err
	}
	if err := setFolderTimes(a, root); err != nil {
		return manifest{}, err
	}
	return newManifest(a, links), nil
}

func makeFolder(root *os.Root, e entry) error {
	if err := root.Mkdir(e.path, folderMode); err != nil {
		return fmt.Errorf("unpack folder: %w", err)
	}
	// Mkdir's mode is subject to the umask.
	if err := root.Chmod(e.path, folderMode); err != nil {
		return fmt.Errorf("unpack folder: %w", err)
	}
	return nil
}

func makeFile(root *os.Root, e entry) error {
	file, err := root.OpenFile(e.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("unpack file: %w", err)
	}
	if err := errors.Join(fill(file, e), file.Chmod(e.mode), file.Close()); err != nil {
		return fmt.Errorf("unpack %s: %w", e.path, err)
	}
	if err := root.Chtimes(e.path, e.modified, e.modified); err != nil {
		return fmt.Errorf("unpack file: %w", err)
	}
	return nil
}

// fill writes the content and holds it to the size that was declared, and by
// archive/zip to the checksum.
func fill(file io.Writer, e entry) error {
	content, err := e.source.Open()
	if err != nil {
		return badZip("open entry: %v", err)
	}
	defer content.Close()
	source := &reading{from: io.LimitReader(content, e.size+1)}
	n, err := io.Copy(file, source)
	switch {
	case source.err != nil:
		return badZip("read entry: %v", source.err)
	case err != nil:
		return err
	case n != e.size:
		return badZip("entry is not of the %d bytes that it declares", e.size)
	}
	return nil
}

// reading remembers that reading failed, so that a bad zip is not blamed on
// the disk that is written to, nor a full disk on the zip.
type reading struct {
	from io.Reader
	err  error
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// makeLinks makes the links that stay inside and leaves out the others, which
// then are as good as dangling. It tells the targets of those that it kept.
func makeLinks(a *archive, root *os.Root) (map[string]string, error) {
	kept := map[string]string{}
	for _, e := range a.entries {
		if e.kind != fs.ModeSymlink {
			continue
		}
		var target strings.Builder
		if err := fill(&target, e); err != nil {
			return nil, fmt.Errorf("unpack link %s: %w", e.path, err)
		}
		if !staysInside(e.path, target.String()) {
			continue
		}
		if err := root.Symlink(target.String(), e.path); err != nil {
			return nil, fmt.Errorf("unpack link: %w", err)
		}
		kept[e.path] = target.String()
	}
	// A link through another link can leave although each looks harmless alone,
	// so the handle has the last word; on all of them before the first is taken
	// away, lest the outcome depend on the order.
	var leaving []string
	for link := range kept {
		if _, err := root.Stat(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			leaving = append(leaving, link)
		}
	}
	for _, link := range leaving {
		if err := root.Remove(link); err != nil {
			return nil, fmt.Errorf("remove link: %w", err)
		}
		delete(kept, link)
	}
	return kept, nil
}

func staysInside(link, target string) bool {
	if target == "" || path.IsAbs(target) || strings.ContainsRune(target, 0) {
		return false
	}
	joined := path.Join(path.Dir(link), target)
	return joined != ".." && !strings.HasPrefix(joined, "../")
}

// setFolderTimes comes after everything that changes folders; from the end, so
// that a folder is done after what is in it.
func setFolderTimes(a *archive, root *os.Root) error {
	for i := len(a.entries) - 1; i >= 0; i-- {
		e := a.entries[i]
		if e.kind != fs.ModeDir || e.source == nil {
			continue
		}
		if err := root.Chtimes(e.path, e.modified, e.modified); err != nil {
			return fmt.Errorf("set time of folder: %w", err)
		}
	}
	return nil
}
