package lambda

import "time"

// Subscription is what an extension asks of the Telemetry API, or of the older
// Logs API, with the defaults filled in.
type Subscription struct {
	LogsAPI       bool
	SchemaVersion string   // "" when the extension named none
	Types         []string // "platform", "function", "extension"; at least one

	// Buffering: a batch is sent when any of the three is reached.
	MaxItems int
	MaxBytes int
	Timeout  time.Duration

	Destination Destination
}

// Destination is where the records of a Subscription go: a listener inside the
// environment.
type Destination struct {
	Protocol string // "HTTP" or "TCP"
	URI      string // HTTP
	Method   string // HTTP: "POST", or "PUT" for the Logs API
	Port     int
}
