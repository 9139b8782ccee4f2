package seccomp

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// firstForeignNumber begins the numbers of the x32 interface.
const firstForeignNumber = 0x40000000

// archDenied are the calls that only this architecture has.
func archDenied() []Call {
	return []Call{
		{"iopl", unix.SYS_IOPL, unix.EPERM}, {"ioperm", unix.SYS_IOPERM, unix.EPERM},
		{"modify_ldt", unix.SYS_MODIFY_LDT, unix.EPERM}, {"uselib", unix.SYS_USELIB, unix.EPERM},
		{"ustat", unix.SYS_USTAT, unix.EPERM}, {"sysfs", unix.SYS_SYSFS, unix.EPERM},
		{"_sysctl", unix.SYS__SYSCTL, unix.EPERM}, {"create_module", unix.SYS_CREATE_MODULE, unix.EPERM},
		{"query_module", unix.SYS_QUERY_MODULE, unix.EPERM}, {"get_kernel_syms", unix.SYS_GET_KERNEL_SYMS, unix.EPERM},
	}
}
