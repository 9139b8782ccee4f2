// Package runtimeapi is what lives at AWS_LAMBDA_RUNTIME_API inside one
// environment: the Runtime, Extensions, Telemetry and Logs APIs, on a small
// HTTP/1.1 server of our own.
//
// # Why not net/http
//
// Every invocation passes here twice, in and out, and every environment keeps a
// server of its own. Fixed routes, a dozen headers that mean something and
// bodies that are wanted whole need little: a request is parsed in place in the
// connection's buffer, a warm round allocates next to nothing, and an answer
// leaves in one write. What net/http accepts and official clients send is
// accepted; the request parser is fuzzed against net/http's.
//
// # Authority
//
// The server owns connections and bytes. Which call is allowed when is the
// environment's to say, through the interfaces Runtime and Extensions; its
// *lambda.Refusal becomes the status and the body that AWS would send.
//
// # Parked connections
//
// A `next` may wait for hours in a frozen environment, so nothing here has an
// idle timeout. The goroutine that serves the connection waits in
// Runtime.Next. If that takes longer than a moment, a second one begins to read
// ahead on the same connection. It notices when the peer is gone, which ends
// the wait, and it is the one that serves the connection's next request: after
// the event is written the first goroutine is done. Nobody interrupts a read
// or hands bytes to another goroutine, and an invocation costs no wake-up but
// those that it needs anyway.
//
// An event that was written to a connection whose peer had just died is lost
// here without notice; the environment gives the same event to the next `next`
// for as long as no answer came.
//
// # Responses as they come
//
// Some callers want a response while the function makes it. Its bytes then go
// piece by piece from the runtime's connection to the invocation's lambda.Stream.
// A piece is read when the one before has been taken, so a slow caller slows down
// the function, as on AWS, and nothing piles up here. A caller who has gone takes
// nothing; the rest is read and forgotten, since the function runs on.
//
// # Bounds
//
// A function can hurt only its own environment: connections, header bytes,
// chunk and trailer lines, bodies, and all bytes held at once are limited per
// server (limits.go). Full means refused, now.
package runtimeapi
