package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const (
	blockSize    = 4096
	unmountLimit = 30 * time.Second
)

// features are named in full, as each distribution's defaults are its own.
const features = "none,extent,dir_index,filetype,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,uninit_bg,64bit"

// template is an empty file system, as the few stretches of it that are not zero.
type template struct {
	bytes   int64
	extents []extent
}

type extent struct {
	offset int64
	data   []byte
}

// stamp writes the template into an empty file.
func (t template) stamp(f *os.File) error {
	if err := f.Truncate(t.bytes); err != nil {
		return fmt.Errorf("size a volume's file: %w", err)
	}
	for _, e := range t.extents {
		if _, err := f.WriteAt(e.data, e.offset); err != nil {
			return fmt.Errorf("write a volume's file: %w", err)
		}
	}
	return nil
}

// loadTemplate reads the template of a size from the folder, or makes it first.
func (m *Maker) loadTemplate(mib int) (template, error) {
	return m.template(fmt.Sprintf("template-1-%d", mib), mib, m.fit) // 1: the way they are made
}

// trialTemplate is one that is formatted once, whatever that gives a user.
func (m *Maker) trialTemplate() (template, error) {
	return m.template("trial-1", TrialMiB, mkfs)
}

// template reads a template, or makes it first.
func (m *Maker) template(name string, mib int, format func(draft *os.File, bytes int64) error) (template, error) {
	path := filepath.Join(m.dir, name)
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		return readTemplate(f)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return template{}, fmt.Errorf("read volume template: %w", err)
	}
	t, err := makeTemplate(mib, format)
	if err != nil {
		return template{}, fmt.Errorf("make a volume template of %d MiB: %w", mib, err)
	}
	if err := m.keepTemplate(t, path); err != nil {
		return template{}, fmt.Errorf("keep a volume template: %w", err)
	}
	return t, nil
}

// makeTemplate formats in memory: mkfs waits for the disk again and again, and
// somebody may be waiting for the first volume of the size.
func makeTemplate(mib int, format func(draft *os.File, bytes int64) error) (template, error) {
	fd, err := unix.MemfdCreate(fmt.Sprintf("volume-%d-%d", os.Getpid(), mib), unix.MFD_CLOEXEC)
	if err != nil {
		return template{}, err
	}
	draft := os.NewFile(uintptr(fd), "volume")
	defer draft.Close()
	if err := format(draft, int64(mib)<<20); err != nil {
		return template{}, err
	}
	return readTemplate(draft)
}

// keepTemplate writes a template down for later makers, in one step.
func (m *Maker) keepTemplate(t template, path string) error {
	f, err := os.CreateTemp(m.dir, "draft-")
	if err != nil {
		return err
	}
	err = errors.Join(t.stamp(f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// fit formats the draft until what a user can fill is what was wanted. How much
// a file system keeps for itself depends on its size by steps, so the size is
// found by trying; where steps leave no exact one, the least that suffices wins.
func (m *Maker) fit(draft *os.File, want int64) error {
	size, enough := (want+want/50)/blockSize*blockSize, int64(0)
	for range 12 {
		got, err := m.format(draft, size)
		if err != nil {
			return err
		}
		if got == want {
			return nil
		}
		if got > want && (enough == 0 || size < enough) {
			enough = size
		}
		size += want - got
	}
	if enough == 0 {
		return errors.New("no size of device gives it")
	}
	_, err := m.format(draft, enough)
	return err
}

// format makes a file system of that many bytes in the draft and tells how many
// of them a user can fill.
func (m *Maker) format(draft *os.File, bytes int64) (int64, error) {
	if err := mkfs(draft, bytes); err != nil {
		return 0, err
	}
	v, err := m.mount(draft)
	if err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	err = unix.Fstatfs(int(v.Mount.Fd()), &st)
	err = errors.Join(err, v.Close())
	ctx, cancel := context.WithTimeout(context.Background(), unmountLimit)
	defer cancel()
	return int64(st.Bavail) * st.Bsize, errors.Join(err, v.WaitGone(ctx)) // the file is read next
}

// mkfs makes a file system of that many bytes in the draft.
func mkfs(draft *os.File, bytes int64) error {
	if err := errors.Join(draft.Truncate(0), draft.Truncate(bytes)); err != nil {
		return err
	}
	program, err := MkfsPath()
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "-q", "-F", "-O", features, "-b", strconv.Itoa(blockSize), "-m", "0", "-i", "16384", "-I", "256",
		"-E", "lazy_itable_init=1,nodiscard,root_owner=0:0", "-L", "tmp", "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{draft}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MKE2FS_CONFIG=/dev/null"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// readTemplate takes the stretches of a sparse file that hold data.
func readTemplate(f *os.File) (template, error) {
	st, err := f.Stat()
	if err != nil {
		return template{}, err
	}
	t := template{bytes: st.Size()}
	for at := int64(0); ; {
		start, err := f.Seek(at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return t, nil
		}
		if err != nil {
			return template{}, fmt.Errorf("read volume template: %w", err)
		}
		if at, err = f.Seek(start, unix.SEEK_HOLE); err != nil {
			return template{}, fmt.Errorf("read volume template: %w", err)
		}
		if err := t.add(f, start, at); err != nil {
			return template{}, fmt.Errorf("read volume template: %w", err)
		}
	}
}

// add keeps the blocks between start and end that are not zero after all.
func (t *template) add(r io.ReaderAt, start, end int64) error {
	block := make([]byte, blockSize)
	for at := start; at < end; at += blockSize {
		n, err := r.ReadAt(block, at)
		if err != nil && err != io.EOF {
			return err
		}
		if allZero(block[:n]) {
			continue
		}
		data := append([]byte(nil), block[:n]...)
		if last := len(t.extents) - 1; last >= 0 && t.extents[last].offset+int64(len(t.extents[last].data)) == at {
			t.extents[last].data = append(t.extents[last].data, data...)
			continue
		}
		t.extents = append(t.extents, extent{at, data})
	}
	return nil
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// MkfsPath finds mkfs.ext4, which is often outside an ordinary PATH.
func MkfsPath() (string, error) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin"} {
		path := filepath.Join(dir, "mkfs.ext4")
		if unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", errors.New("mkfs.ext4 is not installed")
}
