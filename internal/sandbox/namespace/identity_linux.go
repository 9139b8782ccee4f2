package namespace

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strconv"
	"strings"
)

const (
	// Identities are of the range that systemd's table of user IDs leaves unused,
	// and each driver has a part of it to itself: the kernel counts a user's
	// processes on the whole host, and one driver's sandbox that uses up its
	// process limit must not leave another's namesake without.
	defaultFirstUID = 1_900_000_000
	identityCount   = 65536
	identityParts   = 3700

	// The one identity there is inside a user namespace with a single mapping:
	// the numbers that AWS's emulator uses.
	rootlessUID = 993
	rootlessGID = 990
)

// identities hands out user IDs that no other live sandbox has. Those given
// back are used again last, so that what might be left of their former owner
// has had time to go.
type identities struct {
	first uint32
	one   bool     // rootless: everybody is rootlessUID
	used  uint32   // handed out at least once
	free  []uint32 // given back, oldest first
}

func newIdentities(first uint32, state string, rootless bool) identities {
	if first == 0 {
		h := fnv.New32a()
		_, _ = io.WriteString(h, state)
		first = defaultFirstUID + h.Sum32()%identityParts*identityCount
	}
	return identities{first: first, one: rootless}
}

func (i *identities) take() (uint32, error) {
	switch {
	case i.one:
		return rootlessUID, nil
	case i.used < identityCount:
		i.used++
		return i.first + i.used - 1, nil
	case len(i.free) > 0:
		id := i.free[0]
		i.free = i.free[1:]
		return id, nil
	}
	return 0, errors.New("every user ID of the range is in use")
}

func (i *identities) give(id uint32) {
	if !i.one {
		i.free = append(i.free, id)
	}
}

// allCapabilities lists what PID 1 of a user namespace keeps over exec.
func allCapabilities() ([]uintptr, error) {
	b, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return nil, fmt.Errorf("count capabilities: %w", err)
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, fmt.Errorf("count capabilities: %w", err)
	}
	caps := make([]uintptr, last+1)
	for c := range caps {
		caps[c] = uintptr(c)
	}
	return caps, nil
}
