package store

import (
	"context"
	"time"
)

// AccessKey is a lasting key of a user. Its secret is sealed before a store sees it.
type AccessKey struct {
	ID       string
	User     string
	Account  string   // empty: the server's own
	Secret   string   // sealed
	Policies []string // IAM documents
	Created  time.Time
}

// Keys remembers access keys.
type Keys interface {
	// EachAccessKey calls visit once for every key, in no particular order, until
	// visit fails; it returns that error as it is.
	EachAccessKey(ctx context.Context, visit func(AccessKey) error) error

	// PutAccessKey makes or replaces a key, by ID.
	PutAccessKey(ctx context.Context, k AccessKey) error

	// DeleteAccessKey removes a key. One that is not there is no error.
	DeleteAccessKey(ctx context.Context, id string) error
}
