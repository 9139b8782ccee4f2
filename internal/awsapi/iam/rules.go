package iam

import (
	"regexp"

	"lambent/internal/awsapi/query"
)

// rule holds the rules; nothing changes it.
var rule = newRules()

// rules are IAM's constraints. Where IAM has a sentence of its own for a pattern,
// it is here instead of the model's pattern.
type rules struct {
	roleName, policyName, path, pathPrefix, document, description query.Rule
	arn, version, tagKey, tagValue, marker                        query.Rule
}

const (
	names    = "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
	paths    = "The specified value for %s is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
	tagShown = `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
)

func newRules() rules {
	name := regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	return rules{
		roleName:   query.Rule{Min: 1, Max: 64, Pattern: name, Said: names},
		policyName: query.Rule{Min: 1, Max: 128, Pattern: name, Said: names},
		path:       query.Rule{Min: 1, Max: 512, Pattern: regexp.MustCompile(`^(/|/[!-~]+/)$`), Said: paths},
		pathPrefix: query.Rule{Min: 1, Max: 512, Pattern: regexp.MustCompile(`^/[!-\x7F]*$`), Shown: `\u002F[\u0021-\u007F]*`},
		document: query.Rule{Min: 1, Max: 131072, Pattern: regexp.MustCompile(`^[\t\n\r\x20-\xFF]+$`),
			Shown: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
		description: query.Rule{Max: 1000, Pattern: regexp.MustCompile(`^[\t\n\r\x20-\x7E\x{A1}-\x{FF}]*$`),
			Shown: `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`},
		arn:      query.Rule{Min: 20, Max: 2048},
		version:  query.Rule{Pattern: regexp.MustCompile(`^v[1-9][0-9]*(\.[A-Za-z0-9-]*)?$`), Shown: `v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`},
		tagKey:   query.Rule{Min: 1, Max: 128, Pattern: regexp.MustCompile(`^` + tagShown + `+$`), Shown: tagShown + "+"},
		tagValue: query.Rule{Max: 256, Pattern: regexp.MustCompile(`^` + tagShown + `*$`), Shown: tagShown + "*"},
		marker:   query.Rule{Min: 1, Max: 320},
	}
}
