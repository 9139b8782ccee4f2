package environment

import (
	"errors"
	"syscall"
)

// isNotDir tells of a path whose parent is a file: a layer may well have a file
// where AWS looks for a folder.
func isNotDir(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
