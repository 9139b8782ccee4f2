package python

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
	"lambent/internal/sandbox"
)

// harmless are the variables of the interpreter's that change neither what
// compiling makes nor where a function may look for the outcome.
var harmless = []string{"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONFAULTHANDLER"}

// compiler compiles the version's modules ahead (_lambent/compile.py). The interpreter
// hears nothing of the version's variables: what would change the outcome there
// has none.
func compiler(v *lambda.Version, found runtimes.Found, dirs runtimes.Dirs) *sandbox.Compiler {
	if slices.ContainsFunc(v.Environment, func(x lambda.Variable) bool {
		return strings.HasPrefix(x.Name, "PYTHON") && !slices.Contains(harmless, x.Name)
	}) {
		return nil
	}
	const own = runtimes.RuntimeDir + "/_lambent"
	// Those who make the outcome and those who read it are of one bootstrap.
	by := sha256.Sum256([]byte(found.Path + "\x00" + found.Version + "\x00" + filepath.Base(dirs.Bootstrap)))
	return &sandbox.Compiler{
		Argv:    []string{runtimes.LangDir + "/bin/" + filepath.Base(found.Path), "-I", "-S", "-B", own + "/compile.py", runtimes.TaskRoot, runtimes.LayerRoot},
		Env:     []string{"LD_LIBRARY_PATH=" + runtimes.LangDir + "/lib"},
		Dir:     "/",
		Accepts: string(v.Runtime) + "+" + hex.EncodeToString(by[:8]),
		Sources: ".py",
		Target:  own + "/code",
	}
}
