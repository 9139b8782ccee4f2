package namespace

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// initbin holds lambent-init for each architecture; see build-init.sh.
//
//go:embed initbin
var initbin embed.FS

// loadImage puts lambent-init into memory that nobody can change any more and
// that any number of sandboxes execute from, sharing its pages.
func loadImage(path string) (*os.File, error) {
	name := "lambent-init-linux-" + runtime.GOARCH
	program, err := openProgram(name, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("this program was built without %s: run make build", name)
	}
	if err != nil {
		return nil, err
	}
	defer program.Close()
	fd, err := unix.MemfdCreate("lambent-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 all are executable
		fd, err = unix.MemfdCreate("lambent-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("make memory for lambent-init: %w", err)
	}
	f := os.NewFile(uintptr(fd), "lambent-init")
	_, err = io.Copy(f, program) // it is two megabytes, which the heap need not hold
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("load lambent-init: %w", err)
	}
	return f, nil
}

// openProgram opens the one that is embedded, or another.
func openProgram(name, path string) (fs.File, error) {
	if path != "" {
		return os.Open(path)
	}
	return initbin.Open("initbin/" + name)
}
