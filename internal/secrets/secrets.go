// Package secrets keeps the environment variables of functions, and the secrets of
// access keys, unreadable at rest. A store that is wrapped in Functions never sees one in clear: it is
// given a sealed text in their place, which only the key of this data folder
// opens (AES-256-GCM).
//
// The key is a file of its own beside the database, so that a copy or a backup
// of the database alone tells nothing. Who can read the key and the database
// can read the variables; whoever loses the key has lost them. A text is sealed
// for its function and version: moved to another one, it does not open.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyBytes makes AES-256.
const keyBytes = 32

// sealed begins every sealed text; the number stands for the way of sealing.
const sealed = "sealed:1:"

// Box seals and unseals with one key.
type Box struct {
	aead cipher.AEAD
	key  []byte
}

// Open reads the key file, or makes one with a new key where there is none. A
// file that is no key is an error and stays: a new key in its place would make
// everything that was sealed with the old one unreadable.
func Open(path string) (*Box, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	if len(key) != keyBytes {
		return nil, fmt.Errorf("secret key: %s has %d bytes and not %d, so it is no key of Lambent; restore it from a backup", path, len(key), keyBytes)
	}
	return newBox(key)
}

func newBox(key []byte) (*Box, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return &Box{aead, key}, nil
}

// makeKey writes a new key before anything can have been sealed with it.
func makeKey(path string) (key []byte, err error) {
	key = newMaterial()
	return key, writeWhole(path, key)
}

func newMaterial() []byte {
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails
	return key
}

// writeWhole writes such that a kill or a loss of power leaves the whole text, or
// what was there before.
func writeWhole(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone after the rename
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Derive makes a key of its own for a purpose; it is the same after a restart, and
// tells nothing about any other.
func (b *Box) Derive(purpose string) []byte {
	h := hmac.New(sha256.New, b.key)
	h.Write([]byte("lambent key for " + purpose))
	return h.Sum(nil)
}

// Seal makes a text of plain that opens for the same owner only.
func (b *Box) Seal(plain []byte, owner string) string {
	nonce := make([]byte, b.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return sealed + base64.StdEncoding.EncodeToString(b.aead.Seal(nonce, nonce, plain, []byte(owner)))
}

// ErrSealed says that a text cannot be opened: it was sealed with another key or
// for another owner, or was changed.
var ErrSealed = errors.New("sealed with another key, or changed since")

// Unseal opens a text of Seal.
func (b *Box) Unseal(text, owner string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, sealed)
	if !ok {
		return nil, ErrSealed
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(data) < b.aead.NonceSize() {
		return nil, ErrSealed
	}
	nonce, box := data[:b.aead.NonceSize()], data[b.aead.NonceSize():]
	plain, err := b.aead.Open(nil, nonce, box, []byte(owner))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}
