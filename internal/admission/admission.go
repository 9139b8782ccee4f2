// Package admission is the arithmetic of concurrency: whether one more
// invocation may run now. It follows AWS's "Understanding Lambda function
// scaling" (docs/environment.md §8.1): a reservation is both a guarantee and a
// ceiling; provisioned concurrency is a part of it, or of the account's where the
// function has none; what is left of the account's limit is shared by all others.
//
// Concurrency counts invocations, from their admission until their environment
// is done with them, extensions included. It is not the host's capacity, which
// is a separate bound with a queue before it.
//
// Whatever is counted for a rate is a Meter, a number that the caller keeps.
package admission

import "time"

// Limits are what applies to a version of a function now.
type Limits struct {
	Account     int  // concurrency of the whole account
	Committed   int  // of which so much is reserved or provisioned, for all functions together
	HasReserved bool // the function has a reservation
	Reserved    int  // of so much; 0 throttles it wholly
	Provisioned int  // of all versions of the function together
	Version     int  // of this version
}

// Usage is what runs now.
type Usage struct {
	Version    int // invocations that the version's provisioned concurrency pays for
	Function   int // all other invocations of the function
	Unreserved int // those of all functions without a reservation
}

// Meters are the rates of requests that one more invocation may count for.
type Meters struct{ Version, Function, Account Meter }

// Class is what an invocation counts for.
type Class uint8

// The classes. A Guaranteed one is within what is set aside for its function,
// which storms of other functions cannot take.
const (
	Refused     Class = iota
	Provisioned       // the version's provisioned concurrency
	Reserved          // the function's reservation
	Unreserved        // what the account has left for all
)

// Guaranteed tells whether the class was set aside for the function.
func (c Class) Guaranteed() bool { return c == Provisioned || c == Reserved }

// Reason is the Reason member of TooManyRequestsException.
type Reason string

// The reasons that this package gives; Admitted is none.
const (
	Admitted             Reason = ""
	ReservedExceeded     Reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
	ReservedRateExceeded Reason = "ReservedFunctionInvocationRateLimitExceeded"
	AccountExceeded      Reason = "ConcurrentInvocationLimitExceeded"
	RateExceeded         Reason = "FunctionInvocationRateLimitExceeded"
)

// Decide tells what one more invocation of the version counts for, or why it
// is refused. An asynchronous one is bound by concurrency alone ("each execution
// environment can serve an unlimited number of asynchronous requests").
func Decide(l Limits, u Usage, m *Meters, now time.Duration, asynchronous bool) (Class, Reason) {
	if l.HasReserved && l.Reserved <= 0 {
		return Refused, ReservedExceeded // F159
	}
	quick := false // the version's own concurrency is free, its rate is not
	if u.Version < l.Version {
		if asynchronous || Requests(l.Version).Take(&m.Version, now) {
			return Provisioned, Admitted
		}
		quick = true
	}
	if !l.HasReserved {
		return l.shared(u, m, now, asynchronous)
	}
	left := l.Reserved - l.Provisioned
	switch {
	case left <= 0 && quick:
		return Refused, ReservedRateExceeded
	case u.Function >= left: // also F162
		return Refused, ReservedExceeded
	case !asynchronous && !Requests(left).Take(&m.Function, now):
		return Refused, ReservedRateExceeded
	}
	return Reserved, Admitted
}

// shared decides for functions without a reservation.
func (l Limits) shared(u Usage, m *Meters, now time.Duration, asynchronous bool) (Class, Reason) {
	left := l.Account - l.Committed
	switch {
	case u.Unreserved >= left:
		return Refused, AccountExceeded
	case !asynchronous && !Requests(left).Take(&m.Account, now):
		return Refused, RateExceeded
	}
	return Unreserved, Admitted
}
