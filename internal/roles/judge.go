package roles

import (
	"errors"
	"strings"

	"lambent/internal/lambda"
	"lambent/internal/policy"
)

// judge refuses a document that is no policy of its kind.
func judge(document string, kind policy.Kind) error {
	_, err := policy.Parse(document, kind)
	var malformed *policy.ParseError
	if errors.As(err, &malformed) {
		return lambda.Errorf(lambda.MalformedPolicy, "%s", malformed.Message)
	}
	return err
}

func judgeTrust(document string) error {
	if err := judge(document, policy.OfTrust); err != nil {
		return err
	}
	if sizeOf(document) > maxTrust {
		return lambda.Errorf(lambda.LimitExceeded, "Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	return nil
}

func judgeManaged(document string) error {
	if err := judge(document, policy.OfIdentity); err != nil {
		return err
	}
	if sizeOf(document) > maxManaged {
		return lambda.Errorf(lambda.LimitExceeded, "Cannot exceed quota for PolicySize: %d", maxManaged)
	}
	return nil
}

// sizeOf counts characters as IAM's quotas do: white space is free.
func sizeOf(document string) int {
	n := 0
	for _, c := range document {
		if !strings.ContainsRune(" \t\r\n", c) {
			n++
		}
	}
	return n
}

// tagged is tags with more of them. Keys are told apart without their case.
func tagged(tags, more []lambda.Tag) ([]lambda.Tag, error) {
	seen := map[string]bool{}
	for _, t := range more {
		key := strings.ToLower(t.Key)
		if seen[key] {
			return nil, lambda.Errorf(lambda.InvalidParameter, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
	}
	for _, t := range more {
		if i := findTag(tags, t.Key); i >= 0 {
			tags[i] = t
		} else {
			tags = append(tags, t)
		}
	}
	if len(tags) > maxTags {
		return nil, lambda.Errorf(lambda.LimitExceeded, "The number of tags has reached the maximum limit.")
	}
	return tags, nil
}

func untagged(tags []lambda.Tag, keys []string) []lambda.Tag {
	for _, key := range keys {
		if i := findTag(tags, key); i >= 0 {
			tags = append(tags[:i], tags[i+1:]...)
		}
	}
	return tags
}

func findTag(tags []lambda.Tag, key string) int {
	for i, t := range tags {
		if strings.EqualFold(t.Key, key) {
			return i
		}
	}
	return -1
}
