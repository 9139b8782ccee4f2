// Package compiled keeps code that was compiled of versions' modules, so that
// this is done once for a version and not at each of its cold starts.
//
// # Authority
//
// A version's folders are read-only, and no environment can write where
// another reads. What is shared is made by a run of the compiler alone, in a
// sandbox of its own with the version's folders, whose only way out are two
// pipes; the daemon writes what comes, up to a bound, to a folder that
// environments see read-only. The bytes are as trustworthy as the sources, and
// reach nobody but who has the same sources: an outcome is named by the
// interpreter and the digests of the package and the layers.
//
// # Timing
//
// Nobody waits for an outcome. Who asks for one that is not there has it made
// later, one at a time, when nobody has asked for a moment, with the least share
// of the processors. A run that fails, or takes too long, is tried once more
// and then not until the next start of the daemon.
//
// # Layout of the folder
//
//	<package>/<runtime>+<interpreter>[+<layer>…]/   code and index
//	<package>/<runtime>+<interpreter>[+<layer>…]    an empty file: nothing to be gained
//	.new-…                                          half-made; removed by Open
//
// A folder appears when it is flushed to the disk, so none is ever half there.
package compiled
