package namespace

import (
	"os"
	"runtime"
	"testing"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/sandboxtest"
)

// TestDriver is the suite of all drivers, as root. It is not parallel: it looks
// at what is left on the whole host.
func TestDriver(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	sandboxtest.Run(t, sandboxtest.Config{Open: func(t testing.TB, stateFolder string) sandbox.Driver {
		d, err := New(Config{StateDir: stateFolder, initPath: "initbin/lambent-init-linux-" + runtime.GOARCH})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}})
}
