package awsapi

import (
	"net/http"
	"strings"
)

// CloudWatchTarget is what CloudWatch is called in a request, for reasons that are its
// own.
const CloudWatchTarget = "GraniteServiceVersion20100801"

// Protocol is how a client of CloudWatch speaks.
type Protocol int

// The protocols, of which its clients choose one.
const (
	QueryXML Protocol = iota
	JSON
	SmithyCBOR
)

// CloudWatchOperation tells which operation a request to CloudWatch is for, and how it
// speaks. Both the service and whoever judges what a caller may do ask here, so that
// what is allowed is what is done.
func CloudWatchOperation(r *http.Request) (operation string, p Protocol) {
	if r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		operation, _ = strings.CutPrefix(r.URL.Path, "/service/"+CloudWatchTarget+"/operation/")
		return operation, SmithyCBOR
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		operation, _ = strings.CutPrefix(target, CloudWatchTarget+".")
		return operation, JSON
	}
	return "", QueryXML
}
