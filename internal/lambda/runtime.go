package lambda

import "strings"

// Runtime is the identifier that a function's configuration carries, such as
// "python3.13".
type Runtime string

// Runtimes that AWS accepts at creation, in the order in which its error
// message prints them (F051, recorded November 2025).
var creatable = []Runtime{
	"nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
	"python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
	"nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
}

// later are identifiers that came after that recording (developer guide, "Lambda runtimes", autumn 2026).
var later = []Runtime{"java17.al2023", "java11.al2023", "java8.al2023", "ruby4.0"}

// retired are those that AWS no longer accepts for creating or updating (F052).
var retired = []Runtime{
	"java8", "go1.x", "provided", "ruby2.5", "ruby2.7", "python2.7", "python3.6", "python3.7", "nodejs", "nodejs4.3",
	"nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
	"dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1",
}

// CreatableRuntimes lists what CreateFunction accepts, in AWS's order.
func CreatableRuntimes() []Runtime { return append([]Runtime(nil), creatable...) }

// Creatable tells whether AWS accepts the runtime for new functions today.
func (r Runtime) Creatable() bool { return contains(creatable, r) || contains(later, r) }

// Retired tells whether AWS knew the runtime once and refuses it now.
func (r Runtime) Retired() bool { return contains(retired, r) }

// Custom tells whether the package brings its own bootstrap.
func (r Runtime) Custom() bool { return strings.HasPrefix(string(r), "provided") || r == "go1.x" }

func contains(list []Runtime, r Runtime) bool {
	for _, x := range list {
		if x == r {
			return true
		}
	}
	return false
}
