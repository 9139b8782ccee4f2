package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"bytes"
	"encoding/json"

	"github.com/spf13/cobra"

	"lambent/internal/access"
	"lambent/internal/lambda"
	"lambent/internal/ownapi"
	"lambent/internal/secrets"
	"lambent/internal/store"
	"lambent/internal/store/sqlite"
)

// keyStore shows access as people see it.
type keyStore struct{ access *access.Access }

// CreateKey implements ownapi.Keys.
func (k keyStore) CreateKey(ctx context.Context, n ownapi.NewKey) (ownapi.Key, error) {
	c, err := k.access.CreateKey(ctx, access.NewKey{User: n.User, Account: n.Account, Policies: n.Policies})
	if err != nil {
		return ownapi.Key{}, err
	}
	for _, made := range k.Keys() {
		if made.ID == c.AccessKey {
			made.Secret = c.Secret
			return made, nil
		}
	}
	return ownapi.Key{}, lambda.Errorf(lambda.Conflict, "the key %s was revoked at once", c.AccessKey)
}

// Keys implements ownapi.Keys.
func (k keyStore) Keys() []ownapi.Key {
	all := []ownapi.Key{}
	for _, s := range k.access.ListKeys() {
		all = append(all, ownapi.Key{ID: s.ID, User: s.User, Account: s.Account, Created: s.Created})
	}
	return all
}

// RevokeKeys implements ownapi.Keys.
func (k keyStore) RevokeKeys(ctx context.Context, keyOrUser string) (int, error) {
	return k.access.RevokeKeys(ctx, keyOrUser)
}

// keysClient is the verb keys and its verbs.
type keysClient struct {
	client
	account string
	user    string
	policy  string
	admin   bool
}

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke access keys",
		Long: `Make, list and revoke the access keys that callers sign with.

Whoever can read the data folder of a server may do this, whether the server runs
(then it is asked, at --endpoint) or not.`,
	}
	cmd.AddCommand(newKeysCreate(), newKeysList(), newKeysRevoke())
	return cmd
}

func newKeysCreate() *cobra.Command {
	var c keysClient
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make an access key for a user; its secret is shown once",
		Example: "  lambent keys create me --admin\n  lambent keys create deployer --policy deployer.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.user = args[0]
			return c.create(cmd)
		},
	}
	c.keyFlags(cmd)
	cmd.Flags().BoolVar(&c.admin, "admin", false, "the user may do everything")
	cmd.Flags().StringVar(&c.policy, "policy", "", "file with the user's policy, in IAM's JSON")
	cmd.Flags().StringVar(&c.account, "account", "", "another account that the user belongs to; then only policies of functions let it in")
	return cmd
}

func newKeysList() *cobra.Command {
	var c keysClient
	cmd := &cobra.Command{
		Use: "list", Short: "List access keys", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.list(cmd) },
	}
	c.keyFlags(cmd)
	return cmd
}

func newKeysRevoke() *cobra.Command {
	var c keysClient
	cmd := &cobra.Command{
		Use: "revoke KEY-ID|NAME", Short: "End an access key, or all of a user, at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.revoke(cmd, args[0]) },
	}
	c.keyFlags(cmd)
	return cmd
}

func (c *keysClient) keyFlags(cmd *cobra.Command) { c.flags(cmd) }

// keysAt is who manages keys: the server, or the data folder where none runs.
type keysAt interface {
	CreateKey(ctx context.Context, k ownapi.NewKey) (ownapi.Key, error)
	ListKeys(ctx context.Context) ([]ownapi.Key, error)
	RevokeKeys(ctx context.Context, keyOrUser string) (int, error)
}

// with finds who manages the keys.
func (c *keysClient) with(ctx context.Context, use func(keysAt) error) (err error) {
	if err := os.MkdirAll(c.dataDir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	release, err := store.Lock(c.dataDir)
	var busy *store.InUse
	if errors.As(err, &busy) {
		return use(remoteKeys{&c.client})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	db, err := sqlite.Open(ctx, c.path("lambent.db"))
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	box, err := secrets.Open(c.path("secret.key"))
	if err != nil {
		return err
	}
	a, err := access.Open(ctx, access.Config{Home: lambda.Home{Partition: "aws"}, Keys: db, Sealer: box, Now: time.Now})
	if err != nil {
		return err
	}
	return use(localKeys{keyStore{a}})
}

// localKeys are the data folder's own. The account of a server is told at its
// start, and an empty one means it.
type localKeys struct{ keyStore }

func (k localKeys) ListKeys(context.Context) ([]ownapi.Key, error) { return k.Keys(), nil }

// remoteKeys are those of a server that runs.
type remoteKeys struct{ *client }

func (k remoteKeys) CreateKey(ctx context.Context, n ownapi.NewKey) (made ownapi.Key, err error) {
	body, err := json.Marshal(n)
	if err != nil {
		return made, err
	}
	return made, k.ask(ctx, http.MethodPost, nil, body, &made)
}

func (k remoteKeys) ListKeys(ctx context.Context) (all []ownapi.Key, err error) {
	return all, k.ask(ctx, http.MethodGet, nil, nil, &all)
}

func (k remoteKeys) RevokeKeys(ctx context.Context, keyOrUser string) (int, error) {
	var revoked ownapi.KeysRevoked
	err := k.ask(ctx, http.MethodDelete, url.Values{"key": {keyOrUser}}, nil, &revoked)
	return revoked.Revoked, err
}

func (k remoteKeys) ask(ctx context.Context, method string, query url.Values, body []byte, to any) error {
	resp, err := k.do(ctx, method, ownapi.Prefix+"keys", query, bytes.NewReader(body), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
		return fmt.Errorf("read the answer of the server: %w", err)
	}
	return nil
}

func (c *keysClient) create(cmd *cobra.Command) error {
	if c.admin == (c.policy != "") {
		return &failure{exitUsage, errors.New("what may the user do? say --admin, or --policy with a file of IAM's JSON")}
	}
	text := access.Administrator
	if c.policy != "" {
		file, err := os.ReadFile(c.policy)
		if err != nil {
			return fmt.Errorf("policy: %w", err)
		}
		text = string(file)
	}
	return c.with(cmd.Context(), func(keys keysAt) error {
		k, err := keys.CreateKey(cmd.Context(), ownapi.NewKey{User: c.user, Account: c.account, Policies: []string{text}})
		if err != nil {
			return err
		}
		if c.output == "json" {
			return c.show(cmd.OutOrStdout(), k, "", nil)
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n# the secret is not shown again\n", k.ID, k.Secret)
		return err
	})
}

func (c *keysClient) list(cmd *cobra.Command) error {
	return c.with(cmd.Context(), func(keys keysAt) error {
		all, err := keys.ListKeys(cmd.Context())
		if err != nil {
			return err
		}
		return c.show(cmd.OutOrStdout(), all, "KEY\tUSER\tACCOUNT\tAGE", func(row func(...any)) {
			for _, k := range all {
				row(k.ID, k.User, k.Account, age(k.Created))
			}
		})
	})
}

func (c *keysClient) revoke(cmd *cobra.Command, keyOrUser string) error {
	return c.with(cmd.Context(), func(keys keysAt) error {
		n, err := keys.RevokeKeys(cmd.Context(), keyOrUser)
		if err == nil && n == 0 {
			err = fmt.Errorf("there is no key and no user %s", keyOrUser)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d revoked\n", n)
		return err
	})
}
