//go:build !linux

package tun

import (
	"errors"
	"os"
)

// Create is possible on Linux only.
func Create(Config) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
