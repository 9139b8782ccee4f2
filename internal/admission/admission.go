// Package admission is the arithmetic of concurrency: whether one more
// invocation may run now. It follows AWS's "Understanding Lambda function
// scaling": a reservation is both a guarantee and a ceiling; the functions
// without one share what the reservations leave of the account's limit.
//
// Concurrency counts invocations, from their admission until their environment
// is done with them, extensions included. It is not the host's capacity, which
// is a separate bound with a queue before it.
package admission

// Limits are what applies to a function now.
type Limits struct {
	Account       int  // concurrency of the whole account
	ReservedTotal int  // of which so much is reserved, for all functions together
	HasReserved   bool // the function has a reservation
	Reserved      int  // of so much; 0 throttles it wholly
}

// Usage is what runs now.
type Usage struct {
	Function   int // invocations of the function
	Unreserved int // invocations of all functions without a reservation
}

// Reason is the Reason member of TooManyRequestsException.
type Reason string

// The reasons that this package gives; Admitted is none.
const (
	Admitted         Reason = ""
	ReservedExceeded Reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
	AccountExceeded  Reason = "ConcurrentInvocationLimitExceeded"
)

// Decide tells whether one more invocation of the function may run.
func Decide(l Limits, u Usage) Reason {
	switch {
	case l.HasReserved && u.Function >= l.Reserved:
		return ReservedExceeded
	case !l.HasReserved && u.Unreserved >= l.Account-l.ReservedTotal:
		return AccountExceeded
	}
	return Admitted
}
