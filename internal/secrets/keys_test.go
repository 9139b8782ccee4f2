package secrets_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/secrets"
	"lambent/internal/store"
	"lambent/internal/store/sqlite"
)

func newRing(t *testing.T) *secrets.Ring {
	t.Helper()
	return &secrets.Ring{Folder: filepath.Join(t.TempDir(), "keys"), Home: lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}}
}

func newKey(t *testing.T, r *secrets.Ring) secrets.Key {
	t.Helper()
	key, err := r.Create("mine", time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// refused wants an error that callers read, of a kind and with a text.
func refused(t *testing.T, err error, kind lambda.Kind, text string) {
	t.Helper()
	if lambda.KindOf(err) != kind || err == nil || err.Error() != text {
		t.Errorf("answered kind %d, %v\nwant kind %d, %s", lambda.KindOf(err), err, kind, text)
	}
}

const (
	unsealable = "Lambda was unable to configure access to your environment variables because the KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: "
	unopenable = "Lambda was unable to decrypt the environment variables because "
	settings   = ". Please check the function's KMS key settings. KMS Exception: "
)

// TestKeyLife: a key is made, listed, disabled, enabled and deleted, and what AWS
// says of it follows at once.
func TestKeyLife(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	if keys, err := r.Keys(); err != nil || len(keys) != 0 {
		t.Errorf("an empty ring has %v (%v)", keys, err)
	}
	key := newKey(t, r)
	if keys, err := r.Keys(); err != nil || len(keys) != 1 || keys[0] != key || key.State != secrets.KeyEnabled || key.Description != "mine" {
		t.Errorf("the ring has %v (%v), want %v", keys, err, key)
	}
	if info, err := os.Stat(filepath.Join(r.Folder, key.ID+".json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file is %v (%v)", info.Mode(), err)
	}
	v := &lambda.Version{Function: "f", Number: "1", KMSKeyARN: key.ARN, Environment: []lambda.Variable{{Name: "a", Value: "b"}}}
	if err := r.Usable(key.ARN); err != nil {
		t.Error(err)
	}
	if opened, err := r.Open(v); err != nil || opened != v {
		t.Errorf("what is in clear was opened as %v (%v)", opened, err)
	}
	if err := r.Delete(key.ID); err == nil {
		t.Error("an enabled key was deleted")
	}
	if _, err := r.SetState(key.ARN, secrets.KeyDisabled); err != nil {
		t.Fatal(err)
	}
	refused(t, r.Usable(key.ARN), lambda.InvalidParameter, unsealable+"DisabledException KMS Message: "+key.ARN+" is disabled.")
	_, err := r.Open(v)
	refused(t, err, lambda.KMSDisabled, unopenable+"the KMS key used is disabled"+settings+"DisabledException KMS Message: "+key.ARN+" is disabled.")
	if _, err := r.SetState(key.ID, secrets.KeyEnabled); err != nil || r.Usable(key.ARN) != nil {
		t.Errorf("enabled again, the key is not usable: %v %v", err, r.Usable(key.ARN))
	}
	if _, err := r.SetState(key.ID, secrets.KeyDisabled); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(key.ARN); err != nil {
		t.Fatal(err)
	}
	_, err = r.Open(v)
	refused(t, err, lambda.KMSNotFound, unopenable+"the KMS key was not found"+settings+"NotFoundException KMS Message: Key '"+key.ARN+"' does not exist")
	if err := r.Delete(key.ARN); !errors.Is(err, secrets.ErrNoKey) {
		t.Errorf("deleting it again: %v", err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	r := newRing(t)
	newKey(t, r)
	alias := "arn:aws:kms:us-east-1:111111111111:alias/mine"
	refused(t, r.Usable(alias), lambda.InvalidParameter, unsealable+"InvalidArnException KMS Message: Key Aliases are not supported for this operation.")
	for _, arn := range []string{"arn:aws:kms:us-east-1:111111111111:key/none", "arn:aws:kms:eu-west-1:111111111111:key/x", "arn:aws:kms:us-east-1:111111111111:key/../../etc/passwd"} {
		refused(t, r.Usable(arn), lambda.InvalidParameter, unsealable+"NotFoundException KMS Message: Key '"+arn+"' does not exist")
	}
}

// TestVariablesUnderAKey: the database opens with the key alone, and what could
// not be opened when it was read is kept and opens when the key is there again.
func TestVariablesUnderAKey(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), newRing(t)
	key := newKey(t, r)
	change := secretive()
	for i := range change.Versions {
		change.Versions[i].KMSKeyARN = key.ARN
	}
	change.Function.Serving.KMSKeyARN = key.ARN
	box := open(t, filepath.Join(dir, "secret.key"))
	path := filepath.Join(dir, "lambent.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := (secrets.Functions{Store: db, Box: box, Ring: r}).PutFunction(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.Folder, key.ID+".json")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	again := &secrets.Ring{Folder: r.Folder, Home: r.Home} // as after a restart
	functions := secrets.Functions{Store: db, Box: box, Ring: again}
	latest := readLatest(t, functions)
	if _, err := again.Open(&latest); lambda.KindOf(err) != lambda.KMSNotFound {
		t.Errorf("without its key it opened: %v", err)
	}
	if err := functions.PutFunction(t.Context(), store.FunctionChange{Function: change.Function, Versions: []lambda.Version{latest}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	if opened, err := again.Open(&latest); err != nil || opened.Environment[0].Value != hunter {
		t.Errorf("with its key back it is %v (%v)", opened, err)
	}
	if latest = readLatest(t, functions); latest.Environment[0].Value != hunter {
		t.Errorf("read again it is %v", latest.Environment)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.Contains(text, []byte(hunter)) || bytes.Contains(text, []byte("PASSWORD_OF_MINE")) {
		t.Errorf("the database tells the variables (%v)", err)
	}
	if !strings.Contains(string(text), key.ARN) {
		t.Error("the search finds nothing at all")
	}
}

func readLatest(t *testing.T, functions secrets.Functions) (latest lambda.Version) {
	t.Helper()
	err := functions.EachFunction(t.Context(), func(_ store.Function, versions []lambda.Version) error {
		for _, v := range versions {
			if v.Number == lambda.Latest {
				latest = v
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return latest
}
