package lambda

import "time"

// LayerVersion is one immutable version of a layer. Deleted ones remain as a
// record as long as a function refers to them (F125), and their number is never
// used again (F118).
type LayerVersion struct {
	Account, Region string
	Layer           string
	Number          int64
	Description     string
	License         string
	Runtimes        []Runtime // nil: not given; empty: given as empty (F117)
	Architectures   []string
	Code            Code
	CreatedAt       time.Time
	Deleted         bool

	// Policy says which other accounts may use it. It goes when the version is
	// deleted.
	Policy Policy
}

// NewLayerVersion is what a caller publishes.
type NewLayerVersion struct {
	Layer         string
	Description   string
	License       string
	Runtimes      []Runtime
	Architectures []string
	Package       Package
}

// LayerFilter is one page of ListLayers or ListLayerVersions. An empty member
// filters nothing.
type LayerFilter struct {
	Runtime      Runtime
	Architecture string
	Marker       string
	Max          int // 0: as many as a page may have
}
