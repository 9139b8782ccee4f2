package store_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"lambent/internal/store"
)

// TestMain doubles as the other daemon: a child that takes the lock, says so,
// and waits to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LAMBENT_TEST_LOCK"); dir != "" {
		release, err := store.Lock(dir)
		if err != nil {
			os.Stdout.WriteString("refused: " + err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("locked\n")
		time.Sleep(time.Hour) // until it is killed; waiting for nothing would be a deadlock
		_ = release()         // never; it keeps the lock's file from being collected
	}
	os.Exit(m.Run())
}

func TestLockNamesTheHolderAndEndsWithIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "LAMBENT_TEST_LOCK="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "locked\n" {
		t.Fatalf("child said %q, %v", line, err)
	}
	_, err = store.Lock(dir)
	var inUse *store.InUse
	if !errors.As(err, &inUse) || inUse.PID != child.Process.Pid {
		t.Errorf("Lock of a held folder: %v, want InUse by %d", err, child.Process.Pid)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	release, err := store.Lock(dir)
	if err != nil {
		t.Fatalf("Lock after the holder was killed: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockIsGivenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		release, err := store.Lock(dir)
		if err != nil {
			t.Fatal(err)
		}
		// The same process is refused too: a second daemon inside a test is one too many.
		if _, err := store.Lock(dir); err == nil || !strings.Contains(err.Error(), "in use by lambent process") {
			t.Errorf("second Lock: %v, want in use", err)
		}
		if err := release(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLockOfMissingFolder(t *testing.T) {
	t.Parallel()
	if _, err := store.Lock(t.TempDir() + "/absent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Lock of a missing folder: %v, want not exist", err)
	}
}
