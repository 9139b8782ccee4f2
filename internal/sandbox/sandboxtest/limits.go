package sandboxtest

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"lambent/internal/sandbox"
)

func limitCases() []testCase {
	return []testCase{
		{name: "memory bomb", needs: []string{sandbox.CanLimitMemory}, run: memoryBomb},
		{name: "memory of processes together", needs: []string{sandbox.CanLimitMemory}, run: memoryTogether},
		{name: "crowd of processes", needs: []string{sandbox.CanLimitProcs}, run: crowd},
		{name: "fork bomb", needs: []string{sandbox.CanLimitProcs}, run: forkBomb},
		{name: "size of tmp", needs: []string{sandbox.CanLimitTmp}, run: tmpSize},
		{name: "tmp is not memory", needs: []string{sandbox.CanLimitTmp, sandbox.CanTmpOffMemory}, run: tmpIsNotMemory},
		{name: "CPU quota", needs: []string{sandbox.CanLimitCPU}, run: cpuQuota},
		{name: "open files", run: openFiles},
	}
}

// memoryBomb: who wants too much is ended by the kernel, and nobody else is.
func memoryBomb(t *testing.T, s *suite) {
	const limit = 64
	b := s.box(t, func(spec *sandbox.Spec) { spec.MemoryMiB = limit })
	neighbour := s.box(t)
	theirs := neighbour.post()
	neighbour.start("hold", theirs.address())
	other := theirs.caller()
	r := b.start("allocate", "1024")
	if exit := r.wait(); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit %v, want SIGKILL", exit)
	}
	u, err := b.Usage()
	if err != nil || u.OOMKills < 1 {
		t.Errorf("usage %+v, %v, want an OOM kill", u, err)
	}
	if u.MemoryPeakBytes < limit<<20*3/4 || u.MemoryPeakBytes > (limit+4)<<20 {
		t.Errorf("the peak is %d bytes, want about %d MiB", u.MemoryPeakBytes, limit)
	}
	other.lives("of the neighbour")
	b.must("describe") // the sandbox is usable
}

func memoryTogether(t *testing.T, s *suite) {
	b := s.box(t, func(spec *sandbox.Spec) { spec.MemoryMiB = 128 })
	first := b.start("allocate", "80")
	if f := first.finding(); !f.Did {
		t.Fatal(f.Error)
	}
	second := b.start("allocate", "80")
	select {
	case <-first.Done():
	case <-second.Done():
	case <-time.After(patience):
		t.Fatal("160 MiB were had of 128")
	}
	if u, err := b.Usage(); err != nil || u.OOMKills < 1 {
		t.Errorf("usage %+v, %v, want an OOM kill", u, err)
	}
}

// crowd: a process that starts as many as it can gets so far and no further. Its
// own runtime may die of the limit before it can say so, which is as good.
func crowd(t *testing.T, s *suite) {
	b := s.box(t, func(spec *sandbox.Spec) { spec.MaxProcesses = 64 })
	r := b.start("crowd", "200")
	if line, err := r.stdout.line(r.Done()); err == nil {
		t.Logf("the crowd said %s", line)
	}
	u, err := b.Usage()
	if err != nil || u.Processes > 64 {
		t.Errorf("usage %+v, %v, want 64 processes at most", u, err)
	}
	b.kill()
	b.must("describe")
}

func forkBomb(t *testing.T, s *suite) {
	b := s.box(t, func(spec *sandbox.Spec) { spec.MaxProcesses, spec.CPUs = 96, 0.3 })
	neighbour := s.box(t)
	theirs := neighbour.post()
	neighbour.start("hold", theirs.address())
	other := theirs.caller()
	b.start("bomb")
	for range 5 {
		time.Sleep(100 * time.Millisecond)
		if u, err := b.Usage(); err != nil || u.Processes > 96 {
			t.Errorf("usage %+v, %v, want 96 processes at most", u, err)
		}
	}
	other.lives("of the neighbour")
	neighbour.must("describe")
	b.kill()
	if u, err := b.Usage(); err != nil || u.Processes != 0 {
		t.Errorf("usage after Kill: %+v, %v, want no process", u, err)
	}
	b.must("describe")
}

func tmpSize(t *testing.T, s *suite) {
	const size = 64
	b := s.box(t, func(spec *sandbox.Spec) { spec.TmpMiB = size })
	other := s.box(t)
	file := b.Path("/tmp/full")
	f := b.ask("fill", file, "512")
	if f.Did || f.Errno != int(syscall.ENOSPC) {
		t.Fatalf("512 MiB into a /tmp of %d: %+v, want ENOSPC", size, f)
	}
	if least := int64(size-s.config.TmpSlackMiB) << 20; f.Number < least || f.Number > size<<20 {
		t.Errorf("%d bytes went into a /tmp of %d MiB, want %d or more and not above its size", f.Number, size, least)
	}
	other.must("write", other.Path("/tmp/file"), "x")
	// A few bytes may find room inside an inode, more may not.
	b.mustNot("fill", b.Path("/tmp/another"), "4")
	b.must("remove", file)
	b.must("fill", b.Path("/tmp/another"), "4")
}

func tmpIsNotMemory(t *testing.T, s *suite) {
	b := s.box(t, func(spec *sandbox.Spec) { spec.MemoryMiB, spec.TmpMiB = 64, 160 })
	b.must("fill", b.Path("/tmp/big"), "128")
	if u, err := b.Usage(); err != nil || u.OOMKills != 0 {
		t.Errorf("usage %+v, %v, want no OOM kill", u, err)
	}
	if f := b.must("read", b.Path("/tmp/big")); len(f.Text) != 64<<10 {
		t.Errorf("read back %d bytes", len(f.Text))
	}
}

// cpuQuota compares CPU time with wall time. On a slow machine less is had than
// allowed, so there is an upper bound only, far below what would be had without
// a quota.
func cpuQuota(t *testing.T, s *suite) {
	const share = 0.2
	b := s.box(t, func(spec *sandbox.Spec) { spec.CPUs = share })
	begin := time.Now()
	b.start("spin", "1500").wait()
	wall := time.Since(begin)
	u, err := b.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if most := time.Duration(float64(wall)*share*1.5) + 100*time.Millisecond; u.CPU > most || u.CPU == 0 {
		t.Errorf("%v of CPU time in %v at %v of a core, want at most %v", u.CPU, wall, share, most)
	}
}

func openFiles(t *testing.T, s *suite) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux sets another process's limits")
	}
	b := s.box(t, func(spec *sandbox.Spec) { spec.MaxOpenFiles = 64 })
	f := b.ask("open", "200")
	if f.Did || f.Errno != int(syscall.EMFILE) || f.Number > 64 || f.Number < 32 {
		t.Errorf("opening 200 files with a limit of 64: %+v, want EMFILE below 64", f)
	}
	if got := b.must("limits").List; !slices.Contains(got, "files 64") {
		t.Errorf("limits %q, want 64 files", got)
	}
}
