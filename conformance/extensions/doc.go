// Package extensions proves that extensions which were not written for Lambent
// run unmodified: each is installed as its makers publish it, deployed as AWS's
// documentation says, and must do its job end to end, with a mock of its backend
// on this host's loopback. It holds tests only; get.sh installs. The list, with
// versions, is in docs/COMPATIBILITY.md.
package extensions
