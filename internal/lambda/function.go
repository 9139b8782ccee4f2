package lambda

import "time"

// Function is a name with what belongs to the name and not to a version.
type Function struct {
	Name      string
	Account   string
	Tags      map[string]string
	NextID    int64 // number that the next published version gets
	CreatedAt time.Time
}

// Version is code plus settings. A published one never changes but for its
// state; $LATEST is replaced as a whole by every update.
type Version struct {
	Account  string
	Region   string
	Function string
	Number   string // Latest, or the decimal number of a published version

	Description    string
	Runtime        Runtime
	Handler        string
	Role           string
	MemoryMB       int
	Timeout        time.Duration
	EphemeralMB    int
	Architecture   string // "x86_64" or "arm64"
	PackageType    string // "Zip" or "Image"
	Environment    []Variable
	HasEnvironment bool // an empty map was given, which AWS shows and an absent one it does not (F040)
	Layers         []LayerUse
	Code           Code
	Logging        Logging
	TracingMode    string // "PassThrough" or "Active"
	SnapStart      string // "None" or "PublishedVersions"
	KMSKeyARN      string
	DeadLetterARN  string
	VPC            *VPC
	FileSystems    []FileSystem
	ImageConfig    *ImageConfig
	RuntimeVersion string // ARN of the runtime version, empty for images

	State            State
	StateReason      string
	StateReasonCode  string
	Update           UpdateStatus // empty right after creation (F035)
	UpdateReason     string
	UpdateReasonCode string
	RevisionID       string
	LastModified     time.Time

	// Generation changes whenever code or settings change; environments are
	// keyed by it, so that none of an older one serves after an update.
	Generation string
}

// State is where a version stands on its way to being invocable.
type State string

// The states of a version that Lambent uses.
const (
	Pending  State = "Pending"
	Active   State = "Active"
	Inactive State = "Inactive"
	Failed   State = "Failed"
)

// UpdateStatus is how the last update of $LATEST went.
type UpdateStatus string

// The values of LastUpdateStatus.
const (
	UpdateInProgress UpdateStatus = "InProgress"
	UpdateSuccessful UpdateStatus = "Successful"
	UpdateFailed     UpdateStatus = "Failed"
)

// Variable is one environment variable; the order is the request's, since an
// error message prints them so (F059).
type Variable struct{ Name, Value string }

// String leaves the value out, so that no log shows it by accident.
func (v Variable) String() string { return v.Name + "=…" }

// GoString is String: "%#v" tells no more than "%v".
func (v Variable) GoString() string { return v.String() }

// Code is a deployment package as the catalog remembers it.
type Code struct {
	SHA256 string // base64 of the digest of the zip, as the API shows it; also the key of the content
	Size   int64  // bytes of the zip

	// Unzipped is the size of all its files together, which the limit of
	// function and layers counts. Zero for a hot reload.
	Unzipped int64

	// Folder is set instead for hot reload: an absolute host folder that is
	// mounted live. SHA256 then identifies the path, not the bytes.
	Folder string
}

// LayerUse is a layer version that a version of a function refers to.
type LayerUse struct {
	ARN  string
	Code Code
}

// Logging is a LoggingConfig.
type Logging struct {
	Format           string // "Text" or "JSON"
	ApplicationLevel string // JSON only
	SystemLevel      string // JSON only
	Group            string
}

// VPC is stored and shown; what it means here is the operator's mapping.
type VPC struct {
	SubnetIDs, SecurityGroupIDs []string
	DualStack                   bool
}

// FileSystem is a mount that a function asks for.
type FileSystem struct{ ARN, LocalPath string }

// ImageConfig overrides what a container image says.
type ImageConfig struct {
	EntryPoint, Command []string
	WorkingDirectory    string
}

// Settings are what a caller may choose of a version. A nil member was not
// given: a default at creation, unchanged at an update.
type Settings struct {
	Description  *string
	Runtime      *Runtime
	Handler      *string
	Role         *string
	MemoryMB     *int
	Timeout      *time.Duration
	EphemeralMB  *int
	Environment  *[]Variable
	Layers       *[]string // ARNs
	Logging      *LoggingChoice
	TracingMode  *string
	SnapStart    *string
	KMSKeyARN    *string
	DeadLetter   *string // target ARN; nil also for an empty DeadLetterConfig, which changes nothing (F078)
	VPC          *VPC
	FileSystems  *[]FileSystem
	ImageConfig  *ImageConfig
	Architecture *string
	PackageType  *string
}

// LoggingChoice is a LoggingConfig as a caller gave it; members left out keep
// what they were (F082).
type LoggingChoice struct {
	Format, ApplicationLevel, SystemLevel, Group *string
}

// HotReload is the bucket that is none: its keys are folders of this host.
const HotReload = "hot-reload"

// Package is where the code of a new function, update or layer comes from.
// Exactly one of Zip, the S3 triple and Image is set.
type Package struct {
	Zip                        []byte
	Bucket, Key, ObjectVersion string // Bucket HotReload means that Key is an absolute host folder
	Image                      string
}

// NewFunction is what a caller creates.
type NewFunction struct {
	Name     string
	Settings Settings
	Package  Package
	Publish  bool
	Tags     map[string]string

	CodeSigningConfigARN string
}

// CodeUpdate is an UpdateFunctionCode.
type CodeUpdate struct {
	Package         Package
	Publish, DryRun bool
	RevisionID      string  // empty: no precondition
	Architecture    *string // nil: unchanged
}

// FunctionFilter is one page of ListFunctions.
type FunctionFilter struct {
	AllVersions bool // every published version too, not only Latest
	Marker      string
	Max         int // 0: as many as a page may have
}

// AccountUsage is what the account uses of its quotas.
type AccountUsage struct {
	CodeSize  int64 // bytes of all zips; each version counts again (F197)
	Functions int
	Reserved  int // concurrency that is set aside for single functions

	Concurrency int // what there is for all functions together
}
