package awsapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"lambent/internal/lambda"
)

const contentJSON = "application/json"

// exception is how a kind of error looks on the wire: AWS's name and status,
// whether the body says "Message" or "message", and its Type (F002 to F006).
type exception struct {
	name    string
	status  int
	capital bool
	typ     string
}

const (
	byUser    = "User"
	byService = "Service"
)

// exceptionOf is the one place where our kinds get AWS's names. NotYet has no
// name at AWS; 501 is a status that no SDK tries again.
func exceptionOf(kind lambda.Kind) exception {
	switch kind {
	case lambda.InvalidParameter:
		return exception{"InvalidParameterValueException", http.StatusBadRequest, false, byUser}
	case lambda.InvalidContent:
		return exception{"InvalidRequestContentException", http.StatusBadRequest, false, byUser}
	case lambda.Validation:
		return exception{"ValidationException", http.StatusBadRequest, false, ""}
	case lambda.NotFound:
		return exception{"ResourceNotFoundException", http.StatusNotFound, true, byUser}
	case lambda.Conflict:
		return exception{"ResourceConflictException", http.StatusConflict, false, byUser}
	case lambda.NotProvisioned:
		return exception{"ProvisionedConcurrencyConfigNotFoundException", http.StatusNotFound, false, byUser}
	case lambda.Precondition:
		return exception{"PreconditionFailedException", http.StatusPreconditionFailed, false, byUser}
	case lambda.EntityTooLarge:
		return exception{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, false, ""}
	case lambda.PayloadTooLarge:
		return exception{"RequestTooLargeException", http.StatusRequestEntityTooLarge, false, byUser}
	case lambda.Throttled:
		return exception{"TooManyRequestsException", http.StatusTooManyRequests, false, byUser}
	case lambda.StorageExceeded:
		return exception{"CodeStorageExceededException", http.StatusBadRequest, false, byUser}
	case lambda.UnsupportedMedia:
		return exception{"UnsupportedMediaTypeException", http.StatusUnsupportedMediaType, false, byUser}
	case lambda.NotReady:
		return exception{"ResourceNotReadyException", http.StatusBadGateway, true, byService}
	case lambda.NotYet:
		return exception{"NotImplementedException", http.StatusNotImplemented, false, byService}
	case lambda.InvalidZip:
		return exception{"InvalidZipFileException", http.StatusBadGateway, true, byService}
	case lambda.InvalidRuntime:
		return exception{"InvalidRuntimeException", http.StatusBadGateway, true, byService}
	case lambda.Recursive:
		return exception{"RecursiveInvocationException", http.StatusBadRequest, true, byUser}
	case lambda.SigningNotFound:
		return exception{"CodeSigningConfigNotFoundException", http.StatusNotFound, true, byUser}
	case lambda.InUse:
		return exception{"ResourceInUseException", http.StatusBadRequest, true, byUser}
	case lambda.KMSNotFound:
		return exception{"KMSNotFoundException", http.StatusBadGateway, true, byService}
	case lambda.KMSDisabled:
		return exception{"KMSDisabledException", http.StatusBadGateway, true, byService}
	case lambda.KMSAccessDenied:
		return exception{"KMSAccessDeniedException", http.StatusBadGateway, true, byService}
	case lambda.NotMounted:
		return exception{"EFSMountFailureException", http.StatusForbidden, true, byUser}
	case lambda.PolicyTooLong:
		return exception{"PolicyLengthExceededException", http.StatusBadRequest, false, byUser}
	case lambda.AccessDenied:
		return exception{"AccessDeniedException", http.StatusForbidden, true, ""}
	case lambda.NotSigned:
		return exception{"MissingAuthenticationTokenException", http.StatusForbidden, false, ""}
	case lambda.IncompleteSignature:
		return exception{"IncompleteSignatureException", http.StatusForbidden, false, ""}
	case lambda.InvalidSignature:
		return exception{"InvalidSignatureException", http.StatusForbidden, false, ""}
	case lambda.UnknownKey:
		return exception{"UnrecognizedClientException", http.StatusForbidden, false, ""}
	case lambda.ExpiredToken:
		return exception{"ExpiredTokenException", http.StatusForbidden, false, ""}
	}
	return exception{"ServiceException", http.StatusInternalServerError, true, byService}
}

// Exception is AWS's name for an error.
func Exception(err error) string { return exceptionOf(lambda.KindOf(err)).name }

// internalText is all that a caller learns of an error of ours; the request id
// leads to the rest in the log.
const internalText = "An error occurred and the request cannot be processed."

// WriteError answers a request with err: in full when it is a *lambda.Error,
// as a ServiceException that tells nothing otherwise. The request id header
// must be set already.
func WriteError(w http.ResponseWriter, err error) {
	var syntax *serializationError
	if errors.As(err, &syntax) {
		writeException(w, exception{"SerializationException", http.StatusBadRequest, true, ""}, syntax.text, "")
		return
	}
	var e *lambda.Error
	if !errors.As(err, &e) || e.Kind == lambda.Internal {
		writeException(w, exceptionOf(lambda.Internal), internalText, "")
		return
	}
	x := exceptionOf(e.Kind)
	if e.Untyped {
		x.typ = ""
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	writeException(w, x, e.Message, e.Reason)
}

func writeException(w http.ResponseWriter, x exception, message, reason string) {
	body := []byte{'{'}
	if reason != "" {
		body = append(body, `"Reason":`...)
		body = appendString(body, reason)
		body = append(body, ',')
	}
	if x.typ != "" {
		body = append(body, `"Type":"`...)
		body = append(body, x.typ...)
		body = append(body, `",`...)
	}
	name := `"message":`
	if x.capital {
		name = `"Message":`
	}
	body = append(body, name...)
	body = appendString(body, message)
	body = append(body, '}')

	h := w.Header()
	h.Set("Content-Type", contentJSON)
	h.Set("X-Amzn-Errortype", x.name)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(x.status)
	_, _ = w.Write(body) // the caller may be gone; there is nobody else to tell
}

// ours tells whether an error is not one that a caller caused and may read in
// full, so that it belongs into the log.
func ours(err error) bool {
	var syntax *serializationError
	return lambda.KindOf(err) == lambda.Internal && !errors.As(err, &syntax)
}
