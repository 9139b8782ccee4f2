package namespace

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"lambent/internal/linux/cgroup"
	"lambent/internal/sandbox"
)

// treePrefix begins the names of all drivers' cgroup trees.
const treePrefix = "lambent-"

func (d *Driver) openCgroups(cfg Config, state string) error {
	host, err := cgroup.FindHost()
	if err != nil {
		return err
	}
	parent := cfg.CgroupParent
	if parent == "" && os.Geteuid() != 0 {
		if parent, err = host.Delegated(); err != nil {
			d.log.Debug("no cgroup was delegated", "error", err)
		}
	}
	d.tree, err = cgroup.OpenTree(host, parent, treeName(state))
	return err
}

// treeName is by which a later driver over the same state folder finds the tree again.
func treeName(state string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, state)
	return fmt.Sprintf("%s%08x", treePrefix, h.Sum32())
}

var _ sandbox.OrphanSweeper = (*Driver)(nil)

// SweepOrphans removes the cgroups of drivers that are dead. Their processes,
// mounts and devices went with them, but for processes that v1 froze, which this
// ends.
func (d *Driver) SweepOrphans(ctx context.Context) (sandbox.Swept, error) {
	swept, err := d.tree.SweepOrphans(ctx, treePrefix)
	if err != nil {
		err = fmt.Errorf("sweep what dead drivers left: %w", err)
	}
	return sandbox.Swept{Sandboxes: len(swept.Groups), Processes: swept.Processes, Cgroups: swept.Dirs}, err
}
