package code

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
)

// file is one entry of a test's zip. mode is a Unix mode with its type bits; 0
// makes an entry without any.
type file struct {
	name, content string
	mode          uint32
	creator       uint16 // 0 means Unix when mode is set
	deflate       bool
	modified      time.Time
	raw           func(*zip.FileHeader)
}

func pack(t testing.TB, files ...file) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Modified: f.modified, CreatorVersion: f.creator << 8, ExternalAttrs: f.mode << 16}
		if f.creator == 0 && f.mode != 0 {
			h.CreatorVersion = creatorUnix << 8
		}
		if f.deflate {
			h.Method = zip.Deflate
		}
		if f.raw != nil {
			f.raw(h)
		}
		entry, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(entry, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{Grace: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *Store, zip []byte) lambda.Code {
	t.Helper()
	c, err := s.Put(t.Context(), zip)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func folder(t testing.TB, s *Store, c lambda.Code) string {
	t.Helper()
	dir, release, err := s.Folder(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return dir
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestPutOpenFolder(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	bytes := pack(t, file{name: "a.py", content: "print(1)"}, file{name: "lib/b.txt", content: strings.Repeat("b", 1000), deflate: true})
	c := put(t, s, bytes)
	sum := sha256.Sum256(bytes)
	want := lambda.Code{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(bytes)), Unzipped: 1008}
	if c != want {
		t.Errorf("Put: %+v, want %+v", c, want)
	}
	r, err := s.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || string(got) != string(bytes) {
		t.Errorf("Open: %d bytes, %v; want the %d that were put", len(got), err, len(bytes))
	}
	dir := folder(t, s, c)
	if got := read(t, filepath.Join(dir, "lib/b.txt")); len(got) != 1000 {
		t.Errorf("lib/b.txt has %d bytes, want 1000", len(got))
	}
	if again := folder(t, s, put(t, s, bytes)); again != dir {
		t.Errorf("the same bytes unpacked to %s and %s", dir, again)
	}
}

func TestPermissionsAndTimes(t *testing.T) {
	t.Parallel()
	when := time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)
	s := openStore(t, t.TempDir())
	dir := folder(t, s, put(t, s, pack(t,
		file{name: "bootstrap", mode: 0o100755, modified: when},
		file{name: "plain", mode: 0o100644},
		file{name: "secret", mode: 0o100600},
		file{name: "unreadable", mode: 0o100000},
		file{name: "setuid", mode: 0o104755},
		file{name: "modeless"},
		file{name: "windows.exe", creator: creatorNTFS},
		file{name: "macos", creator: creatorMac, mode: 0o100711},
		file{name: "typeless", mode: 0o640},
		file{name: "d/", mode: 0o040700, modified: when},
		file{name: "d/inner", mode: 0o100644},
		file{name: "implied/inner", mode: 0o100644},
		file{name: "nofslash", mode: 0o040755},
	)))
	want := map[string]fs.FileMode{
		"bootstrap": 0o755, "plain": 0o644, "secret": 0o600, "unreadable": 0o400, "setuid": 0o755, "modeless": 0o644,
		"windows.exe": 0o644, "macos": 0o711, "typeless": 0o640, "d": fs.ModeDir | 0o755, "d/inner": 0o644,
		"implied": fs.ModeDir | 0o755, "nofslash": fs.ModeDir | 0o755, ".": fs.ModeDir | 0o755,
	}
	for name, mode := range want {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, mode)
		}
	}
	for name, modified := range map[string]time.Time{"bootstrap": when, "d": when, "plain": oldest()} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.ModTime().Equal(modified) {
			t.Errorf("%s: modified %v, %v; want %v", name, info.ModTime(), err, modified)
		}
	}
}

func TestDOSNamesHaveFolders(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	dir := folder(t, s, put(t, s, pack(t,
		file{name: `win\lib\a.dll`, content: "a"},
		file{name: `unix\name`, content: "b", mode: 0o100644},
		file{name: "./dotted//twice", content: "c"})))
	for name, content := range map[string]string{"win/lib/a.dll": "a", `unix\name`: "b", "dotted/twice": "c"} {
		if got := read(t, filepath.Join(dir, name)); got != content {
			t.Errorf("%s: %q, want %q", name, got, content)
		}
	}
}

func TestLastOfTwoFilesCounts(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	dir := folder(t, s, put(t, s, pack(t, file{name: "a", content: "first"}, file{name: "a", content: "second!"},
		file{name: "d/"}, file{name: "d/"})))
	if got := read(t, filepath.Join(dir, "a")); got != "second!" {
		t.Errorf("a: %q, want the second", got)
	}
}

