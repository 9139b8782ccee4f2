// Package process is a driver without isolation for any Unix, for a developer's
// machine: sandboxes are folders, processes are the user's own. Nothing here
// stops a function that means harm; Report says so.
//
// # Which processes are a sandbox's
//
// The kernel keeps no list of a sandbox's processes here, so the driver finds
// them. It trusts the processes that it started and has not reaped, those that
// it recorded with their start time, and those whose first environment names the
// sandbox's own folder (TMPDIR does). From these it goes on to their children,
// their process groups and their sessions: while a trusted process is in a group
// or session, the kernel gives that number to nobody else. A process is looked
// for in this way before its leader is reaped, so the usual orphans stay known.
// One that forks twice, leaves its session and clears its environment before
// anybody looks is lost, which is why the driver does not claim that Kill cannot
// be escaped.
//
// When the daemon is killed, Linux kills the processes that it started. Their
// descendants, and all of them elsewhere, stay until the next start over the same
// state folder.
//
// # Where things are
//
//	<state>/lock                  held while a driver lives
//	<state>/sandboxes/<id>/record processes: pid and start time, a line each
//	<state>/sandboxes/<id>/tmp    /tmp
//	<state>/sandboxes/<id>/tree<n> the merged tree of the n-th target
package process
