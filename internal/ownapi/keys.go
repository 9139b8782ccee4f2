package ownapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"lambent/internal/lambda"
)

// Key is an access key as people see it.
type Key struct {
	ID      string    `json:"id"`
	User    string    `json:"user"`
	Account string    `json:"account"`
	Created time.Time `json:"created"`
	// Secret is told once, when the key is made.
	Secret string `json:"secret,omitempty"`
}

// NewKey is what a key is made of.
type NewKey struct {
	User    string `json:"user"`
	Account string `json:"account,omitempty"` // empty: the server's
	// Policies are IAM documents.
	Policies []string `json:"policies"`
}

// KeysRevoked tells how many keys there were to revoke.
type KeysRevoked struct {
	Revoked int `json:"revoked"`
}

// Keys makes and ends access keys. Its refusals are *lambda.Error.
type Keys interface {
	CreateKey(ctx context.Context, k NewKey) (Key, error)
	Keys() []Key
	RevokeKeys(ctx context.Context, keyOrUser string) (int, error)
}

// maxNewKey is far more than the longest policies of a user.
const maxNewKey = 1 << 20

func (h *Handler) keys(w http.ResponseWriter, _ *http.Request) { answer(w, h.Keys.Keys()) }

func (h *Handler) createKey(w http.ResponseWriter, r *http.Request) {
	var n NewKey
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNewKey)).Decode(&n); err != nil {
		http.Error(w, "the request is not the JSON of a key", http.StatusBadRequest)
		return
	}
	k, err := h.Keys.CreateKey(r.Context(), n)
	if err != nil {
		h.refuseKey(w, err)
		return
	}
	answer(w, k)
}

func (h *Handler) revokeKeys(w http.ResponseWriter, r *http.Request) {
	n, err := h.Keys.RevokeKeys(r.Context(), r.URL.Query().Get("key"))
	if err != nil {
		h.refuseKey(w, err)
		return
	}
	answer(w, KeysRevoked{n})
}

func (h *Handler) refuseKey(w http.ResponseWriter, err error) {
	var e *lambda.Error
	if errors.As(err, &e) {
		http.Error(w, e.Message, http.StatusBadRequest)
		return
	}
	h.failed(w, "the keys can't be changed", err)
}

func answer(w http.ResponseWriter, page any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page) // the reader is gone: nobody to tell
}