func TestLinksThatStayInsideAreKept(t *testing.T) {
	t.Parallel()
	const link = 0o120777
	s := openStore(t, t.TempDir())
	dir := folder(t, s, put(t, s, pack(t,
		file{name: "lib/libz.so.1", content: "z", mode: 0o100644},
		file{name: "lib/libz.so", content: "libz.so.1", mode: link},
		file{name: "bin/z", content: "../lib/libz.so", mode: link},
		file{name: "dangling", content: "nowhere", mode: link},
		file{name: "up", content: "..", mode: link},
		file{name: "absolute", content: "/etc/passwd", mode: link},
		file{name: "bin/far", content: "../../etc", mode: link},
		// Each of these two looks as if it stayed inside.
		file{name: "deep/er/root", content: "../..", mode: link},
		file{name: "sly", content: "deep/er/root/../x", mode: link},
		file{name: "slyer", content: "sly", mode: link},
		file{name: "loop", content: "loop", mode: link},
		file{name: "empty", content: "", mode: link},
		file{name: "nul", content: "a\x00b", mode: link},
	)))
	kept := []string{"lib/libz.so", "bin/z", "dangling", "deep/er/root"}
	for _, name := range kept {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s: %v, want a link", name, err)
		}
	}
	for _, name := range []string{"up", "absolute", "bin/far", "sly", "slyer", "loop", "empty", "nul"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want it left out", name, err)
		}
	}
	if got := read(t, filepath.Join(dir, "bin/z")); got != "z" {
		t.Errorf("bin/z through two links: %q, want z", got)
	}
	// Links are part of what is checked after a restart.
	if err := openStore(t, s.dir).checkTree(digest(t, s)); err != nil {
		t.Error(err)
	}
}

// digest is of the only package of the store.
func digest(t testing.TB, s *Store) string {
	t.Helper()
	all, err := s.list()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d packages, %v; want 1", len(all), err)
	}
	for d := range all {
		return d
	}
	return ""
}

func TestBadZips(t *testing.T) {
	t.Parallel()
	good := pack(t, file{name: "a.txt", content: strings.Repeat("hello ", 20), deflate: true})
	corrupt := bytes.Clone(good)
	corrupt[40] ^= 0xff
	deep := strings.Repeat("d/", maxDepth+1) + "f"
	tests := map[string][]byte{
		"nothing":               {},
		"text":                  []byte("def handler(event, context): pass"),
		"cut short":             good[:len(good)-30],
		"corrupt content":       corrupt,
		"absolute":              pack(t, file{name: "/etc/passwd"}),
		"parent":                pack(t, file{name: "../x"}),
		"parent in the middle":  pack(t, file{name: "a/../../x"}),
		"parent with backslash": pack(t, file{name: `..\x`}),
		"only a parent":         pack(t, file{name: ".."}),
		"NUL":                   pack(t, file{name: "a\x00b"}),
		"no name":               pack(t, file{name: ""}),
		"itself":                pack(t, file{name: "."}),
		"overlong path":         pack(t, file{name: strings.Repeat("abcdefghi/", 400)[:maxPath+1]}),
		"overlong name":         pack(t, file{name: strings.Repeat("n", maxComponent+1)}),
		"too deep":              pack(t, file{name: deep}),
		"block device":          pack(t, file{name: "sda", mode: 0o060644}),
		"character device":      pack(t, file{name: "null", mode: 0o020666}),
		"fifo":                  pack(t, file{name: "pipe", mode: 0o010644}),
		"socket":                pack(t, file{name: "sock", mode: 0o140644}),
		"file as folder":        pack(t, file{name: "a"}, file{name: "a/b"}),
		"folder as file":        pack(t, file{name: "a/b"}, file{name: "a"}),
		"through a link":        pack(t, file{name: "l", content: "/tmp", mode: 0o120777}, file{name: "l/x"}),
		"link by slash":         pack(t, file{name: "l/", mode: 0o120777}),
		"endless link":          pack(t, file{name: "l", content: strings.Repeat("x", maxTarget+1), mode: 0o120777}),
		"encrypted":             pack(t, file{name: "a", content: "x", raw: func(h *zip.FileHeader) { h.Flags |= 1 }}),
		"too many records":      bytes.Repeat([]byte("PK\x01\x02"), 5*maxEntries+1),
		"too many folders":      pack(t, deepFiles(maxEntries/maxDepth+1)...),
		"declares too little":   declaring(t, good, 3),
		"declares too much":     declaring(t, good, 250),
	}
	for name, zip := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, t.TempDir())
			_, err := s.Put(t.Context(), zip)
			if !errors.Is(err, errBadZip) {
				t.Errorf("Put: %v, want %v", err, errBadZip)
			}
			for _, folder := range []string{"zip", "tree", "tmp"} {
				if left, _ := os.ReadDir(filepath.Join(s.dir, folder)); len(left) != 0 {
					t.Errorf("%s still has %v", folder, left)
				}
			}
		})
	}
}

