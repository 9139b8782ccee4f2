package runtimes

import (
	"os/exec"
	"runtime"
	"syscall"
)

// Tether makes a command end with this process, however that ends. The command
// must be run on the goroutine that calls, before release: the kernel looks at
// the thread that started it.
func Tether(cmd *exec.Cmd) (release func()) {
	runtime.LockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return runtime.UnlockOSThread
}
