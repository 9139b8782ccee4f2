package java

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
)

// A virtual machine takes the encoding of file names and variables, and before
// Java 18 of every text whose encoding a program leaves open, from the locale.
// That of functions is AWS's, en_US.UTF-8, which many hosts do not have: all but
// ASCII was lost there. Functions are shown it where the C library looks, made of
// the one without a country, which is part of the C library.
const (
	locales     = "/usr/lib/locale"
	locale      = "en_US.UTF-8"
	localeDir   = "en_US.utf8" // as the C library spells it
	nearest     = "C.utf8"
	localesName = "locales" // in the folder that is shown at /var/runtime
)

// writeLocales puts a folder of locales beside the jar, whole or not at all, if the
// host has none that the virtual machine takes and one to make it of.
func writeLocales(ctx context.Context, found runtimes.Found, folder string) error {
	place := filepath.Join(folder, localesName)
	if _, err := os.Stat(place); err == nil || speaksUTF8(ctx, found, "") {
		return nil
	}
	source := os.DirFS(filepath.Join(locales, nearest))
	if _, err := fs.Stat(source, "LC_CTYPE"); err != nil {
		return nil
	}
	fresh, err := os.MkdirTemp(folder, ".locales-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	err = os.CopyFS(filepath.Join(fresh, localeDir), source)
	if err = errors.Join(err, os.Symlink(localeDir, filepath.Join(fresh, nearest))); err != nil {
		return err
	}
	if err := os.Rename(fresh, place); !errors.Is(err, fs.ErrExist) { // another interpreter's may be there by now
		return err
	}
	return nil
}

// speaksUTF8 asks the virtual machine, with the locales of the host or of another
// folder. Java 8 and 11 do not say what is native, but what they made of it.
func speaksUTF8(ctx context.Context, found runtimes.Found, folder string) bool {
	cmd := exec.CommandContext(ctx, found.Path, "-XshowSettings:properties", "-version")
	cmd.Env = []string{"LANG=" + locale}
	if folder != "" {
		cmd.Env = append(cmd.Env, "LOCPATH="+folder)
	}
	defer runtimes.Tether(cmd)()
	out, err := cmd.CombinedOutput()
	return err == nil && strings.Contains(string(out), "sun.jnu.encoding = UTF-8")
}

// localeMounts show the folder that writeLocales made, if it did.
func localeMounts(folder string) []sandbox.Mount {
	place := filepath.Join(folder, localesName)
	if _, err := os.Stat(place); err != nil {
		return nil
	}
	return []sandbox.Mount{{Source: place, Target: locales}}
}
