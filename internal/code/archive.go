package code

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
)

// Bounds on what a package may hold besides its bytes.
const (
	maxEntries   = 200_000 // files, links and folders, the implied ones too
	maxPath      = 3072    // bytes; with /var/task before it still a valid path
	maxComponent = 255     // bytes of one name, as file systems have it
	maxDepth     = 128     // folders inside folders
	maxTarget    = 1024    // bytes of what a symbolic link says
)

// errBadZip is AWS's whole answer to a package that it cannot unpack (F054).
// Why it could not is wrapped around it, for our log.
var errBadZip = &lambda.Error{
	Kind:    lambda.InvalidParameter,
	Message: "Could not unzip uploaded file. Please check your file, then try to upload again.",
}

// tooLarge is the answer to a package that unpacks to more than the limit (F058).
func tooLarge() error {
	return lambda.Errorf(lambda.InvalidParameter, "Unzipped size must be smaller than %d bytes", lambda.MaxUnzipped)
}

func badZip(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), errBadZip)
}

// entry is one thing to make in a tree.
type entry struct {
	path     string // clean, relative, with slashes
	kind     fs.FileMode
	mode     fs.FileMode // permission bits
	size     int64
	crc      uint32
	modified time.Time
	source   *zip.File // nil for an implied folder
}

// archive is a zip whose every name and size has been judged.
type archive struct {
	entries  []entry // folders before what is in them
	unzipped int64   // bytes of all files
}

// readArchive judges a zip without unpacking it.
func readArchive(r io.ReaderAt, size int64) (*archive, error) {
	reader, err := zip.NewReader(r, size)
	if err != nil {
		return nil, badZip("read directory of zip: %v", err)
	}
	if len(reader.File) > maxEntries {
		return nil, badZip("zip has %d entries, more than %d", len(reader.File), maxEntries)
	}
	byPath := make(map[string]entry, len(reader.File))
	for _, file := range reader.File {
		e, err := readEntry(file)
		if err != nil {
			return nil, err
		}
		if err := place(byPath, e); err != nil {
			return nil, err
		}
	}
	return newArchive(byPath)
}

// tooManyRecords tells whether a zip would cost much memory only to be listed.
// It may count what is inside stored jars as well, so it is generous.
func tooManyRecords(zip []byte) bool {
	return bytes.Count(zip, []byte("PK\x01\x02")) > 5*maxEntries
}

func newArchive(byPath map[string]entry) (*archive, error) {
	a := &archive{entries: make([]entry, 0, len(byPath))}
	for _, e := range byPath {
		// Each is at most the limit, so the sum cannot overflow.
		if a.unzipped += e.size; a.unzipped > lambda.MaxUnzipped {
			return nil, tooLarge()
		}
		a.entries = append(a.entries, e)
	}
	slices.SortFunc(a.entries, func(x, y entry) int { return cmp.Compare(x.path, y.path) })
	return a, nil
}

