// Package simulated is a driver whose processes are Go functions and whose
// sandboxes are memory. It exists for tests of what stands on the driver
// contract: engines, and the whole daemon from a seed.
//
// It is honest where it matters: bytes are buffered as sockets and pipes buffer
// them, a frozen process makes no progress, a killed one is gone with its
// connections, /tmp outlives Kill but not Destroy, memory ends in an OOM kill.
// It is strict too: whoever breaks the contract of package sandbox is told by
// Driver.Leaks, as is whoever leaves something behind.
//
// # Time
//
// Everything waits on channels and timers only, so a driver that is made inside
// a bubble of testing/synctest runs in virtual time. Everything that it starts
// is a goroutine of its caller's bubble.
//
// # Steps
//
// A process moves in steps: a call of a method of Process, or a read or write of
// what it opened. A step happens wholly before a Freeze returns or after Thaw,
// and never after the process died. What a program does between two steps
// nobody outside can see, so it needs no care. A dead process unwinds at its
// next call of a method of Process (its deferred calls run); a program that
// waits for something else must watch Process.Context, else Kill waits for ever.
//
// # Fate
//
// Faults are drawn from the seed and the sandbox's ID, so what befalls a sandbox
// does not depend on what other sandboxes do at the same time.
package simulated
