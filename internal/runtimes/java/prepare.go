package java

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"lambent/internal/runtimes"
)

// prepareTimeout bounds what takes a second or two on a quiet machine, and was
// once a minute on a busy one, whose Java 25 then had no archive of linked classes.
const prepareTimeout = 5 * time.Minute

// Prepare makes a locale, where the host lacks it, and lets the virtual machine
// archive the classes of a rehearsed life: a start then takes half the time. That
// can be done from Java 13 on; older ones start without.
//
// The machine accepts an archive only for the very jar that it was made with,
// known by its path as written on the command line or by its inode. The jar's
// path here is not the one inside, so it is written relative to the working
// folder, in a way that leads from /var/task to /var/runtime too.
func (Family) Prepare(ctx context.Context, found runtimes.Found, host *runtimes.Host, folder string) error {
	if err := writeLibrary(folder); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	if err := writeLocales(ctx, found, folder); err != nil {
		return err
	}
	if runtimes.CompareVersions(found.Version, "13") < 0 || strings.HasSuffix(string(found.Runtime), ".al2023") {
		return nil // the .al2023 names are served by the same interpreter as their elders
	}
	scratch, err := os.MkdirTemp(folder, ".rehearsal-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	task := filepath.Join(scratch, "task")
	if err := os.Mkdir(task, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(folder, filepath.Join(scratch, "runtime")); err != nil {
		return err
	}
	rehearse := func(options ...string) error {
		cmd := exec.CommandContext(ctx, found.Path, slices.Concat([]string{"-XX:TieredStopAtLevel=1"}, options,
			bootstrap(majorOf(found.Runtime), "../runtime/"+jarName), []string{"--rehearse"})...)
		cmd.Dir = task
		cmd.Env = host.Env
		defer runtimes.Tether(cmd)()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("archive classes of %s: %w: %s", found.Path, err, out)
		}
		return nil
	}
	fresh := filepath.Join(scratch, "archive.jsa")
	if err := rehearse("-XX:+UseSerialGC", "-XX:ArchiveClassesAtExit="+fresh); err != nil {
		return err
	}
	if err := publish(fresh, filepath.Join(folder, archiveName(found))); err != nil {
		return err
	}
	if runtimes.CompareVersions(found.Version, "25") < 0 {
		return nil
	}
	return makeCache(rehearse, scratch, filepath.Join(folder, cacheName(found)))
}

// makeCache makes what Java 25 has besides: an archive of classes that are linked
// to each other, with the objects of the virtual machine's own start. It is made in
// two runs, of which the second only reads what the first has written. Only G1 can
// write the objects; every collector that we start reads them.
func makeCache(rehearse func(options ...string) error, scratch, path string) error {
	const collector, size = "-XX:+UseG1GC", "-XX:MaxHeapSize=256m"
	notes, fresh := "-XX:AOTConfiguration="+filepath.Join(scratch, "notes"), filepath.Join(scratch, "archive.aot")
	if err := rehearse(collector, size, "-XX:AOTMode=record", notes); err != nil {
		return err
	}
	if err := rehearse(collector, size, "-XX:AOTMode=create", notes, "-XX:AOTCache="+fresh); err != nil {
		return err
	}
	return publish(fresh, path)
}

// publish puts a file where functions see it.
func publish(fresh, path string) error {
	if err := os.Chmod(fresh, 0o644); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// writeLibrary puts the native library beside the jar, whole or not at all.
func writeLibrary(folder string) error {
	library := libraryFor(runtime.GOARCH)
	path := filepath.Join(folder, libraryName)
	if _, err := os.Stat(path); err == nil || library == nil {
		return nil
	}
	fresh, err := os.CreateTemp(folder, ".library-")
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name())
	_, err = fresh.Write(library)
	if err = errors.Join(err, fresh.Chmod(0o644), fresh.Close()); err != nil {
		return err
	}
	return os.Rename(fresh.Name(), path)
}

// cacheName is the archive's of linked classes.
func cacheName(found runtimes.Found) string {
	return strings.TrimSuffix(archiveName(found), ".jsa") + ".aot"
}

// archiveName tells interpreters apart, updates of one included.
func archiveName(found runtimes.Found) string {
	sum := sha256.Sum256([]byte(found.Path + "\x00" + found.Version))
	return "classes-" + hex.EncodeToString(sum[:6]) + ".jsa"
}
