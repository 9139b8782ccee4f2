package sandbox

// Compiler is how the modules of a version are compiled before they are
// imported: a program that reads the version's folders, in a sandbox that has
// the Program's mounts too, and runs none of what it finds there. It writes the
// code to standard output and to IndexFD what stands where. An output of no
// bytes says that there is nothing to be gained.
type Compiler struct {
	Argv []string // in paths as seen inside
	Env  []string
	Dir  string

	// Accepts names who can use the outcome, as a part of a file name: the runtime,
	// a plus sign, and the interpreter, whose successor makes the outcome again.
	Accepts string
	// Sources is how the names of the files end that it reads.
	Sources string
	// Target is the folder where the interpreter looks for the outcome. It is
	// there when nothing is mounted, too, and then without CodeFile and IndexFile.
	Target string
}

// IndexFD is the descriptor of a Compiler's second output.
const IndexFD = 3

// The files of a Compiler's outcome in its Target.
const (
	CodeFile  = "code"
	IndexFile = "index"
)
