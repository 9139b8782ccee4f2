package lambda

import "time"

// CodeSigningConfig says whose code functions may run. Lambent keeps it and
// which functions have it; signatures themselves are not checked.
type CodeSigningConfig struct {
	ID           string // "csc-" and 17 letters or digits
	ARN          string
	Description  string
	Publishers   []string // ARNs of signing profile versions
	Untrusted    string   // "Warn" or "Enforce"
	Tags         map[string]string
	LastModified time.Time
}

// CodeSigningChange is what a caller chooses of one. A nil member was not
// given.
type CodeSigningChange struct {
	Description *string
	Publishers  *[]string
	Untrusted   *string
	Tags        map[string]string // at creation only
}

// CodeSigningConfigARN names a code signing config.
func (h Home) CodeSigningConfigARN(id string) string {
	return h.prefix() + "code-signing-config:" + id
}

// RuntimeUpdate says when a version's runtime may be replaced by a newer one.
type RuntimeUpdate struct {
	Mode       string // "Auto", "Manual" or "FunctionUpdate"; empty: Auto
	VersionARN string // Manual only
}
