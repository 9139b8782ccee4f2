package code

import (
	"os"
	"strings"
)

// bootID names this run of the machine, or is empty when that is not known.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
