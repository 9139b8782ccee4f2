// Package store holds the contracts of what Lambent remembers between runs:
// what a store must do, and nothing about how. The suite in storetest is the
// same for every implementation; sqlite is the default one, memory is the
// honest fake for tests.
//
// Two promises hold for every method that changes something:
//
//   - When it returns nil, the change survives a kill of the process and a loss
//     of power. Nothing is acknowledged early.
//   - It happens as a whole or not at all. There are no half-made functions to
//     repair after a crash.
//
// Values are documents (JSON) beside the columns that are searched by. The
// names of the Go fields of the lambda nouns are the names in the documents:
// renaming one needs a migration, and TestDocumentNames is there to say so.
package store

import (
	"context"
	"errors"

	"lambent/internal/lambda"
)

// ErrClosed is what a store answers after Close.
var ErrClosed = errors.New("store is closed")

// Function is a function as a store keeps it.
type Function struct {
	lambda.Function

	// Serving is what invocations of Latest run while its last update is not, or
	// not yet, successful. Nil when that is Latest itself.
	Serving *lambda.Version

	// Published is the number of the version that was published last, which
	// may have been deleted since; empty when none was. PublishedFrom is the
	// generation that Latest had then, so that a second publishing of the same
	// is recognised.
	Published     string
	PublishedFrom string

	Aliases []lambda.Alias // by name

	// Attached is by qualifier: a version's number, an alias, or Latest, which
	// stands for the function itself as well.
	Attached map[string]Attached

	Reserved          *int   // concurrency; nil: none is set aside
	CodeSigningConfig string // ARN, empty: none
	RecursiveLoop     string // "Allow", "Terminate" or empty, which means Terminate
}

// Attached is what belongs to a function, or to one of its versions or aliases,
// and is no part of it.
type Attached struct {
	Policy        lambda.Policy // no statements: there is none
	RuntimeUpdate lambda.RuntimeUpdate
	EventInvoke   *lambda.EventInvoke
	URL           *lambda.FunctionURL
	Provisioned   *lambda.Provisioned
}

// FunctionChange is one change of one function, applied as a whole.
type FunctionChange struct {
	Function Function         // made or replaced
	Versions []lambda.Version // each made or replaced, by its Number
	Removed  []string         // numbers of versions to remove; absent ones are fine
}

// Functions remembers functions and their versions.
type Functions interface {
	// EachFunction calls visit once for every function, with its versions in
	// no particular order, until visit fails; it returns that error as it is.
	EachFunction(ctx context.Context, visit func(Function, []lambda.Version) error) error

	// PutFunction applies the change. A context that ends early may leave it
	// undone, never half done; the caller then cannot know which.
	PutFunction(ctx context.Context, change FunctionChange) error

	// DeleteFunction removes a function with all its versions. One that is not
	// there is no error.
	DeleteFunction(ctx context.Context, name string) error
}

// Signing remembers code signing configs.
type Signing interface {
	// EachCodeSigningConfig calls visit once for every config, in no particular
	// order, until visit fails; it returns that error as it is.
	EachCodeSigningConfig(ctx context.Context, visit func(lambda.CodeSigningConfig) error) error

	// PutCodeSigningConfig makes or replaces a config, by ID.
	PutCodeSigningConfig(ctx context.Context, c lambda.CodeSigningConfig) error

	// DeleteCodeSigningConfig removes a config. One that is not there is no error.
	DeleteCodeSigningConfig(ctx context.Context, id string) error
}

// Mappings remembers event source mappings.
type Mappings interface {
	// EachMapping calls visit once for every mapping, in no particular order,
	// until visit fails; it returns that error as it is.
	EachMapping(ctx context.Context, visit func(lambda.EventSourceMapping) error) error

	// PutMapping makes or replaces a mapping, by UUID.
	PutMapping(ctx context.Context, m lambda.EventSourceMapping) error

	// DeleteMapping removes a mapping. One that is not there is no error.
	DeleteMapping(ctx context.Context, uuid string) error
}

// Layers remembers layer versions, deleted ones too: their numbers must never
// come back.
type Layers interface {
	// EachLayerVersion calls visit once for every layer version, in no
	// particular order, until visit fails; it returns that error as it is.
	EachLayerVersion(ctx context.Context, visit func(lambda.LayerVersion) error) error

	// PutLayerVersion makes or replaces a layer version, by Layer and Number.
	PutLayerVersion(ctx context.Context, v lambda.LayerVersion) error
}
