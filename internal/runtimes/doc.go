// Package runtimes knows the managed runtimes: which of them this host can
// serve, where their interpreters are, and how each is started.
//
// A language is a Family: python, node, ruby and java are packages below this
// one, and whoever joins the parts hands their families to Discover. Discover
// asks each family to look round the host, writes the families' bootstraps
// into folders named by their content, and returns a Set. From then on nothing
// is searched: Set.Program turns a version into a command line, with the
// interpreter's folder shown at /var/lang and the bootstrap's at /var/runtime,
// just where functions expect them.
//
// Custom runtimes bring their own bootstrap and need no family.
package runtimes
