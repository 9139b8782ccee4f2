// Package clients makes function packages for provided.al2023 out of AWS's own
// runtime interface clients, unmodified: each is a bootstrap that starts the
// client with a handler which does what the event says. The end-to-end tests
// deploy them, because a client that AWS ships speaks to the Runtime API in its
// own way (docs/environment.md §2).
//
// The handlers understand one event, with the same outcome in each language:
//
//	{"op": "echo", "value": …}      answers the value
//	{"op": "env", "name": "…"}      answers the environment variable, or null
//	{"op": "print", "text": "…"}    prints the text and a line end, answers null
//	{"op": "context"}               answers {"id": …, "arn": …}
//	{"op": "raise", "message": "…"} fails with the message
//	{"op": "exit", "code": n}       ends the process
//
// A package is built once, from sources that are pinned, into the user's cache.
// The interpreters that the bootstraps start are the host's and must be below
// /usr, which every sandbox shows; Client.Needs says what else.
package clients
