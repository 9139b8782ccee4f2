// Package async proves asynchronous invocations with the real binary and AWS's
// own SDK: they are run, retried, told of, and not lost when the daemon is
// killed. It holds tests only.
package async
