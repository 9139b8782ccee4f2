// Package logs keeps what functions write and what the platform says of them:
// log groups and streams on disk, and the tails of invocations that asked for
// theirs.
//
// # The way of a record
//
// Publish is on an invocation's way, so it only copies: the event joins the
// bounded queue of its environment. One goroutine, the owner of everything on
// disk, wakes a moment later, takes all queues, renders, and appends to each
// stream with one write. A queue that is full refuses the newest lines and
// counts them; what the environment's readers miss stands in its stream as a
// platform.logsDropped record. Platform records have a reserve of their own: a
// function that floods its log does not lose its REPORT.
//
// # On disk
//
//	FOLDER/<group>/group.json             name, birth, retention
//	FOLDER/<group>/<stream>/<base>.log    a segment; base is the position of its first byte
//
// Names are escaped (see escape). A segment is a row of records, all numbers
// little-endian:
//
//	length u32 | crc32c u32 | time i64 | ingestion i64 | message | length u32
//
// Times are milliseconds since the epoch; the checksum covers times and message.
// The length at the end lets readers walk backwards. A record's position is the
// offset of its first byte from the beginning of its stream; positions only grow,
// also when old segments are pruned.
//
// Nothing is synced: records survive the death of the daemon at any moment, and a
// loss of power may cost the last seconds. Whatever a dying daemon or machine
// leaves at the end of a segment fails its checksum; readers stop there and the
// next append cuts it off.
//
// The last segment of a stream is open while its environment is there and has
// something to say: it is closed when the environment is gone, after a silent minute,
// and at the cost of the one that was used least recently when 256 are open.
//
// # Readers
//
// Readers share nothing with the owner but the files. A record that is being
// appended looks torn to them, so they see it the next time.
//
// # Limits
//
// Segments older than the group's retention are removed, and the oldest ones of
// all groups when everything together exceeds MaxBytes. A disk that is full
// costs the records of that moment, which are counted and reported in the
// stream when it can be written again; it never holds up a function.
package logs