// deepFiles are n files, each inside as many folders of its own as may be.
func deepFiles(n int) []file {
	var all []file
	for i := range n {
		all = append(all, file{name: fmt.Sprintf("%d/%sf", i, strings.Repeat("d/", maxDepth-1))})
	}
	return all
}

// declaring changes the size that the only entry declares in the zip's directory.
func declaring(t testing.TB, zip []byte, size byte) []byte {
	t.Helper()
	changed := bytes.Clone(zip)
	record := bytes.Index(changed, []byte("PK\x01\x02"))
	copy(changed[record+24:], []byte{size, 0, 0, 0})
	return changed
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	const declared = lambda.MaxUnzipped / 2
	tests := map[string][]uint64{
		"one file":    {lambda.MaxUnzipped + 1},
		"two halves":  {declared, declared + 1},
		"overflowing": {1 << 62, 1 << 62, 1 << 62, 1 << 62},
	}
	for name, sizes := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			w := zip.NewWriter(&out)
			for i, size := range sizes {
				h := &zip.FileHeader{Name: string(rune('a' + i)), Method: zip.Deflate, UncompressedSize64: size, CompressedSize64: 2}
				raw, err := w.CreateRaw(h)
				if err != nil {
					t.Fatal(err)
				}
				raw.Write([]byte{3, 0})
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := openStore(t, t.TempDir()).Put(t.Context(), out.Bytes())
			if err == nil || err.Error() != "Unzipped size must be smaller than 262144000 bytes" {
				t.Errorf("Put: %v, want F058", err)
			}
		})
	}
}

func TestDamagedTreesAreMadeAgain(t *testing.T) {
	t.Parallel()
	bytes := pack(t, file{name: "a", content: "aaaa", mode: 0o100644}, file{name: "d/b", content: "b"}, file{name: "l", content: "a", mode: 0o120777})
	tests := map[string]func(t *testing.T, s *Store, dir string) error{
		"file removed": func(_ *testing.T, _ *Store, dir string) error { return os.Remove(filepath.Join(dir, "a")) },
		"file cut":     func(_ *testing.T, _ *Store, dir string) error { return os.Truncate(filepath.Join(dir, "a"), 2) },
		"mode changed": func(_ *testing.T, _ *Store, dir string) error { return os.Chmod(filepath.Join(dir, "a"), 0o600) },
		"file added": func(_ *testing.T, _ *Store, dir string) error {
			return os.WriteFile(filepath.Join(dir, "d/x"), nil, 0o644)
		},
		"link replaced": func(_ *testing.T, _ *Store, dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "l")), os.Symlink("/etc", filepath.Join(dir, "l")))
		},
		"file replaced by link": func(_ *testing.T, _ *Store, dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "a")), os.Symlink("d/b", filepath.Join(dir, "a")))
		},
		"tree removed":     func(_ *testing.T, _ *Store, dir string) error { return os.RemoveAll(dir) },
		"manifest removed": func(t *testing.T, s *Store, _ string) error { return os.Remove(s.manifestPath(digest(t, s))) },
		"manifest cut":     func(t *testing.T, s *Store, _ string) error { return os.Truncate(s.manifestPath(digest(t, s)), 20) },
		"content lost with the power": func(t *testing.T, s *Store, dir string) error {
			// Right size, mode and time, but zeros, and another boot: what a
			// power loss leaves of files that were never flushed.
			path := filepath.Join(dir, "a")
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			m, err := readManifest(s.manifestPath(digest(t, s)))
			if err != nil {
				return err
			}
			m.Boot = "an earlier one"
			return errors.Join(os.WriteFile(path, make([]byte, 4), 0o644), os.Chtimes(path, info.ModTime(), info.ModTime()), s.writeManifest(digest(t, s), m))
		},
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, t.TempDir())
			c := put(t, s, bytes)
			if err := damage(t, s, s.treePath(digest(t, s))); err != nil {
				t.Fatal(err)
			}
			s = openStore(t, s.dir)
			dir := folder(t, s, c)
			if got := read(t, filepath.Join(dir, "l")); got != "aaaa" {
				t.Errorf("a through l: %q, want aaaa", got)
			}
			if err := s.checkTree(digest(t, s)); err != nil {
				t.Error(err)
			}
			if left, _ := os.ReadDir(s.tmpPath()); len(left) != 0 {
				t.Errorf("tmp still has %v", left)
			}
		})
	}
}

