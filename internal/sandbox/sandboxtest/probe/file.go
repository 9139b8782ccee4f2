package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"lambent/internal/sandbox/sandboxtest/finding"
)

func fileVerbs() map[string]verb {
	return map[string]verb{
		"read":     readFile,
		"list":     listFolder,
		"write":    func(a []string) finding.Finding { return outcome(os.WriteFile(a[0], []byte(a[1]), 0o600)) },
		"modify":   modify,
		"remove":   func(a []string) finding.Finding { return outcome(os.Remove(a[0])) },
		"link":     func(a []string) finding.Finding { return outcome(os.Symlink(a[0], a[1])) },
		"chmod":    func(a []string) finding.Finding { return outcome(os.Chmod(a[0], 0o777)) },
		"fill":     fill,
		"writable": writable,
		"open":     openMany,
	}
}

func readFile(args []string) finding.Finding {
	file, err := os.Open(args[0])
	if err != nil {
		return outcome(err)
	}
	defer file.Close()
	b := make([]byte, 64<<10) // what is endless in /proc is read in part
	n, err := file.Read(b)
	if n > 0 {
		err = nil
	}
	f := outcome(err)
	f.Text = string(b[:n])
	return f
}

func listFolder(args []string) finding.Finding {
	entries, err := os.ReadDir(args[0])
	f := outcome(err)
	for _, e := range entries {
		f.List = append(f.List, e.Name())
	}
	return f
}

// modify opens for writing and writes nothing, which is harmless should it succeed.
func modify(args []string) finding.Finding {
	file, err := os.OpenFile(args[0], os.O_WRONLY, 0)
	if err == nil {
		file.Close()
	}
	return outcome(err)
}

// fill writes to a file until there is no room, or so many MiB, and counts bytes.
func fill(args []string) finding.Finding {
	file, err := os.Create(args[0])
	if err != nil {
		return outcome(err)
	}
	defer file.Close()
	block := []byte(strings.Repeat("fill", 1<<18)) // a MiB that is not zeros
	var written int64
	for range number(args[1]) {
		n, err := file.Write(block)
		written += int64(n)
		if err != nil {
			f := outcome(err)
			f.Number = written
			return f
		}
	}
	return finding.Finding{Did: true, Number: written}
}

// writable lists the folders in which a file can be made, few levels deep.
func writable([]string) finding.Finding {
	f := finding.Finding{Did: true}
	filepath.WalkDir("/", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil
		}
		probe := filepath.Join(name, ".lambent-probe")
		if file, err := os.OpenFile(probe, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			file.Close()
			os.Remove(probe)
			f.List = append(f.List, name)
			return fs.SkipDir
		}
		if name == "/proc" || name == "/sys" || strings.Count(name, "/") >= 3 {
			return fs.SkipDir
		}
		return nil
	})
	return f
}

// openMany opens files until it may not, and counts them.
func openMany(args []string) finding.Finding {
	var f finding.Finding
	var files []*os.File
	for range number(args[0]) {
		file, err := os.Open(os.Args[0])
		if err != nil {
			f = outcome(err)
			if !errors.Is(err, syscall.EMFILE) {
				f.Text = "not for want of descriptors"
			}
			break
		}
		files = append(files, file)
	}
	f.Number = int64(len(files))
	f.List = append(f.List, strconv.Itoa(len(files)))
	for _, file := range files {
		file.Close()
	}
	return f
}
