package volume

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newMaker(t testing.TB) *Maker {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	m, err := NewMaker(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := m.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return m
}

// letGo closes a volume and waits for its end.
func letGo(t testing.TB, v *Volume) {
	t.Helper()
	if err := errors.Join(v.Close(), v.WaitGone(t.Context())); err != nil {
		t.Error(err)
	}
}

func makeVolume(t testing.TB, m *Maker, mib int) *Volume {
	t.Helper()
	v, err := m.Make(mib)
	if err != nil {
		t.Skipf("no volumes on this host: %v", err)
	}
	return v
}

// TestExactSize: what a user can fill is what was asked for, to the byte.
func TestExactSize(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	for _, mib := range []int{16, 512, 513, 1000, 4096, 10240} {
		v := makeVolume(t, m, mib)
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(v.Mount.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		if got, want := int64(st.Bavail)*st.Bsize, int64(mib)<<20; got != want {
			t.Errorf("a volume of %d MiB has %d bytes, want %d", mib, got, want)
		}
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFill writes what fits, and a byte more.
func TestFill(t *testing.T) {
	t.Parallel()
	const mib = 24
	v := makeVolume(t, newMaker(t), mib)
	defer v.Close()
	fd, err := unix.Openat(int(v.Mount.Fd()), "full", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "full")
	defer f.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{f}, struct{ io.Reader }{zeros{}}, make([]byte, blockSize))
	if !errors.Is(err, unix.ENOSPC) || n > mib<<20 || n < mib<<20-16*blockSize {
		t.Errorf("%d bytes until %v, want %d until ENOSPC, or a few blocks of tables less", n, err, mib<<20)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// TestRoot: it is a /tmp, empty, for everybody, without devices.
func TestRoot(t *testing.T) {
	t.Parallel()
	v := makeVolume(t, newMaker(t), 16)
	defer v.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(v.Mount.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	if st.Mode != unix.S_IFDIR|0o1777 || st.Uid != 0 || st.Gid != 0 {
		t.Errorf("mode %o of %d:%d, want a folder 1777 of 0:0", st.Mode, st.Uid, st.Gid)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(v.Mount.Fd()), &fs); err != nil {
		t.Fatal(err)
	}
	if want := int64(unix.ST_NOSUID | unix.ST_NODEV); fs.Flags&want != want {
		t.Errorf("mount flags %x, want nosuid and nodev", fs.Flags)
	}
	if err := unix.Mknodat(int(v.Mount.Fd()), "probe", unix.S_IFREG|0o600, 0); err != nil {
		t.Fatal(err)
	}
	dir, err := unix.Openat(int(v.Mount.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(dir), "root")
	defer f.Close()
	if names, err := f.Readdirnames(-1); err != nil || strings.Join(names, " ") != "probe" {
		t.Errorf("it holds %q, %v; want what was just made and nothing else", names, err)
	}
}

// TestManyAtOnce: makers and others compete for loop devices; what is let go is
// cleared, and the folder keeps only templates.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	letGo(t, makeVolume(t, m, 16))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 3 {
				v, err := m.Make(16)
				if err != nil {
					t.Error(err)
					return
				}
				letGo(t, v)
			}
		})
	}
	wg.Wait()
	if n, err := m.busy(false); err != nil || n != 0 {
		t.Errorf("%d devices are busy, %v", n, err)
	}
	if len(m.mine) != 0 {
		t.Errorf("%d volumes are remembered, want none", len(m.mine))
	}
	names, err := filepath.Glob(filepath.Join(m.dir, "*"))
	if err != nil || len(names) != 1 || filepath.Base(names[0]) != "template-1-16" {
		t.Errorf("the folder holds %q, %v; want the template", names, err)
	}
}

// TestTemplateIsKept: a second maker over the folder does not format again.
func TestTemplateIsKept(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	letGo(t, makeVolume(t, m, 16))
	path := filepath.Join(m.dir, "template-1-16")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := NewMaker(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	v := makeVolume(t, again, 16)
	defer v.Close()
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the template was made again: %v", err)
	}
	if n, err := m.Foreign(); err != nil || n != 1 {
		t.Errorf("the first maker sees %d of the other's devices, %v; want 1", n, err)
	}
}

func BenchmarkMake(b *testing.B) {
	m := newMaker(b)
	letGo(b, makeVolume(b, m, 512))
	for b.Loop() {
		v, err := m.Make(512)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		letGo(b, v)
		b.StartTimer()
	}
}

// TestTry: a trial's volume can be written to, on a new folder and on a known one,
// and is not among those of exact sizes.
func TestTry(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	letGo(t, makeVolume(t, m, TrialMiB))
	for range 2 {
		v, err := m.Try()
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Openat(int(v.Mount.Fd()), "file", unix.O_CREAT|unix.O_WRONLY, 0o600)
		if err != nil {
			t.Fatalf("create a file in a trial's volume: %v", err)
		}
		if _, err := unix.Write(fd, make([]byte, 1<<20)); err != nil {
			t.Errorf("write to a trial's volume: %v", err)
		}
		unix.Close(fd)
		letGo(t, v)
		if m, err = NewMaker(m.dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoopDevices: the devices of volumes are found, by the kernel's list and
// without it.
func TestLoopDevices(t *testing.T) {
	t.Parallel()
	m := newMaker(t)
	v := makeVolume(t, m, 8)
	defer letGo(t, v)
	own := filepath.Base(v.Mount.Name())
	for _, partitions := range []string{"/proc/partitions", filepath.Join(t.TempDir(), "none")} {
		names, err := loopDevices(partitions)
		if err != nil || !slices.Contains(names, own) {
			t.Errorf("by %s: %q, %v; want %s among them", partitions, names, err, own)
		}
	}
}
