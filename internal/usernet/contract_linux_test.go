package usernet

import (
	"context"
	"io"
	"os"
)

// The driver of namespaces asks for this.
var _ interface {
	ResolvConf() []byte
	Attach(ctx context.Context, namespace *os.File, id string) (io.Closer, error)
} = (*Stack)(nil)
