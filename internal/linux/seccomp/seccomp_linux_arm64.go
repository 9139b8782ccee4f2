package seccomp

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// firstForeignNumber is beyond every call; this architecture has one interface.
const firstForeignNumber = 0x40000000

// archDenied are the calls that only this architecture has: none worth denying.
func archDenied() []Call { return nil }
