//go:build linux

package namespace

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes sure that there is a lambent-init to test.
func TestMain(m *testing.M) {
	if os.Getenv(initVariable) != "" {
		goleak.VerifyTestMain(m)
		return
	}
	if out, err := exec.Command("./build-init.sh", runtime.GOARCH).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build lambent-init: %v\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
