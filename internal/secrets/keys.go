package secrets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"lambent/internal/lambda"
)

// The states of a key.
const (
	KeyEnabled  = "Enabled"
	KeyDisabled = "Disabled"
)

// keySealed begins every text that a key of the ring sealed.
const keySealed = "sealed:key:1:"

// Key is one key of a ring, without what opens anything.
type Key struct {
	ID, ARN     string
	State       string
	Description string
	Created     time.Time
}

// keyFile is a key as its file has it.
type keyFile struct {
	State       string
	Description string
	Created     time.Time
	Material    []byte
}

// Ring is Lambent's own key store: a folder with a file for each key, which
// functions refer to as KMSKeyArn. The files are read when they are needed, so a
// change by another process counts at once.
type Ring struct {
	Folder string
	Home   lambda.Home

	mu    sync.Mutex
	boxes map[string]*Box // mu; by id: what was used once opens and seals until the end
}

// keyID is a UUID, and so never the name of another file.
var keyID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ErrNoKey says that a ring does not have a key.
var ErrNoKey = errors.New("there is no such key")

func (r *Ring) prefix() string {
	return "arn:" + r.Home.Partition + ":kms:" + r.Home.Region + ":" + r.Home.Account + ":key/"
}

func (r *Ring) path(id string) string { return filepath.Join(r.Folder, id+".json") }

// Create makes an enabled key.
func (r *Ring) Create(description string, now time.Time) (Key, error) {
	if err := os.MkdirAll(r.Folder, 0o700); err != nil {
		return Key{}, fmt.Errorf("make the folder of keys: %w", err)
	}
	id := uuid.NewString()
	f := keyFile{State: KeyEnabled, Description: description, Created: now.UTC().Truncate(time.Second), Material: newMaterial()}
	return r.key(id, f), r.write(id, f)
}

// Keys lists all keys, the oldest first.
func (r *Ring) Keys() ([]Key, error) {
	entries, err := os.ReadDir(r.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the folder of keys: %w", err)
	}
	var keys []Key
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !keyID.MatchString(id) {
			continue
		}
		f, err := r.read(id)
		if err != nil {
			return nil, err
		}
		keys = append(keys, r.key(id, f))
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return a.Created.Compare(b.Created) })
	return keys, nil
}

// SetState enables or disables a key, named by its id or ARN.
func (r *Ring) SetState(name, state string) (Key, error) {
	id := strings.TrimPrefix(name, r.prefix())
	f, err := r.read(id)
	if err != nil {
		return Key{}, err
	}
	f.State = state
	return r.key(id, f), r.write(id, f)
}

// Delete removes a disabled key. What it sealed is lost.
func (r *Ring) Delete(name string) error {
	id := strings.TrimPrefix(name, r.prefix())
	f, err := r.read(id)
	if err != nil {
		return err
	}
	if f.State != KeyDisabled {
		return fmt.Errorf("key %s is enabled: disable it first, and delete it when nothing misses it", id)
	}
	if err := os.Remove(r.path(id)); err != nil {
		return fmt.Errorf("delete key %s: %w", id, err)
	}
	return syncFolder(r.Folder)
}

func (r *Ring) key(id string, f keyFile) Key {
	return Key{ID: id, ARN: r.prefix() + id, State: f.State, Description: f.Description, Created: f.Created}
}

func (r *Ring) read(id string) (f keyFile, err error) {
	if !keyID.MatchString(id) {
		return f, ErrNoKey
	}
	text, err := os.ReadFile(r.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return f, ErrNoKey
	}
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err == nil && len(f.Material) != keyBytes {
		err = fmt.Errorf("%d bytes and not %d", len(f.Material), keyBytes)
	}
	if err != nil {
		return f, fmt.Errorf("read key %s: %w", id, err)
	}
	return f, nil
}

func (r *Ring) write(id string, f keyFile) error {
	text, err := json.Marshal(f)
	if err == nil {
		err = writeWhole(r.path(id), text)
	}
	if err != nil {
		return fmt.Errorf("write key %s: %w", id, err)
	}
	return nil
}

