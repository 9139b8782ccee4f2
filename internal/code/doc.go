// Package code keeps deployment packages: the zips of functions and layers,
// under the digest of their bytes, and the folders that they unpack to.
//
// # Layout of the folder
//
//	zip/<digest>.zip      the bytes as they were uploaded
//	tree/<digest>/        the same, unpacked; mounted read-only into environments
//	tree/<digest>.json    what the tree must look like; written last
//	tmp/                  what is being made or thrown away; emptied by Open
//
// # Durability
//
// A zip is flushed to the disk, under its final name, before Put returns. A
// tree is not flushed at all, since it can always be made again from its zip.
// Instead it is checked when it is first used by a process: against sizes, modes
// and times if the machine has not been restarted since, and byte for byte
// against the checksums otherwise, because a power loss can leave files of the
// right size without their content. A tree that was not finished has no
// manifest. A tree that fails the check is made again.
//
// # Hostile packages
//
// Zips come from outside. All names are judged before anything is written
// (archive.go), everything is written through a directory handle that cannot
// be left (unpack.go), links come last, and sizes are bounded by what the
// package declares, which is in turn bounded by AWS's limit of 250 MB.
//
// # Permissions
//
// As on AWS, the permission bits of the zip decide whether the function's user
// can read a file: 0600 ends in "permission denied" (docs/environment.md §6.3).
// An entry that has no Unix mode, because it was made on Windows or by a library
// that leaves the field zero, gets 0644: readable, and not executable, which is
// why AWS tells Windows users to mark their bootstrap with build-lambda-zip.
// Folders are always 0755. Set-user-ID and similar bits are dropped.
package code
