package namespace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A record is a file in the state folder for each sandbox, named by its ID, that
// says which process is its PID 1. It is how a later driver finds what was left
// where there are no cgroups to find it by, and is made only there.

// record writes down the sandbox's first process.
func (b *box) record() error {
	if b.d.tree.Hosts() != nil {
		return nil
	}
	start, err := startTime(b.conn.proc.Pid)
	if err != nil {
		return fmt.Errorf("record PID 1: %w", err)
	}
	line := fmt.Sprintf("%d %s\n", b.conn.proc.Pid, start)
	if err := os.WriteFile(filepath.Join(b.d.records, b.name), []byte(line), 0o600); err != nil {
		return fmt.Errorf("record PID 1: %w", err)
	}
	return nil
}

func (b *box) forget() error {
	if b.d.tree.Hosts() != nil {
		return nil
	}
	err := os.Remove(filepath.Join(b.d.records, b.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// startTime is when a living process began, in the kernel's words: with it a process
// ID means one process and no later one.
func startTime(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The command's name may contain anything; after its bracket come the fields from the third on.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("read %q of /proc", b)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return "", fs.ErrNotExist // dead; that nobody has reaped it is nobody's concern
	}
	return fields[19], nil
}

// sweepRecords ends the first processes that records tell of, if they are still
// there, and gives the IDs.
func (d *Driver) sweepRecords(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(d.records)
	if err != nil {
		return nil, fmt.Errorf("sweep records: %w", err)
	}
	var ids []string
	for _, e := range entries {
		path := filepath.Join(d.records, e.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			return ids, fmt.Errorf("sweep records: %w", err)
		}
		text, start, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
		if pid, err := strconv.Atoi(text); err == nil && pid > 1 {
			if err := endProcess(ctx, pid, start); err != nil {
				return ids, fmt.Errorf("sweep sandbox %s: %w", e.Name(), err)
			}
		}
		if err := os.Remove(path); err != nil {
			return ids, fmt.Errorf("sweep records: %w", err)
		}
		ids = append(ids, e.Name())
	}
	return ids, nil
}

// endProcess kills a process that is not our child and waits until it is gone.
func endProcess(ctx context.Context, pid int, start string) error {
	for {
		if now, err := startTime(pid); err != nil || now != start {
			return nil
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}
