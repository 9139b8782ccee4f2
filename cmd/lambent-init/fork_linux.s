// This file lets the compiler accept the bodyless functions of fork_linux.go.
