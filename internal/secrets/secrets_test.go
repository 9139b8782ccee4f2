package secrets

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSealAndUnseal(t *testing.T) {
	t.Parallel()
	box := open(t, filepath.Join(t.TempDir(), "secret.key"))
	for _, plain := range []string{"", "x", strings.Repeat("ünï", 2000)} {
		text := box.Seal([]byte(plain), "f:1")
		if plain != "" && strings.Contains(text, plain[1:]) && len(plain) > 1 {
			t.Errorf("the text shows what it seals: %.40s", text)
		}
		if text == box.Seal([]byte(plain), "f:1") {
			t.Error("sealing the same twice gives the same text, which tells that it is the same")
		}
		got, err := box.Unseal(text, "f:1")
		if err != nil || string(got) != plain {
			t.Errorf("unsealed %q, %v, want %q", got, err, plain)
		}
	}
}

func TestUnsealRefuses(t *testing.T) {
	t.Parallel()
	box := open(t, filepath.Join(t.TempDir(), "secret.key"))
	text := box.Seal([]byte("secret"), "f:1")
	swapped := []byte(text)
	swapped[len(swapped)-5] ^= 1
	for name, c := range map[string]struct{ text, owner string }{
		"another version":  {text, "f:2"},
		"another function": {text, "g:1"},
		"a changed byte":   {string(swapped), "f:1"},
		"a shorter text":   {text[:len(sealed)+8], "f:1"},
		"no base64":        {sealed + "!", "f:1"},
		"no sealed text":   {"secret", "f:1"},
		"nothing":          {"", "f:1"},
	} {
		if plain, err := box.Unseal(c.text, c.owner); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: opened as %q, %v", name, plain, err)
		}
	}
	other := open(t, filepath.Join(t.TempDir(), "secret.key"))
	if plain, err := other.Unseal(text, "f:1"); !errors.Is(err, ErrSealed) {
		t.Errorf("another key opened it: %q, %v", plain, err)
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	text := open(t, path).Seal([]byte("secret"), "f:1")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != keyBytes {
		t.Errorf("key file: %v, %v; want %d bytes that only the owner reads", info, err, keyBytes)
	}
	if plain, err := open(t, path).Unseal(text, "f:1"); err != nil || string(plain) != "secret" {
		t.Errorf("opened again: %q, %v", plain, err)
	}
	if others, _ := filepath.Glob(path + ".*"); len(others) > 0 {
		t.Errorf("left behind: %v", others)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a file that is no key was taken for one")
	}
	if left, _ := os.ReadFile(path); !bytes.Equal(left, []byte("short")) {
		t.Error("a file that is no key was overwritten")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent", "secret.key")); err == nil {
		t.Error("a key was made where there is no folder")
	}
}

func open(t *testing.T, path string) *Box {
	t.Helper()
	box, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return box
}
