package lambda

import "time"

// EventInvoke says what is done with the asynchronous invocations of a
// function, a version or an alias.
type EventInvoke struct {
	MaxRetries    *int // 0 to 2; nil: not chosen
	MaxAgeSeconds *int // 60 to 21600; nil: not chosen
	OnSuccess     string
	OnFailure     string // ARNs of destinations, empty for none
	LastModified  time.Time
}

// EventInvokeChange is what a caller chooses of an EventInvoke. A nil member was
// not given.
type EventInvokeChange struct {
	MaxRetries    *int
	MaxAgeSeconds *int
	Destinations  *Destinations
}

// Destinations is where the outcome of an asynchronous invocation goes. A nil
// member was not given; an empty one is no destination.
type Destinations struct{ OnSuccess, OnFailure *string }
