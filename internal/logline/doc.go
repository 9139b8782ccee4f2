// Package logline turns what processes write into log records, and events into
// the bytes that AWS shows for them. It is pure: no clock, no file, no
// goroutine.
//
// Bytes come in two ways (docs/environment.md §7.5):
//
//   - Lines: standard output and error, one record per line. Only "\n" ends a
//     line; a "\r" stays inside (F275), which is how runtimes keep a traceback
//     in one record.
//   - Frames: the pipe that _LAMBDA_TELEMETRY_LOG_FD names. Each record has a
//     header with its level and time, so it may have several lines.
//
// Bytes go out in two ways: AppendRecord writes the JSON envelope of the
// Telemetry API, which is also the JSON log format, and AppendMessages writes
// what a log stream holds, in the format that the function asked for.
package logline

// MaxLength is the longest record in bytes: CloudWatch's event size of 256 KiB
// less its 26 bytes of overhead. Longer text is split.
const MaxLength = 256*1024 - 26

// keepCapacity is how large a buffer may be that stays with an idle process.
const keepCapacity = 4 * 1024
