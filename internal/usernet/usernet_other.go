//go:build !linux

package usernet

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"

	"lambent/internal/linux/tun"
)

// Stack exists on Linux only.
type Stack struct{}

// Attachment exists on Linux only.
type Attachment struct{}

// New is possible on Linux only.
func New(Config) (*Stack, error) { return nil, errors.ErrUnsupported }

// Attach is possible on Linux only.
func (*Stack) Attach(context.Context, *os.File, string) (io.Closer, error) {
	return nil, errors.ErrUnsupported
}

// AttachDevice is possible on Linux only.
func (*Stack) AttachDevice(string, func(tun.Config) (*os.File, error)) (*Attachment, error) {
	return nil, errors.ErrUnsupported
}

// Close does nothing.
func (*Stack) Close() error { return nil }

// ResolvConf is empty.
func (*Stack) ResolvConf() []byte { return nil }

// Address is no address.
func (*Attachment) Address() netip.Addr { return netip.Addr{} }

// Close does nothing.
func (*Attachment) Close() error { return nil }

// Detach does nothing.
func (*Attachment) Detach() {}
