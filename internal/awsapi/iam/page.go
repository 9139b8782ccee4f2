package iam

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"lambent/internal/awsapi/query"
	"lambent/internal/lambda"
)

// page is a part of a list; Marker asks for the rest.
type page struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// cut gives the part of all that the caller asked for. Markers are the key of the
// last member that was shown, so a list that changes between two pages repeats and
// loses nothing else.
func cut[T any](f *query.Form, all []T, key func(T) string) ([]T, page, error) {
	const usual, most = 100, 1000
	limit, given := f.Number("MaxItems", 1, most)
	marker := f.Optional("Marker", rule.marker)
	if err := f.Err(); err != nil {
		return nil, page{}, err
	}
	if !given {
		limit = usual
	}
	if marker != "" {
		last, err := base64.RawURLEncoding.DecodeString(marker)
		if err != nil {
			return nil, page{}, lambda.Errorf(lambda.Validation, "Invalid Marker.")
		}
		all = after(all, string(last), key)
	}
	if len(all) <= limit {
		return all, page{}, nil
	}
	return all[:limit], page{true, base64.RawURLEncoding.EncodeToString([]byte(key(all[limit-1])))}, nil
}

// after is what follows the member with that key; the rest of a list whose member
// has gone begins where it would have been.
func after[T any](all []T, last string, key func(T) string) []T {
	for i, v := range all {
		if key(v) == last {
			return all[i+1:]
		}
	}
	for i, v := range all {
		if key(v) > last {
			return all[i:]
		}
	}
	return nil
}

// when is a time as IAM writes it.
func when(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// escape is a document as IAM writes it: escaped as RFC 3986 says.
func escape(document string) string { return strings.ReplaceAll(url.QueryEscape(document), "+", "%20") }
