// Package e2e proves the whole: the real binary, real sandboxes, real
// interpreters, and the clients that people use. It holds tests only.
//
// A test asks for a server with start and talks to it through AWS's own SDK.
// Servers are shared by tests that ask for the same flags, since nothing of one
// function may reach another.
package e2e
