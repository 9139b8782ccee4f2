package lambda

// Latest is the qualifier of the one version that can change.
const Latest = "$LATEST"

// IsVersionNumber tells whether a qualifier is a published version's number
// and not an alias.
func IsVersionNumber(qualifier string) bool {
	if qualifier == "" {
		return false
	}
	for _, r := range qualifier {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
