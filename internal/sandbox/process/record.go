package process

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
)

// record appends processes to the sandbox's record, for the Sweep of a later
// daemon.
func record(folder string, ids ...identity) (err error) {
	f, err := os.OpenFile(filepath.Join(folder, "record"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	boot := bootID()
	for _, id := range ids {
		if _, err := fmt.Fprintf(f, "%d %d %s\n", id.pid, id.start, boot); err != nil {
			return err
		}
	}
	return nil
}

// readRecord reads back what can be read; a last line that was cut short by the
// daemon's death is no one.
func readRecord(folder string) map[identity]bool {
	known := map[identity]bool{}
	f, err := os.Open(filepath.Join(folder, "record"))
	if err != nil {
		return known
	}
	defer f.Close()
	boot := bootID()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var id identity
		var when string
		if n, _ := fmt.Sscanf(lines.Text(), "%d %d %s", &id.pid, &id.start, &when); n == 3 && when == boot {
			known[id] = true
		}
	}
	return known
}