func TestRemovedTreeIsMadeAgainInTheSameProcess(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	c := put(t, s, pack(t, file{name: "a", content: "a"}))
	if err := os.RemoveAll(s.treePath(digest(t, s))); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(folder(t, s, c), "a")); got != "a" {
		t.Errorf("a: %q", got)
	}
}

func TestDamagedZipIsOurFault(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	bytes := pack(t, file{name: "a", content: "a"})
	c := put(t, s, bytes)
	d := digest(t, s)
	if err := errors.Join(os.RemoveAll(s.treePath(d)), os.Truncate(s.zipPath(d), 10)); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Folder(t.Context(), c)
	var callers *lambda.Error
	if err == nil || errors.As(err, &callers) {
		t.Errorf("Folder of a damaged zip: %v, want an error of ours", err)
	}
	// Whoever puts the bytes again heals it.
	put(t, s, bytes)
	folder(t, s, c)
}

func TestManyCallersOneUnpacking(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	c := put(t, s, pack(t, file{name: "a", content: "a"}, file{name: "b/c", content: "c"}))
	if err := os.RemoveAll(s.treePath(digest(t, s))); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, s.dir)
	var all sync.WaitGroup
	inodes := make([]os.FileInfo, 20)
	for i := range inodes {
		all.Go(func() {
			dir, release, err := s.Folder(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			if inodes[i], err = os.Stat(filepath.Join(dir, "a")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, info := range inodes {
		if !os.SameFile(info, inodes[0]) {
			t.Error("callers saw different trees")
		}
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, t.TempDir())
		// Inside the bubble it is the year 2000, and the file system's clock is
		// not in it: times come from Put.
		kept := put(t, s, pack(t, file{name: "kept"}))
		used := put(t, s, pack(t, file{name: "used"}))
		idle := put(t, s, pack(t, file{name: "idle"}))
		for _, c := range []lambda.Code{kept, used, idle} {
			d, _ := digestOf(c)
			now := time.Now()
			if err := os.Chtimes(s.zipPath(d), now, now); err != nil {
				t.Fatal(err)
			}
		}
		_, release, err := s.Folder(t.Context(), used)
		if err != nil {
			t.Fatal(err)
		}
		collect := func() {
			t.Helper()
			if err := s.Collect(t.Context(), func(sum string) bool { return sum == kept.SHA256 }); err != nil {
				t.Fatal(err)
			}
		}
		have := func(c lambda.Code) bool {
			r, err := s.Open(t.Context(), c)
			if err == nil {
				r.Close()
			}
			return err == nil
		}
		collect()
		if !have(idle) {
			t.Error("idle was collected within its grace")
		}
		time.Sleep(2 * time.Hour)
		collect()
		if have(idle) || !have(used) || !have(kept) {
			t.Errorf("have idle %v, used %v, kept %v; want only idle gone", have(idle), have(used), have(kept))
		}
		release()
		release() // twice is fine
		collect()
		if have(used) || !have(kept) {
			t.Errorf("have used %v, kept %v; want used gone", have(used), have(kept))
		}
		if _, _, err := s.Folder(t.Context(), used); err == nil {
			t.Error("Folder of a collected package: no error")
		}
	})
}

func TestHotReload(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	live := t.TempDir()
	c, err := s.Link(live + "/.")
	if err != nil {
		t.Fatal(err)
	}
	if got := folder(t, s, c); got != live || c.Folder != live || c.SHA256 == "" {
		t.Errorf("Folder %s of %+v, want %s", got, c, live)
	}
	if _, err := s.Open(t.Context(), c); err == nil {
		t.Error("Open of a hot reload folder: no error")
	}
	for _, bad := range []string{"relative", live + "/absent", os.Args[0], ""} {
		if _, err := s.Link(bad); lambda.KindOf(err) != lambda.InvalidParameter {
			t.Errorf("Link(%q): %v, want InvalidParameter", bad, err)
		}
	}
}

func TestForeignDigests(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	for _, sum := range []string{"", "../../etc/passwd", "AAAA", base64.StdEncoding.EncodeToString(make([]byte, 31))} {
		if _, _, err := s.Folder(t.Context(), lambda.Code{SHA256: sum}); err == nil {
			t.Errorf("Folder of digest %q: no error", sum)
		}
		if _, err := s.Open(t.Context(), lambda.Code{SHA256: sum}); err == nil {
			t.Errorf("Open of digest %q: no error", sum)
		}
	}
}
