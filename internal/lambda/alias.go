package lambda

// Alias is a name that points to a version of a function, or divides its
// invocations between two.
type Alias struct {
	Name        string
	Description string
	Version     string // Latest or a number
	RevisionID  string

	// Other gets Weight (0 to 1) of the invocations; empty when all are for
	// Version.
	Other  string
	Weight float64
}

// AliasChange is what a caller chooses of an alias. A nil member was not
// given: empty at creation, unchanged at an update.
type AliasChange struct {
	Version     *string
	Description *string
	Weights     *map[string]float64 // by version number; an empty map takes the weights away
	RevisionID  string              // empty: no precondition
}
