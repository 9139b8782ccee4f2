package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKilledForGood: of a server that was killed and whose data folder is never
// used again nothing stays once any other has started; one that lives and has
// nothing to do keeps what is its own.
func TestKilledForGood(t *testing.T) {
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			killedForGood(t, g)
		})
	}
}

func killedForGood(t *testing.T, g ground) {
	idle := ownOn(t, g, dataDir(t), "--boot-pool-memory", "0") // so that it has no environment at all
	own := idle.tree()
	dir := dataDir(t)
	killed := launch(t, g, dir)
	t.Cleanup(killed.kill) // should the test end before
	name := killed.deploy(t, function{timeout: 20, code: "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event"})
	spins := killed.deploy(t, function{timeout: 600, code: "def handler(event, context):\n    while True: pass"}) // and would not notice anything
	load, spin := killed.load(name, 3), killed.load(spins, 1)
	killed.waitLog(t, name, "REPORT")
	killed.waitLog(t, spins, "START")
	if g.name == "namespace" && len(killed.tree()) == 0 {
		t.Log("this host has no cgroups, so there are none to be left")
	}
	killed.kill()
	load()
	spin()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	ownOn(t, g, dataDir(t))
	var left []string
	eventually(t, "nothing is left of the killed server", func() bool {
		left = killed.traces(t, true)
		return len(left) == 0
	})
	if now := idle.tree(); !slices.Equal(now, own) {
		t.Errorf("the idle server had cgroups %q and has %q", own, now)
	}
	if r := idle.call(t, idle.deploy(t, function{code: "def handler(event, context):\n    return event"}), "1"); r.payload != "1" {
		t.Errorf("the idle server's function: %+v", r)
	}
}

// tree lists the cgroups that a server keeps its sandboxes' in.
func (s *server) tree() []string {
	return slices.DeleteFunc(s.cgroups(true), func(path string) bool { return !strings.HasPrefix(filepath.Base(path), "lambent-") })
}
