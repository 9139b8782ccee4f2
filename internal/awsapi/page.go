package awsapi

import (
	"encoding/base64"
	"slices"

	"lambent/internal/lambda"
)

// Page cuts one page out of a list that is sorted by key. The token of the next
// page is the last key of this one, so that what comes and goes in between makes
// nobody see an entry twice or miss one.
func Page[T any](all []T, key func(T) string, token string, limit, most int) (page []T, next string, err error) {
	if token != "" {
		after, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", lambda.Errorf(lambda.Validation, "Invalid NextToken.")
		}
		from := slices.IndexFunc(all, func(one T) bool { return key(one) > string(after) })
		if from < 0 {
			from = len(all)
		}
		all = all[from:]
	}
	if limit <= 0 || limit > most {
		limit = most
	}
	if len(all) <= limit {
		return all, "", nil
	}
	return all[:limit], base64.RawURLEncoding.EncodeToString([]byte(key(all[limit-1]))), nil
}
