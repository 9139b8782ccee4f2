// Package finding is what the suite's prober and the suite say to each other.
package finding

// Finding is what came of one thing that the prober did, a line of JSON.
type Finding struct {
	Did    bool     // it was possible
	Errno  int      // else: why not, when the kernel said so
	Error  string   // else: why not, in words
	Number int64    // what was counted
	Text   string   // what was read
	List   []string // what was listed
}
