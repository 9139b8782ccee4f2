package lambda

import "time"

// Limits that AWS publishes (developer guide, "Lambda quotas") or that its
// recordings show. Bytes unless the name says otherwise.
const (
	MaxSyncPayload      = 6 * 1024 * 1024   // request of a RequestResponse invocation, 6,291,456
	MaxAsyncPayload     = 1024 * 1024       // of an Event
	MaxResponsePayload  = 6*1024*1024 + 100 // what a runtime may post, 6,291,556
	MaxStreamedResponse = 200 * 1024 * 1024 // what a runtime may post when the caller takes it as it comes
	MaxZipUpload        = 50 * 1024 * 1024  // zipped code inside a request
	MaxUnzipped         = 250 * 1024 * 1024 // function and layers together
	MaxCreateRequest    = 70167211          // a whole CreateFunction request (F057)
	MaxClientContext    = 3583              // base64 text of X-Amz-Client-Context
	MaxLogTail          = 4 * 1024          // X-Amz-Log-Result before base64
	MaxEnvironment      = 4 * 1024          // names and values together
	MaxLayers           = 5                 // per function
	MaxTags             = 50                // per resource
	MaxCodeStorage      = 300 << 30         // per account
	MaxErrorCause       = 64 * 1024         // X-Ray error cause header
	MaxExtensions       = 10                // per environment

	DefaultMemoryMB    = 128
	MaxMemoryMB        = 10240
	DefaultEphemeralMB = 512
	DefaultTimeout     = 3 * time.Second
	MaxTimeout         = 15 * time.Minute

	// MemoryPerCPU is how many MB of memory buy one full core.
	MemoryPerCPU = 1769

	// OpenFiles and Processes are the limits that a recording of a function's
	// ulimits shows.
	OpenFiles = 1024
	Processes = 742

	// InitLimit bounds an on-demand Init phase; the retry has the function's timeout.
	InitLimit = 10 * time.Second

	DefaultConcurrency = 1000
	UnreservedFloor    = 100
)

// CPUShare is the part of a core that a function of so much memory may use.
func CPUShare(memoryMB int) float64 { return float64(memoryMB) / MemoryPerCPU }

// VisibleCPUs is how many processors a function of so much memory can see, as
// measured on AWS: never fewer than two.
func VisibleCPUs(memoryMB int) int {
	switch {
	case memoryMB <= 3008:
		return 2
	case memoryMB <= 5307:
		return 3
	case memoryMB <= 7076:
		return 4
	case memoryMB <= 8845:
		return 5
	}
	return 6
}
