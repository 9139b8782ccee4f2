package namespace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"lambent/internal/linux/cgroup"
	"lambent/internal/sandbox"
)

// Probe makes a driver, asks it what it can do here, and lets it go. It does so
// in a folder of its own, as a daemon may be at work in the other.
func Probe(cfg Config) sandbox.Report {
	cfg.StateDir = filepath.Join(cfg.StateDir, fmt.Sprintf("probe-%d", os.Getpid()))
	defer os.RemoveAll(cfg.StateDir)
	d, err := New(cfg)
	if err != nil {
		r := sandbox.Report{Driver: Name}
		for _, name := range allAbilities() {
			r.Abilities = append(r.Abilities, sandbox.Ability{Name: name, Why: err.Error(), Hint: hintFor(err)})
		}
		return r
	}
	defer d.Close()
	return d.Report()
}

// hintFor knows the usual reasons why no sandbox can be made at all.
func hintFor(err error) string {
	switch {
	case errors.Is(err, os.ErrPermission) && os.Geteuid() != 0:
		return "allow user namespaces for ordinary users (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces > 0), or run as root"
	case errors.Is(err, os.ErrPermission):
		return "run with CAP_SYS_ADMIN, or use the process driver"
	}
	return "use the process driver"
}

// Report says what sandboxes of this driver have and lack here.
func (d *Driver) Report() sandbox.Report {
	r := sandbox.Report{Driver: Name, Usable: true}
	for _, name := range allAbilities() {
		r.Abilities = append(r.Abilities, d.ability(name))
	}
	return r
}

func (d *Driver) ability(name string) sandbox.Ability {
	a := sandbox.Ability{Name: name, Have: true}
	lack := func(why error, hint string) sandbox.Ability {
		if why == nil {
			return a
		}
		return sandbox.Ability{Name: name, Why: why.Error(), Hint: hint}
	}
	switch name {
	case sandbox.CanLimitMemory:
		return lack(d.tree.Missing(cgroup.Memory), d.cgroupHint())
	case sandbox.CanLimitCPU:
		return lack(d.tree.Missing(cgroup.CPU), d.cgroupHint())
	case sandbox.CanLimitProcs:
		return lack(d.unlimitedProcs(), d.cgroupHint())
	case sandbox.CanTmpOffMemory:
		return lack(d.noVolume, d.volumeHint())
	case sandbox.CanReachOutside:
		hint := "choose one with --network"
		if errors.Is(d.noWayOut, os.ErrPermission) {
			hint = "let the daemon's user open /dev/net/tun (chmod 666, as most distributions have it), or run as root"
		}
		return lack(d.noWayOut, hint)
	}
	return a
}

// unlimitedProcs tells why processes cannot be limited. Where no cgroup does it,
// the limit of the user's processes does: with root each sandbox has a user of
// its own, and since Linux 5.14 users are counted in each user namespace apart.
func (d *Driver) unlimitedProcs() error {
	why := d.tree.Missing(cgroup.PIDs)
	if why == nil || !d.rootless {
		return nil
	}
	var name unix.Utsname
	var major, minor int
	if err := unix.Uname(&name); err != nil {
		return err
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &major, &minor); err == nil && (major > 5 || major == 5 && minor >= 14) {
		return nil
	}
	return why
}

func (d *Driver) cgroupHint() string {
	if d.rootless {
		return "run as root, or in a delegated cgroup: systemd-run --user --scope -p Delegate=yes lambent serve"
	}
	return "mount the cgroup controller, or let the daemon write to it"
}

func (d *Driver) volumeHint() string {
	if d.rootless {
		return "run as root"
	}
	return "install e2fsprogs (mkfs.ext4) and load the loop and ext4 modules (Linux 5.8 or later)"
}
