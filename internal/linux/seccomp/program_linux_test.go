package seccomp

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// verdict runs the program on a call, as the kernel would.
func verdict(t *testing.T, vm *bpf.VM, arch, number, arg0 uint32) uint32 {
	t.Helper()
	var data [64]byte
	// The VM reads as from a network; what counts is that it reads what was put there.
	binary.BigEndian.PutUint32(data[offNumber:], number)
	binary.BigEndian.PutUint32(data[offArch:], arch)
	binary.BigEndian.PutUint32(data[offArg0:], arg0)
	v, err := vm.Run(data[:])
	if err != nil {
		t.Fatal(err)
	}
	return uint32(v)
}

// TestEveryNumber: each denied call has its errno, and no other call has any.
func TestEveryNumber(t *testing.T) {
	t.Parallel()
	vm, err := bpf.NewVM(instructions())
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint32]uint32{}
	for _, c := range Denied() {
		want[c.Number] = unix.SECCOMP_RET_ERRNO | uint32(c.Errno)
	}
	for _, r := range argumentRules() {
		if _, twice := want[r.number]; twice {
			t.Errorf("call %d has two rules", r.number)
		}
	}
	// With a harmless first argument: a local socket, no flags.
	want[unix.SYS_SOCKET] = verdict(t, vm, auditArch, unix.SYS_SOCKET, unix.AF_UNIX)
	for number := range uint32(1024) {
		expected, denied := want[number]
		if !denied {
			expected = unix.SECCOMP_RET_ALLOW
		}
		if number >= firstForeignNumber {
			expected = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
		}
		arg := uint32(0)
		if number == unix.SYS_SOCKET {
			arg = unix.AF_UNIX
		}
		if got := verdict(t, vm, auditArch, number, arg); got != expected {
			t.Errorf("call %d: %x, want %x", number, got, expected)
		}
		if got := verdict(t, vm, auditArch+1, number, arg); got != unix.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS) {
			t.Errorf("call %d of another architecture: %x", number, got)
		}
	}
	if want[unix.SYS_SOCKET] != unix.SECCOMP_RET_ALLOW {
		t.Errorf("a local socket: %x", want[unix.SYS_SOCKET])
	}
}
