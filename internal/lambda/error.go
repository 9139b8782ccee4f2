package lambda

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a caller did wrong, or which of our promises could not be
// kept. The edge maps each kind to AWS's exception name and HTTP status; nobody
// else needs to know either.
type Kind int

// The kinds of error that a caller can be told about. The comment of each is
// the exception that the AWS API calls it.
const (
	Internal            Kind = iota // ServiceException, 500
	InvalidParameter                // InvalidParameterValueException, 400
	InvalidContent                  // InvalidRequestContentException, 400
	Validation                      // ValidationException, 400
	NotFound                        // ResourceNotFoundException, 404
	Conflict                        // ResourceConflictException, 409
	Precondition                    // PreconditionFailedException, 412
	EntityTooLarge                  // RequestEntityTooLargeException, 413
	PayloadTooLarge                 // RequestTooLargeException, 413
	Throttled                       // TooManyRequestsException, 429
	StorageExceeded                 // CodeStorageExceededException, 400
	UnsupportedMedia                // UnsupportedMediaTypeException, 415
	NotReady                        // ResourceNotReadyException, 502
	NotYet                          // an operation that Lambent does not have yet, 501
	InvalidZip                      // InvalidZipFileException, 502
	InvalidRuntime                  // InvalidRuntimeException, 502
	PolicyTooLong                   // PolicyLengthExceededException, 400
	SigningNotFound                 // CodeSigningConfigNotFoundException, 404
	NotProvisioned                  // ProvisionedConcurrencyConfigNotFoundException, 404
	NotSigned                       // MissingAuthenticationTokenException, 403
	IncompleteSignature             // IncompleteSignatureException, 403
	InvalidSignature                // InvalidSignatureException, 403
	UnknownKey                      // UnrecognizedClientException, 403
	ExpiredToken                    // ExpiredTokenException, 403
	InUse                           // ResourceInUseException, 400
	KMSNotFound                     // KMSNotFoundException, 502
	KMSDisabled                     // KMSDisabledException, 502
	KMSAccessDenied                 // KMSAccessDeniedException, 502
	NotMounted                      // EFSMountFailureException, 403
	LimitExceeded                   // LimitExceeded, 409, of IAM; LimitExceededException of CloudWatch Logs
	MalformedPolicy                 // MalformedPolicyDocument, 400, of IAM and STS
	AccessDenied                    // AccessDenied, 403, of IAM and STS
	Recursive                       // RecursiveInvocationException, 400
)

// Error is a refusal that the caller may read: a kind, AWS's own sentence, and
// what the exception carries besides. Anything that is not an Error is ours,
// and its text stays in our log.
type Error struct {
	Kind    Kind
	Message string

	// Reason is TooManyRequestsException's Reason member, empty elsewhere.
	Reason string
	// RetryAfter is sent as the Retry-After header when positive.
	RetryAfter time.Duration
	// Untyped drops the "Type":"User" member, as AWS does in a few places (F005, F006).
	Untyped bool
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error of the kind with a formatted message.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// KindOf tells the kind of the Error inside err, or Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Refusal is the answer to a runtime or an extension that called at a wrong
// moment or with a wrong word. Type and Message are the members of the error
// body (`{"errorMessage":…,"errorType":…}`); the Runtime API derives the status
// from the type.
type Refusal struct {
	Type    string
	Message string
}

func (r *Refusal) Error() string { return r.Type + ": " + r.Message }

// The types of a Refusal, as AWS's Runtime and Extensions APIs name them.
const (
	RefusedRequestID         = "InvalidRequestID"                     // 400
	RefusedInvocationID      = "InvalidInvocationId"                  // 400
	RefusedTransition        = "InvalidStateTransition"               // 403
	RefusedRequestFormat     = "InvalidRequestFormat"                 // 403
	RefusedExtensionState    = "Extension.InvalidExtensionState"      // 403
	RefusedExtensionName     = "Extension.InvalidExtensionName"       // 403
	RefusedExtensionUnknown  = "Extension.UnknownExtensionIdentifier" // 403
	RefusedExtensionEvent    = "Extension.InvalidEventType"           // 403
	RefusedExtensionTooMany  = "Extension.TooManyExtensions"          // 403
	RefusedExtensionRegister = "Extension.RegistrationClosed"         // 403
)