func readEntry(file *zip.File) (entry, error) {
	name := file.Name
	if madeOnDOS(file) {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	clean, err := cleanName(name)
	if err != nil {
		return entry{}, err
	}
	if file.Flags&1 != 0 {
		return entry{}, badZip("entry %q is encrypted", file.Name)
	}
	if file.Method != zip.Store && file.Method != zip.Deflate {
		return entry{}, badZip("entry %q is compressed by unknown method %d", file.Name, file.Method)
	}
	if file.UncompressedSize64 > lambda.MaxUnzipped {
		return entry{}, tooLarge()
	}
	e := entry{path: clean, size: int64(file.UncompressedSize64), crc: file.CRC32, modified: modified(file), source: file}
	if e.kind, e.mode, err = kindAndMode(file, strings.HasSuffix(name, "/")); err != nil {
		return entry{}, err
	}
	if e.kind == fs.ModeDir {
		e.size, e.crc = 0, 0
	}
	if e.kind == fs.ModeSymlink && e.size > maxTarget {
		return entry{}, badZip("target of link %q is too long", file.Name)
	}
	return e, nil
}

// cleanName judges a name as it stands in the zip. "./a" and "a//b" are what
// tools write and are fine; what could leave the folder is not.
func cleanName(name string) (string, error) {
	switch {
	case name == "":
		return "", badZip("an entry has no name")
	case strings.ContainsRune(name, 0):
		return "", badZip("name %q contains NUL", name)
	case strings.HasPrefix(name, "/"):
		return "", badZip("name %q is absolute", name)
	case len(name) > maxPath:
		return "", badZip("name of %d bytes is too long", len(name))
	case strings.Count(name, "/") > maxDepth:
		return "", badZip("name %q is too deep", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", badZip("name %q leaves the package", name)
		}
		if len(part) > maxComponent {
			return "", badZip("a part of name %q is too long", name)
		}
	}
	return path.Clean(name), nil
}

// place puts the entry, and the folders above it, among the others. Of two
// files with one name the last counts, as unzip has it; a name that is a file
// here and a folder there is refused.
func place(byPath map[string]entry, e entry) error {
	if e.path == "." {
		if e.kind != fs.ModeDir {
			return badZip("the package itself is an entry that is no folder")
		}
		return nil
	}
	if old, ok := byPath[e.path]; ok && (old.kind == fs.ModeDir) != (e.kind == fs.ModeDir) {
		return badZip("%q is both a folder and not", e.path)
	}
	byPath[e.path] = e
	for parent := path.Dir(e.path); parent != "."; parent = path.Dir(parent) {
		if old, ok := byPath[parent]; ok {
			if old.kind != fs.ModeDir {
				return badZip("%q is inside %q, which is no folder", e.path, parent)
			}
			break
		}
		byPath[parent] = entry{path: parent, kind: fs.ModeDir, mode: folderMode}
	}
	if len(byPath) > maxEntries {
		return badZip("zip makes more than %d files and folders", maxEntries)
	}
	return nil
}

const (
	folderMode  = 0o755
	defaultMode = 0o644 // of files without a Unix mode; see the package comment
)

// The creator of an entry, from the upper byte of "version made by".
const (
	creatorFAT  = 0
	creatorUnix = 3
	creatorNTFS = 11
	creatorVFAT = 14
	creatorMac  = 19
)

func creator(file *zip.File) uint16 { return file.CreatorVersion >> 8 }

func madeOnDOS(file *zip.File) bool {
	c := creator(file)
	return c == creatorFAT || c == creatorNTFS || c == creatorVFAT
}

// The file type bits of a Unix mode, as they stand in a zip.
const (
	unixType    = 0xf000
	unixRegular = 0x8000
	unixFolder  = 0x4000
	unixLink    = 0xa000
)

func kindAndMode(file *zip.File, slash bool) (kind, mode fs.FileMode, err error) {
	unix := uint32(0)
	if c := creator(file); c == creatorUnix || c == creatorMac {
		unix = file.ExternalAttrs >> 16
	}
	typ := unix & unixType
	if slash || typ == unixFolder {
		if typ != 0 && typ != unixFolder {
			return 0, 0, badZip("entry %q is a folder by name and something else by mode %#o", file.Name, unix)
		}
		return fs.ModeDir, folderMode, nil
	}
	mode = fs.FileMode(unix & 0o777)
	switch typ {
	case unixLink:
		return fs.ModeSymlink, 0o777, nil
	case 0, unixRegular:
		if unix == 0 {
			return 0, defaultMode, nil
		}
		// The owner is the daemon, who must be able to check what it unpacked;
		// the function's user is another one.
		return 0, mode | 0o400, nil
	}
	return 0, 0, badZip("entry %q is neither a file, a folder nor a link (mode %#o)", file.Name, unix)
}

// oldest is the first moment that a zip can express.
func oldest() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

func modified(file *zip.File) time.Time {
	// Whole seconds, so that the file system gives back what was set.
	t := file.Modified.Truncate(time.Second)
	if t.Before(oldest()) {
		return oldest()
	}
	return t
}