// Usable answers nil when variables can be sealed with the key of this ARN, and
// otherwise what AWS answers who chooses it.
func (r *Ring) Usable(arn string) error {
	exception, message := r.trouble(arn)
	if exception == "" {
		return nil
	}
	return lambda.Errorf(lambda.InvalidParameter, "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. "+
		"Please check your KMS key settings. KMS Exception: %s KMS Message: %s", exception, message)
}

// trouble is KMS's own exception for a key that cannot be used.
func (r *Ring) trouble(arn string) (exception, message string) {
	if strings.Contains(arn, ":alias/") {
		return "InvalidArnException", "Key Aliases are not supported for this operation."
	}
	id, ok := strings.CutPrefix(arn, r.prefix())
	if !ok {
		return notFoundException, "Key '" + arn + "' does not exist"
	}
	f, err := r.read(id)
	if err != nil {
		return notFoundException, "Key '" + arn + "' does not exist"
	}
	if f.State != KeyEnabled {
		return disabledException, arn + " is disabled."
	}
	return "", ""
}

const (
	notFoundException = "NotFoundException"
	disabledException = "DisabledException"
)

// Open gives a version with its variables in clear, or what AWS answers who
// invokes it, when its key cannot be used now. One without a key is given as it is.
func (r *Ring) Open(v *lambda.Version) (*lambda.Version, error) {
	if v.KMSKeyARN == "" || len(v.Environment) == 0 {
		return v, nil
	}
	if exception, message := r.trouble(v.KMSKeyARN); exception != "" {
		return nil, undecrypted(exception, message)
	}
	if !inRing(v) {
		return v, nil
	}
	plain, err := r.unseal(v.KMSKeyARN, v.Environment[0].Value, v.Function)
	if err != nil {
		return nil, undecrypted("InvalidCiphertextException", "")
	}
	opened := *v
	opened.Environment = nil
	if err := json.Unmarshal(plain, &opened.Environment); err != nil {
		return nil, fmt.Errorf("environment variables of %s:%s: %w", v.Function, v.Number, err)
	}
	return &opened, nil
}

func undecrypted(exception, message string) error {
	kind, because := lambda.KMSAccessDenied, "KMS access was denied"
	switch exception {
	case notFoundException:
		kind, because = lambda.KMSNotFound, "the KMS key was not found"
	case disabledException:
		kind, because = lambda.KMSDisabled, "the KMS key used is disabled"
	}
	return lambda.Errorf(kind, "Lambda was unable to decrypt the environment variables because %s. "+
		"Please check the function's KMS key settings. KMS Exception: %s KMS Message: %s", because, exception, message)
}

// inRing tells a version whose variables stayed sealed because their key was not
// there when it was read.
func inRing(v *lambda.Version) bool {
	return len(v.Environment) == 1 && v.Environment[0].Name == "" && strings.HasPrefix(v.Environment[0].Value, keySealed)
}

// box is what seals and opens for an ARN, whatever the key's state: that is for
// those who use functions, not for the store.
func (r *Ring) box(arn string) (*Box, error) {
	id := strings.TrimPrefix(arn, r.prefix())
	r.mu.Lock()
	box := r.boxes[id]
	r.mu.Unlock()
	if box != nil {
		return box, nil
	}
	f, err := r.read(id)
	if err != nil {
		return nil, err
	}
	if box, err = newBox(f.Material); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.boxes == nil {
		r.boxes = map[string]*Box{}
	}
	r.boxes[id] = box
	return box, nil
}

// seal makes a text for one function; AWS's encryption context is the function
// as well, and not its version.
func (r *Ring) seal(arn string, plain []byte, function string) (string, error) {
	box, err := r.box(arn)
	if err != nil {
		return "", err
	}
	return keySealed + strings.TrimPrefix(box.Seal(plain, function), sealed), nil
}

func (r *Ring) unseal(arn, text, function string) ([]byte, error) {
	box, err := r.box(arn)
	if err != nil {
		return nil, err
	}
	return box.Unseal(sealed+strings.TrimPrefix(text, keySealed), function)
}
