package awsapi

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"

	"lambent/internal/lambda"
)

// Those who are refused at the door have not reached a service yet, but its client
// expects its language: AWS JSON, the Query protocol's XML, or JSON with the name of
// the error in a header.

// refuse answers in the language of the service that was asked.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	id := Stamp(w)
	switch {
	case ours(err):
		WriteError(w, err)
	case r.Header.Get("Smithy-Protocol") != "":
		refuseCBOR(w, err)
	case r.Header.Get("X-Amz-Target") != "":
		refuseJSON(w, err)
	case speaksQuery(r):
		refuseQuery(w, id, err)
	default:
		WriteError(w, err)
	}
}

// speaksQuery tells the Query protocol by its form, or by its query.
func speaksQuery(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") ||
		r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, "Action=")
}

// refuseJSON answers in AWS JSON, where every error of the caller is a 400.
func refuseJSON(w http.ResponseWriter, err error) {
	x := exceptionOf(lambda.KindOf(err))
	body := appendString([]byte(`{"__type":`), x.name)
	body = appendString(append(body, `,"message":`...), err.Error())
	body = append(body, '}')
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.1")
	h.Set("X-Amzn-Errortype", x.name)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(body) // the caller may be gone; there is nobody else to tell
}

// refuseCBOR answers in Smithy's RPC with CBOR.
func refuseCBOR(w http.ResponseWriter, err error) {
	x := exceptionOf(lambda.KindOf(err))
	body := cbor.Encode(cbor.Map{"__type": cbor.String(x.name), "message": cbor.String(err.Error())})
	h := w.Header()
	h.Set("Content-Type", "application/cbor")
	h.Set("Smithy-Protocol", "rpc-v2-cbor")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(x.status)
	_, _ = w.Write(body) // the caller may be gone; there is nobody else to tell
}

type queryRefusal struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// queryCode is what the Query protocol calls a refusal at the door.
func queryCode(kind lambda.Kind) (code string, status int) {
	switch kind {
	case lambda.NotSigned:
		return "MissingAuthenticationToken", http.StatusForbidden
	case lambda.IncompleteSignature:
		return "IncompleteSignature", http.StatusBadRequest
	case lambda.InvalidSignature:
		return "SignatureDoesNotMatch", http.StatusForbidden
	case lambda.UnknownKey:
		return "InvalidClientTokenId", http.StatusForbidden
	case lambda.ExpiredToken:
		return "ExpiredToken", http.StatusForbidden
	case lambda.AccessDenied:
		return "AccessDenied", http.StatusForbidden
	}
	return "InvalidAction", http.StatusBadRequest
}

func refuseQuery(w http.ResponseWriter, id string, err error) {
	refusal := queryRefusal{Type: "Sender", Message: err.Error(), RequestID: id}
	status := 0
	refusal.Code, status = queryCode(lambda.KindOf(err))
	if refusal.Code == "MissingAuthenticationToken" {
		refusal.Message = "Request is missing Authentication Token"
	}
	text, err := xml.Marshal(refusal)
	if err != nil {
		panic(err) // plain texts: only a bug can fail here
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}
