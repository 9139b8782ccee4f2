package compiled

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/sandbox"
)

const (
	// leastUnzipped is how large a package and its layers are at least whose
	// modules are looked at. Smaller ones compile in less time than a mount takes.
	leastUnzipped = 16 << 10
	// inHand is how long an outcome that was given to somebody may take to be
	// mounted. It is not removed before.
	inHand = time.Minute
	// mostOfOne bounds how many outcomes one package has, of several layers and
	// interpreters.
	mostOfOne = 8
	// mostWanted bounds who waits to be compiled. What is dropped is wanted again
	// at its next start.
	mostWanted = 1000
	// tries is how often a version is compiled at most in the life of a Store.
	tries = 2
)

// Store is the folder of outcomes. Its methods may be called from anywhere.
type Store struct {
	dir  string
	most int64         // bytes of each file of an outcome
	wake chan struct{} // capacity 1: something is wanted

	mu     sync.Mutex
	wanted []order              // mu; the oldest first
	orders map[string]int       // mu; how often each was wanted, by name; those that came to an end are not in it
	given  map[string]time.Time // mu; when each was given last, by name
}

// order is a version to compile.
type order struct {
	name    string // empty: to be found out
	version *lambda.Version
}

// Open makes the folder if need be and throws away what a killed process left
// half-made in it.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o711)
	}
	if err == nil {
		err = os.Chmod(dir, 0o711) // functions pass through
	}
	if err != nil {
		return nil, fmt.Errorf("open compiled code: %w", err)
	}
	half, _ := filepath.Glob(filepath.Join(dir, ".*-*"))
	for _, path := range half {
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("sweep compiled code: %w", err)
		}
	}
	return &Store{dir: dir, most: usualMost, wake: make(chan struct{}, 1), orders: map[string]int{}, given: map[string]time.Time{}}, nil
}

// Mount gives the code that was compiled for the version, if there is some; if
// not, it has it made for those who come later.
func (s *Store) Mount(v *lambda.Version, p sandbox.Program) (m sandbox.Mount, ok bool) {
	if p.Compiler == nil || !worthLook(v) {
		return m, false
	}
	name := nameOf(v, p.Compiler)
	path := filepath.Join(s.dir, name)
	s.mu.Lock() // beside Collect, which must not remove what is given here
	info, err := os.Lstat(path)
	if err == nil && info.IsDir() {
		s.given[name] = time.Now()
	}
	s.mu.Unlock()
	if errors.Is(err, fs.ErrNotExist) {
		s.want(order{name, v})
	}
	return sandbox.Mount{Source: path, Target: p.Compiler.Target}, err == nil && info.IsDir()
}

// Expect has a version compiled that may be started soon, if it has to be.
func (s *Store) Expect(v *lambda.Version) {
	if worthLook(v) {
		s.want(order{version: v})
	}
}

// nameOf is the outcome's path in the folder.
func nameOf(v *lambda.Version, c *sandbox.Compiler) string {
	parts := []string{c.Accepts}
	for _, layer := range v.Layers {
		parts = append(parts, part(layer.Code.SHA256))
	}
	return filepath.Join(part(v.Code.SHA256), strings.Join(parts, "+"))
}

// worthLook is false for code that changes under its name (hot reload), and for
// what is too small.
func worthLook(v *lambda.Version) bool {
	unzipped, folder := v.Code.Unzipped, v.Code.Folder
	for _, layer := range v.Layers {
		unzipped += layer.Code.Unzipped
		folder += layer.Code.Folder
	}
	return unzipped >= leastUnzipped && folder == ""
}

// part turns a digest of the API's into a part of a file name, and back: the
// two alphabets of base64 differ in the characters that files cannot have.
func part(sha256 string) string {
	sum, _ := base64.StdEncoding.DecodeString(sha256) // of our own making
	return base64.RawURLEncoding.EncodeToString(sum)
}

func digest(part string) string {
	sum, _ := base64.RawURLEncoding.DecodeString(part)
	return base64.StdEncoding.EncodeToString(sum)
}

func (s *Store) want(o order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.name != "" && s.orders[o.name] > 0 || len(s.wanted) >= mostWanted {
		return
	}
	if o.name != "" {
		s.orders[o.name] = 1
	}
	s.wanted = append(s.wanted, o)
	s.poke()
}

// over says what became of an order. What failed is tried again, unless that is
// of no use.
func (s *Store) over(o order, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.orders, o.name)
		return
	}
	if s.orders[o.name]++; o.name != "" && s.orders[o.name] <= tries {
		s.wanted = append(s.wanted, o)
		s.poke()
	}
}

func (s *Store) next() (o order, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wanted) == 0 {
		return o, false
	}
	o, s.wanted = s.wanted[0], s.wanted[1:]
	return o, true
}

func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
