package storetest

import (
	"testing"

	"lambent/internal/store"
)

func keyTests() map[string]func(*testing.T, Open) {
	keys := document[store.AccessKey]{
		noun: "access keys", key: func(k *store.AccessKey) *string { return &k.ID },
		put: Store.PutAccessKey, delete: Store.DeleteAccessKey, each: Store.EachAccessKey,
		replace: func(k *store.AccessKey) { k.Policies, k.User = nil, "replaced" },
	}
	return map[string]func(*testing.T, Open){"an access key comes, is replaced and goes": keys.life}
}
