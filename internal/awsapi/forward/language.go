package forward

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strings"
)

type queryError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

type restError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
}

// inLanguage writes an error as the client of the service expects it: CBOR, the Query
// protocol's XML, S3's XML, or JSON.
func inLanguage(r *http.Request, code, message, id string) (contentType string, body []byte) {
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return "application/cbor", cbor("__type", code, "message", message)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return "text/xml", written(queryError{Type: "Receiver", Code: code, Message: message, RequestID: id})
	case serviceOf(r.Context()) == "s3":
		return "application/xml", written(restError{Code: code, Message: message, RequestID: id})
	}
	text, _ := json.Marshal(map[string]string{"__type": code, "message": message}) // of plain texts: never fails
	if r.Header.Get("X-Amz-Target") != "" {
		return "application/x-amz-json-1.1", text
	}
	return "application/json", text
}

func written(v any) []byte {
	text, err := xml.Marshal(v)
	if err != nil {
		panic(err) // of plain texts: only a bug can fail here
	}
	return text
}

// cbor writes a map of texts (RFC 8949).
func cbor(pairs ...string) []byte {
	b := []byte{0xA0 + byte(len(pairs)/2)}
	for _, text := range pairs {
		b = append(b, 0x79, byte(len(text)>>8), byte(len(text)))
		b = append(b, text...)
	}
	return b
}
