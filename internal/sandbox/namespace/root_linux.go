package namespace

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"lambent/internal/sandbox"
	"lambent/internal/sandbox/namespace/initproto"
)

// UserName is who functions run as, as on AWS.
const UserName = "sbx_user1051"

// hostTrees are where hosts keep programs and libraries. Some are links to
// others, and stay so.
var hostTrees = [...]string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"}

// hostEtc are the files of /etc that programs need and that tell nothing of the
// host but its software.
var hostEtc = [...]string{
	"alternatives", "ca-certificates.conf", "crypto-policies", "fonts", "gai.conf", "host.conf", "ld.so.cache", "ld.so.conf",
	"ld.so.conf.d", "localtime", "magic", "mime.types", "networks", "os-release", "pki", "protocols", "rpc", "services",
	"ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "system-release", "timezone",
}

// hiddenProc are entries of /proc that concern the host. Those that only root
// may read are left: nobody inside is root, and all of /proc is read-only.
var hiddenProc = [...]string{"kcore", "keys", "key-users", "kallsyms", "timer_list", "sched_debug", "sysrq-trigger", "latency_stats", "interrupts"}

// emptyFolders are always there, mounted or not.
var emptyFolders = [...]string{"/tmp", "/var/task", "/opt", "/var/runtime", "/var/lang", "/mnt", "/dev/shm"}

type device struct {
	name         string
	major, minor uint32
}

var devices = [...]device{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}}

// baseRoot is the part of a root that is the same in every sandbox on this host.
func baseRoot(rootless bool) ([]initproto.Op, error) {
	var ops []initproto.Op
	for _, tree := range hostTrees {
		op, ok, err := mirror(tree)
		if err != nil {
			return nil, err
		}
		if ok {
			ops = append(ops, op)
		}
	}
	ops = append(ops, initproto.Op{Code: initproto.OpDir, Target: "/etc", Mode: 0o755})
	java, _ := filepath.Glob("/etc/java*") // Debian keeps parts of its JDKs there
	paths := java
	for _, name := range hostEtc {
		paths = append(paths, "/etc/"+name)
	}
	for _, path := range paths {
		if op, ok, err := mirror(path); err == nil && ok {
			ops = append(ops, op)
		}
	}
	for _, dir := range emptyFolders {
		ops = append(ops, initproto.Op{Code: initproto.OpDir, Target: dir, Mode: 0o755})
	}
	return append(append(ops, deviceOps(rootless)...), procOps()...), nil
}

// mirror shows a path of the host as it is there: a link as the same link, a
// folder or file read-only. A link that leads out of what is shown is followed now.
func mirror(path string) (initproto.Op, bool, error) {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return initproto.Op{}, false, nil
	}
	if err != nil {
		return initproto.Op{}, false, err
	}
	real := path
	if st.Mode()&fs.ModeSymlink != 0 {
		if real, err = filepath.EvalSymlinks(path); err != nil {
			return initproto.Op{}, false, err
		}
		if strings.HasPrefix(real, "/usr/") {
			link, err := os.Readlink(path)
			return initproto.Op{Code: initproto.OpSymlink, Source: link, Target: path}, err == nil, err
		}
	}
	return initproto.Op{Code: initproto.OpBind, Source: real, Target: path}, true, nil
}

// deviceOps make /dev. Only root may make device nodes; others show the host's.
func deviceOps(rootless bool) []initproto.Op {
	var ops []initproto.Op
	for _, d := range devices {
		op := initproto.Op{Code: initproto.OpNode, Target: "/dev/" + d.name, Mode: 0o666, Flags: unix.Mkdev(d.major, d.minor)}
		if rootless {
			op = initproto.Op{Code: initproto.OpBind, Source: "/dev/" + d.name, Target: "/dev/" + d.name, Flags: initproto.BindDevices}
		}
		ops = append(ops, op)
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		ops = append(ops, initproto.Op{Code: initproto.OpSymlink, Source: to, Target: "/dev/" + name})
	}
	return ops
}

func procOps() []initproto.Op {
	ops := []initproto.Op{{Code: initproto.OpMount, Source: "proc", Target: "/proc", FSType: "proc", Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC}}
	for _, name := range hiddenProc {
		if st, err := os.Lstat("/proc/" + name); err == nil && st.Mode()&0o007 != 0 {
			ops = append(ops, initproto.Op{Code: initproto.OpBind, Source: "/dev/null", Target: "/proc/" + name, Flags: initproto.BindDevices})
		}
	}
	return append(ops, initproto.Op{Code: initproto.OpReadOnly, Target: "/proc"})
}

// ownRoot is the part of a root that is this sandbox's.
func (b *box) ownRoot() []initproto.Op {
	file := func(path string, content []byte) initproto.Op {
		return initproto.Op{Code: initproto.OpFile, Target: path, Mode: 0o644, Data: content}
	}
	uid, gid := b.uid, b.gid
	var resolv []byte
	if b.d.network != nil {
		resolv = b.d.network.ResolvConf()
	}
	return []initproto.Op{
		file("/etc/passwd", fmt.Appendf(nil, "root:x:0:0:root:/root:/sbin/nologin\n%s:x:%d:%d::/home/%s:/sbin/nologin\n", UserName, uid, gid, UserName)),
		file("/etc/group", fmt.Appendf(nil, "root:x:0:\n%s:x:%d:\n", UserName, gid)),
		file("/etc/nsswitch.conf", []byte("passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\nethers: files\nrpc: files\n")),
		file("/etc/hosts", hostsFile(b.blank.Hosts)),
		file("/etc/hostname", []byte(hostname(b.blank)+"\n")),
		file("/etc/resolv.conf", resolv),
	}
}

