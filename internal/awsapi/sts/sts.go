// Package sts answers GetCallerIdentity, which the aws CLI, terraform and cdk
// ask before anything else. It knows one caller: Lambent has one account, and
// whoever may talk to it is its root user.
package sts

import (
	"encoding/xml"
	"net/http"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

const (
	version = "2011-06-15"

	// maxForm is far more than any request to this service needs.
	maxForm = 64 << 10
)

// Handler answers the queries of one account.
type Handler struct{ Home lambda.Home }

type identityResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	ARN       string   `xml:"GetCallerIdentityResult>Arn"`
	UserID    string   `xml:"GetCallerIdentityResult>UserId"`
	Account   string   `xml:"GetCallerIdentityResult>Account"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

type errorResponse struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// ServeHTTP answers one query: a form, or the parameters of a GET.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := awsapi.Stamp(w)
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		write(w, http.StatusBadRequest, errorResponse{Type: "Sender", Code: "MalformedInput", Message: "The request can't be read.", RequestID: id})
		return
	}
	action, asked := r.Form.Get("Action"), r.Form.Get("Version")
	if asked != version {
		write(w, http.StatusBadRequest, errorResponse{Type: "Sender", Code: "InvalidAction", RequestID: id,
			Message: "Could not find operation " + action + " for version " + asked})
		return
	}
	if action != "GetCallerIdentity" {
		write(w, http.StatusNotImplemented, errorResponse{Type: "Receiver", Code: "NotImplementedException", RequestID: id,
			Message: "The operation " + action + " is not yet available in Lambent."})
		return
	}
	write(w, http.StatusOK, identityResponse{
		ARN:    "arn:" + h.Home.Partition + ":iam::" + h.Home.Account + ":root",
		UserID: h.Home.Account, Account: h.Home.Account, RequestID: id,
	})
}

func write(w http.ResponseWriter, status int, answer any) {
	text, err := xml.Marshal(answer)
	if err != nil {
		panic(err) // two types of plain texts: only a bug can fail here
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}
