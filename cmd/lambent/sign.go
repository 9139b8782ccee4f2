package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"lambent/internal/access"
	"lambent/internal/secrets"
)

// ownName is the service that the client verbs sign for: Lambda's API and the
// server's own pages alike, in no region.
const ownName = "lambent"

func (c *client) path(name string) string { return filepath.Join(c.dataDir, name) }

// sign says who asks: the owner of the data folder, or whom the usual AWS variables
// name. Without either a request goes unsigned, which servers on loopback take.
func (c *client) sign(r *http.Request) error {
	keys, err := c.credentials()
	if err != nil || keys.AccessKeyID == "" {
		return err
	}
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return fmt.Errorf("read what to send: %w", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, r, hex.EncodeToString(sum[:]), ownName, "any", time.Now()); err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return nil
}

// credentials are the owner's where the data folder can be read. A folder that has
// no key has no server yet, and gets none from a client.
func (c *client) credentials() (aws.Credentials, error) {
	if _, err := os.Stat(c.path("secret.key")); err == nil {
		box, err := secrets.Open(c.path("secret.key"))
		if err == nil {
			owner := access.OwnerCredentials(box)
			return aws.Credentials{AccessKeyID: owner.AccessKey, SecretAccessKey: owner.Secret}, nil
		}
		if !errors.Is(err, fs.ErrPermission) {
			return aws.Credentials{}, err
		}
	}
	return aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	}, nil
}
