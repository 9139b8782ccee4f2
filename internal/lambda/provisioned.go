package lambda

import "time"

// Initialization is why an environment was made, as functions read it in
// AWS_LAMBDA_INITIALIZATION_TYPE (F170).
type Initialization string

// The values of Initialization that Lambent knows.
const (
	InitOnDemand    Initialization = "on-demand"
	InitProvisioned Initialization = "provisioned-concurrency"
)

// ProvisionedInitLimit bounds the Init of an environment that nobody waits for
// ("up to 15 minutes": functions with provisioned concurrency may have no longer
// timeout than that).
func ProvisionedInitLimit(timeout time.Duration) time.Duration { return max(130*time.Second, timeout) }

// Provisioned is what was asked for a version or an alias: so many environments
// kept initialised.
type Provisioned struct {
	Requested    int
	LastModified time.Time
}

// ProvisionedTarget is how many environments of a version are to be kept
// initialised, whoever asked.
type ProvisionedTarget struct {
	Version *Version
	Count   int
}

// Allocation is what there is of a target.
type Allocation struct {
	Allocated int // environments that are being made or are initialised
	Available int // those that are initialised
	Held      int // those of other versions of the function, kept until the new ones are
	// Failed is why no more can be initialised, in AWS's words; empty while there
	// is hope.
	Failed string
}

// ProvisionedStatus is what a caller is shown of a Provisioned.
type ProvisionedStatus struct {
	Qualifier    string
	Requested    int
	Allocated    int
	Available    int
	Status       string // IN_PROGRESS, READY or FAILED
	Reason       string // of FAILED
	LastModified time.Time
}

// The values of ProvisionedStatus.Status, and of its Reason.
const (
	ProvisionedInProgress = "IN_PROGRESS"
	ProvisionedReady      = "READY"
	ProvisionedFailed     = "FAILED"

	ReasonInitFailure = "FUNCTION_ERROR_INIT_FAILURE"
	// AWS's words for the other two are not known.
	ReasonInternalError = "INTERNAL_ERROR"
	ReasonCapacity      = "INSUFFICIENT_CAPACITY"
)
