package code

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/turn"
)

// maxUnpacking bounds how many packages are unpacked at the same time; more
// would only make all of them slow.
const maxUnpacking = 2

// Store is the folder of packages. Its methods may be called from anywhere; it
// starts no goroutines.
type Store struct {
	dir       string
	grace     time.Duration
	unpacking chan struct{} // capacity maxUnpacking
	digests   turn.Line     // one at a time makes or removes what a digest names

	mu    sync.Mutex
	inUse map[string]int  // by digest; callers of Folder who have not released
	whole map[string]bool // digests whose tree this process has checked
}

// Options are the choices of a Store.
type Options struct {
	// Grace is how long a package that nothing refers to is kept after it was
	// last put. It must be longer than a caller takes from Put to recording the
	// reference.
	Grace time.Duration
}

// Open makes the folder if need be and throws away what a killed process left
// half-made in it. Only one process may have it open (store.Lock).
func Open(dir string, options Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open code store: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "tmp")); err != nil {
		return nil, fmt.Errorf("sweep code store: %w", err)
	}
	// The function's user passes through on its way to a tree, but need not
	// see what else there is; the zips are nobody's business.
	for _, folder := range []struct {
		name string
		mode fs.FileMode
	}{{"", 0o711}, {"zip", 0o700}, {"tree", 0o711}, {"tmp", 0o700}} {
		path := filepath.Join(dir, folder.name)
		if err := os.MkdirAll(path, folder.mode); err != nil {
			return nil, fmt.Errorf("open code store: %w", err)
		}
		if err := os.Chmod(path, folder.mode); err != nil {
			return nil, fmt.Errorf("open code store: %w", err)
		}
	}
	return &Store{
		dir: dir, grace: options.Grace, unpacking: make(chan struct{}, maxUnpacking),
		inUse: map[string]int{}, whole: map[string]bool{},
	}, nil
}

// Put keeps the zip and unpacks it, which is the only proof that it can be
// unpacked. When it returns, the bytes are on the disk. A *lambda.Error says
// what is wrong with the package.
func (s *Store) Put(ctx context.Context, zip []byte) (lambda.Code, error) {
	if int64(len(zip)) > lambda.MaxUnzipped {
		return lambda.Code{}, tooLarge()
	}
	if tooManyRecords(zip) {
		return lambda.Code{}, badZip("zip has too many entries")
	}
	a, err := readArchive(bytes.NewReader(zip), int64(len(zip)))
	if err != nil {
		return lambda.Code{}, err
	}
	sum := sha256.Sum256(zip)
	digest := hex.EncodeToString(sum[:])
	done, err := s.digests.Take(ctx, digest)
	if err != nil {
		return lambda.Code{}, err
	}
	defer done()
	defer s.use(digest)()
	if err := s.keepZip(digest, zip); err != nil {
		return lambda.Code{}, fmt.Errorf("keep package %s: %w", digest, err)
	}
	if err := s.makeWhole(ctx, digest); err != nil {
		if errors.Is(err, errBadZip) {
			// Nobody can refer to bytes that never unpacked.
			os.Remove(s.zipPath(digest))
		}
		return lambda.Code{}, fmt.Errorf("unpack package %s: %w", digest, err)
	}
	return lambda.Code{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Size: int64(len(zip)), Unzipped: a.unzipped}, nil
}

// Link makes code of a folder on this host that is used as it is, so that every
// change in it is seen by the next environment (hot reload).
func (s *Store) Link(folder string) (lambda.Code, error) {
	if !filepath.IsAbs(folder) {
		return lambda.Code{}, lambda.Errorf(lambda.InvalidParameter, "The hot reload folder %q must be an absolute path.", folder)
	}
	folder = filepath.Clean(folder)
	info, err := os.Stat(folder)
	if err != nil || !info.IsDir() {
		return lambda.Code{}, lambda.Errorf(lambda.InvalidParameter, "The hot reload folder %q is not a folder on this host.", folder)
	}
	sum := sha256.Sum256([]byte(folder))
	return lambda.Code{SHA256: base64.StdEncoding.EncodeToString(sum[:]), Folder: folder}, nil
}

// Open gives the zip's bytes as they were put.
func (s *Store) Open(_ context.Context, c lambda.Code) (io.ReadSeekCloser, error) {
	if c.Folder != "" {
		return nil, fmt.Errorf("open package: %s is a hot reload folder and has no zip", c.Folder)
	}
	digest, err := digestOf(c)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(s.zipPath(digest))
	if err != nil {
		return nil, fmt.Errorf("open package: %w", err)
	}
	return file, nil
}