// tmpOp brings /tmp: the volume that goes along, or memory.
func (b *box) tmpOp(spec *sandbox.Spec) initproto.Op {
	if b.volume != nil {
		return initproto.Op{Code: initproto.OpMoveFD, FD: 0, Target: "/tmp"}
	}
	return initproto.Op{Code: initproto.OpMount, Source: "tmp", Target: "/tmp", FSType: "tmpfs", Flags: unix.MS_NOSUID | unix.MS_NODEV, Data: fmt.Appendf(nil, "size=%dm,mode=1777", spec.TmpMiB)}
}

func hostsFile(hosts []sandbox.Host) []byte {
	b := []byte("127.0.0.1 localhost localhost.localdomain\n::1 localhost ip6-localhost\n")
	for _, h := range hosts {
		b = fmt.Appendf(b, "%s %s\n", h.Address, h.Name)
	}
	return b
}

// layered gives the folders for each target, an outer target before those inside it.
func layered(mounts []sandbox.Mount) (targets []string, layers map[string][]string, err error) {
	layers = map[string][]string{}
	for _, m := range mounts {
		if !filepath.IsAbs(m.Source) || !filepath.IsAbs(m.Target) || filepath.Clean(m.Target) != m.Target {
			return nil, nil, fmt.Errorf("mount %q at %q: both must be absolute", m.Source, m.Target)
		}
		if layers[m.Target] == nil {
			targets = append(targets, m.Target)
		}
		layers[m.Target] = append(layers[m.Target], m.Source)
	}
	slices.SortStableFunc(targets, func(a, b string) int { return cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")) })
	return targets, layers, nil
}

// mountOps show the caller's folders by their paths in the host's tree.
func mountOps(mounts []sandbox.Mount) ([]initproto.Op, error) {
	targets, layers, err := layered(mounts)
	if err != nil {
		return nil, err
	}
	var ops []initproto.Op
	for _, target := range targets {
		var paths []string
		for _, source := range layers[target] {
			real, err := filepath.EvalSymlinks(source)
			if err != nil {
				return nil, fmt.Errorf("mount at %s: %w", target, err)
			}
			paths = append(paths, real)
		}
		if len(paths) == 1 {
			ops = append(ops, initproto.Op{Code: initproto.OpBind, Source: paths[0], Target: target, Flags: initproto.BindShallow | writable(mounts, target)})
			continue
		}
		for i := range paths {
			paths[i] = initproto.HostRoot + paths[i]
		}
		ops = append(ops, overlay(target, paths))
	}
	return ops, nil
}

// writable is the flag of a target that may be written to.
func writable(mounts []sandbox.Mount, target string) uint64 {
	if slices.ContainsFunc(mounts, func(m sandbox.Mount) bool { return m.Target == target && m.Writable }) {
		return initproto.BindWritable
	}
	return 0
}

// layersFolder is where the layers of a merged target stand while it is mounted.
const layersFolder = initproto.HostFolder + "/layers"

// mountFDs show the caller's folders by descriptors of detached mounts, numbered
// from first on, which needs no host's tree in PID 1's sight, but root here.
func mountFDs(mounts []sandbox.Mount, first int) (ops []initproto.Op, fds []int, err error) {
	defer func() {
		if err != nil {
			closeAll(fds)
		}
	}()
	targets, layers, err := layered(mounts)
	if err != nil {
		return nil, nil, err
	}
	move := func(source, target string) error {
		fd, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return fmt.Errorf("mount %s: %w", source, err)
		}
		ops = append(ops, initproto.Op{Code: initproto.OpMoveFD, FD: first + len(fds), Target: target, Flags: initproto.BindShallow | writable(mounts, target)})
		fds = append(fds, fd)
		return nil
	}
	for _, target := range targets {
		if len(layers[target]) == 1 {
			if err := move(layers[target][0], target); err != nil {
				return nil, fds, err
			}
			continue
		}
		// In a file system of their own, so that one act lets all go.
		ops = append(ops, initproto.Op{Code: initproto.OpMount, Source: "layers", Target: layersFolder, FSType: "tmpfs", Data: []byte("size=64k,mode=700")})
		var paths []string
		for i, source := range layers[target] {
			paths = append(paths, fmt.Sprintf("%s/%d", layersFolder, i))
			if err := move(source, paths[i]); err != nil {
				return nil, fds, err
			}
		}
		ops = append(ops, overlay(target, paths), initproto.Op{Code: initproto.OpLeave, Target: layersFolder})
	}
	return ops, fds, nil
}

// overlay merges folders, the last on top. Without an upper folder it is read-only.
func overlay(target string, layers []string) initproto.Op {
	escape := strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`)
	var lower []string
	for _, layer := range slices.Backward(layers) {
		lower = append(lower, escape.Replace(layer))
	}
	return initproto.Op{Code: initproto.OpMount, Source: "overlay", Target: target, FSType: "overlay",
		Flags: unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV, Data: []byte("lowerdir=" + strings.Join(lower, ":"))}
}
