package code

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

// FuzzUnpack holds every input to this: it is refused with an error that its
// sender may read, or it becomes a tree that passes its own check, is as large
// as declared, has nothing in it but files, folders and links that stay inside,
// and nothing outside of it has changed.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{})
	f.Add(pack(f, file{name: "a/b.txt", content: "hello", deflate: true, mode: 0o100644}))
	f.Add(pack(f, file{name: "../a"}, file{name: "/b"}, file{name: `..\c`}))
	f.Add(pack(f, file{name: "l", content: "../../out", mode: 0o120777}, file{name: "d/up", content: "..", mode: 0o120777}))
	f.Add(pack(f, file{name: "d/", mode: 0o040755, modified: time.Unix(1e9, 0)}, file{name: "d/x", mode: 0o104755}))
	f.Add(pack(f, file{name: "n", mode: 0o020666}, file{name: "a"}, file{name: "a/b"}))
	f.Fuzz(func(t *testing.T, zip []byte) { tryToUnpack(t, zip) })
}

// FuzzEntries holds well-formed zips of any three entries to the same, since
// the bytes of a zip seldom survive being fuzzed.
func FuzzEntries(f *testing.F) {
	const link, regular, folder = 0o120777, 0o100644, 0o040755
	f.Add("a", uint32(regular), "x", "d/b", uint32(regular), "y", "d/", uint32(folder), "", uint16(creatorUnix))
	f.Add("d/e/root", uint32(link), "../..", "sly", uint32(link), "d/e/root/../out", "d/e/f", uint32(regular), "z", uint16(creatorUnix))
	f.Add("l", uint32(link), "..", "l/out", uint32(regular), "mine?", "m", uint32(link), "l/out", uint16(creatorUnix))
	f.Add(`a\b`, uint32(0), "x", `..\out`, uint32(0), "y", "C:/x", uint32(0), "z", uint16(creatorFAT))
	f.Fuzz(func(t *testing.T, n1 string, m1 uint32, c1 string, n2 string, m2 uint32, c2 string, n3 string, m3 uint32, c3 string, creator uint16) {
		var entries []file
		for _, e := range []file{{name: n1, mode: m1, content: c1}, {name: n2, mode: m2, content: c2}, {name: n3, mode: m3, content: c3}} {
			if strings.HasSuffix(e.name, "/") {
				e.content = "" // zip.Writer takes none
			}
			e.creator = creator
			if len(e.name) <= 1<<16-1 {
				entries = append(entries, e)
			}
		}
		tryToUnpack(t, pack(t, entries...))
	})
}

func tryToUnpack(t *testing.T, zip []byte) {
	a, err := readArchive(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		var refusal *lambda.Error
		if !errors.As(err, &refusal) {
			t.Errorf("refused with %v, which its sender may not read", err)
		}
		return
	}
	if a.unzipped > 1<<20 {
		return // allowed, and too slow to try
	}
	outside := t.TempDir()
	inside := filepath.Join(outside, "tree")
	if err := errors.Join(os.Mkdir(inside, 0o755), os.WriteFile(filepath.Join(outside, "out"), []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	m, err := unpackInto(t.Context(), a, inside)
	left, readErr := os.ReadDir(outside)
	mine, _ := os.ReadFile(filepath.Join(outside, "out"))
	if readErr != nil || len(left) != 2 || string(mine) != "mine" {
		t.Fatalf("outside now has %v and out is %q", left, mine)
	}
	if err != nil {
		if !errors.Is(err, errBadZip) {
			t.Errorf("unpack: %v, want success or %v", err, errBadZip)
		}
		return
	}
	checkTreeOf(t, inside, a, m)
}

func checkTreeOf(t *testing.T, dir string, a *archive, m manifest) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := m.check(root, true); err != nil {
		t.Errorf("the tree fails its own check: %v", err)
	}
	var size int64
	err = walk(root, ".", func(path string, d fs.DirEntry) error {
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case 0:
			size += info.Size()
		case fs.ModeSymlink:
			if _, err := root.Stat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("link %q leaves: %v", path, err)
			}
		case fs.ModeDir:
		default:
			t.Errorf("%q is a %v", path, info.Mode())
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0 {
			t.Errorf("%q has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || size > a.unzipped {
		t.Errorf("the tree has %d bytes, %v; declared were %d", size, err, a.unzipped)
	}
}