// Folder tells where the code is unpacked, after unpacking it if need be. The
// folder stays until release is called, which may be done more than once. A
// context that ends stops the unpacking too; the next caller starts again.
func (s *Store) Folder(ctx context.Context, c lambda.Code) (dir string, release func(), err error) {
	if c.Folder != "" {
		if info, err := os.Stat(c.Folder); err != nil || !info.IsDir() {
			return "", nil, fmt.Errorf("open hot reload folder %s: not a folder on this host", c.Folder)
		}
		return c.Folder, func() {}, nil
	}
	digest, err := digestOf(c)
	if err != nil {
		return "", nil, err
	}
	release = s.use(digest)
	if !s.isWhole(digest) {
		if err := s.restore(ctx, digest); err != nil {
			release()
			return "", nil, err
		}
	}
	return s.treePath(digest), release, nil
}

func (s *Store) restore(ctx context.Context, digest string) error {
	done, err := s.digests.Take(ctx, digest)
	if err != nil {
		return err
	}
	defer done()
	err = s.makeWhole(ctx, digest)
	if errors.Is(err, errBadZip) {
		// It was good once, so this is our disk's fault and not the caller's.
		return fmt.Errorf("package %s is damaged: %v", digest, err)
	}
	if err != nil {
		return fmt.Errorf("unpack package %s: %w", digest, err)
	}
	return nil
}

// makeWhole sees to it that the digest's tree is there and right. The caller
// has the digest's turn.
func (s *Store) makeWhole(ctx context.Context, digest string) error {
	if s.isWhole(digest) {
		return nil
	}
	if err := s.checkTree(digest); err != nil {
		select {
		case s.unpacking <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		defer func() { <-s.unpacking }()
		if err := s.makeTree(ctx, digest); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole[digest] = true
	return nil
}

// isWhole is the quick answer for trees that this process has checked before.
// It looks at the folder itself all the same, which somebody may have removed.
func (s *Store) isWhole(digest string) bool {
	s.mu.Lock()
	known := s.whole[digest]
	s.mu.Unlock()
	if !known {
		return false
	}
	_, err := os.Lstat(s.treePath(digest))
	return err == nil
}

func (s *Store) checkTree(digest string) error {
	m, err := readManifest(s.manifestPath(digest))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(s.treePath(digest))
	if err != nil {
		return err
	}
	defer root.Close()
	boot := bootID()
	restarted := boot == "" || m.Boot != boot
	if err := m.check(root, restarted); err != nil || !restarted {
		return err
	}
	m.Boot = boot
	return s.writeManifest(digest, m)
}

// makeTree unpacks beside the final place and moves the tree there at the end.
func (s *Store) makeTree(ctx context.Context, digest string) error {
	zip, err := os.Open(s.zipPath(digest))
	if err != nil {
		return err
	}
	defer zip.Close()
	info, err := zip.Stat()
	if err != nil {
		return err
	}
	a, err := readArchive(zip, info.Size())
	if err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(s.tmpPath(), "tree-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh) // after the move there is nothing left of it
	m, err := unpackInto(ctx, a, fresh)
	if err != nil {
		return err
	}
	if err := s.discardTree(digest); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.treePath(digest)); err != nil {
		return err
	}
	return s.writeManifest(digest, m)
}

func unpackInto(ctx context.Context, a *archive, dir string) (manifest, error) {
	if err := os.Chmod(dir, folderMode); err != nil {
		return manifest{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return manifest{}, err
	}
	defer root.Close()
	return unpack(ctx, a, root)
}

func (s *Store) writeManifest(digest string, m manifest) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(s.tmpPath(), "manifest-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.manifestPath(digest))
}

// keepZip writes the zip durably, unless it is there already. Its time says
// when it was last put. The caller has the digest's turn.
func (s *Store) keepZip(digest string, zip []byte) error {
	path := s.zipPath(digest)
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, zip) {
		now := time.Now()
		return os.Chtimes(path, now, now)
	}
	file, err := os.CreateTemp(s.tmpPath(), "zip-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(zip)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func (s *Store) use(digest string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse[digest]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inUse[digest]--; s.inUse[digest] == 0 {
			delete(s.inUse, digest)
		}
	})
}

func (s *Store) zipPath(digest string) string      { return filepath.Join(s.dir, "zip", digest+".zip") }
func (s *Store) treePath(digest string) string     { return filepath.Join(s.dir, "tree", digest) }
func (s *Store) manifestPath(digest string) string { return s.treePath(digest) + ".json" }
func (s *Store) tmpPath() string                   { return filepath.Join(s.dir, "tmp") }

// digestOf turns the API's digest into a file name of ours, whatever it holds.
func digestOf(c lambda.Code) (string, error) {
	sum, err := base64.StdEncoding.DecodeString(c.SHA256)
	if err != nil || len(sum) != sha256.Size {
		return "", fmt.Errorf("%q is not the digest of a package", c.SHA256)
	}
	return hex.EncodeToString(sum), nil
}
