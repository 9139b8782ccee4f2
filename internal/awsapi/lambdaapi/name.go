package lambdaapi

import (
	"strings"

	"lambent/internal/lambda"
)

// fitsName tells whether s fits the pattern of NamespacedFunctionName (F018):
//
//	(arn:(aws[a-zA-Z-]*)?:lambda:)?(REGION:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?
//
// It is what the regular expression says, written by hand for the path of every
// invocation; a property test holds the two together.
func fitsName(s string) bool {
	if rest, ok := cutARN(s); ok && fitsRegional(rest) {
		return true
	}
	return fitsRegional(s)
}

func fitsRegional(s string) bool {
	if head, rest, ok := strings.Cut(s, ":"); ok && isRegion(head) && fitsOwned(rest) {
		return true
	}
	return fitsOwned(s)
}

func fitsOwned(s string) bool {
	if head, rest, ok := strings.Cut(s, ":"); ok && isAccount(head) && fitsKind(rest) {
		return true
	}
	return fitsKind(s)
}

func fitsKind(s string) bool {
	if rest, ok := strings.CutPrefix(s, "function:"); ok && fitsPlain(rest) {
		return true
	}
	return fitsPlain(s)
}

// fitsPlain is a name with or without a qualifier.
func fitsPlain(s string) bool {
	name, qualifier, qualified := strings.Cut(s, ":")
	if name == "" || !only(name, isNameByte) {
		return false
	}
	if !qualified {
		return true
	}
	return qualifier == lambda.Latest || qualifier == "$LATEST.PUBLISHED" || qualifier != "" && only(qualifier, isWordByte)
}

// fitsQualifier is the pattern of the Qualifier parameter (F020):
//
//	\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+
func fitsQualifier(s string) bool {
	return s == "$LATEST.PUBLISHED" || s != "" && only(s, func(c byte) bool { return isWordByte(c) || c == '$' })
}

// cutARN removes "arn:aws…:lambda:".
func cutARN(s string) (string, bool) {
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return "", false
	}
	partition, rest, ok := strings.Cut(rest, ":")
	if !ok || partition != "" && !(strings.HasPrefix(partition, "aws") && only(partition[3:], isPartitionByte)) {
		return "", false
	}
	return strings.CutPrefix(rest, "lambda:")
}

// isRegion is (eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}
func isRegion(s string) bool {
	s = strings.TrimPrefix(s, "eusc-")
	if len(s) < 2 || !only(s[:2], isLower) {
		return false
	}
	rest := s[2:]
	if after, ok := strings.CutPrefix(rest, "-gov"); ok && isRegionTail(after) {
		return true
	}
	if after, ok := strings.CutPrefix(rest, "-iso"); ok {
		if isRegionTail(after) || after != "" && isLower(after[0]) && isRegionTail(after[1:]) {
			return true
		}
	}
	return isRegionTail(rest)
}

// isRegionTail is -[a-z]+-\d{1}
func isRegionTail(s string) bool {
	if len(s) < 4 || s[0] != '-' || s[len(s)-2] != '-' || !isDigit(s[len(s)-1]) {
		return false
	}
	return only(s[1:len(s)-2], isLower)
}

func isAccount(s string) bool { return len(s) == 12 && only(s, isDigit) }

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool         { return c >= '0' && c <= '9' }
func isLower(c byte) bool         { return c >= 'a' && c <= 'z' }
func isLetter(c byte) bool        { return isLower(c) || c >= 'A' && c <= 'Z' }
func isPartitionByte(c byte) bool { return isLetter(c) || c == '-' }
func isWordByte(c byte) bool      { return isLetter(c) || isDigit(c) || c == '-' || c == '_' }
func isNameByte(c byte) bool      { return isWordByte(c) || c == '.' }

// function reads a FunctionName parameter that fits its pattern. A function of
// another region or account can't be reached from here (F032).
func (a *API) function(written string) (lambda.Reference, error) {
	region, short := cutRegion(written)
	ref, err := lambda.ParseReference(short)
	if err != nil {
		// The pattern lets a few ARNs through that name nothing, such as one
		// without region and account.
		return ref, lambda.Errorf(lambda.InvalidParameter, "%s is not a valid function name or ARN.", written)
	}
	if region != "" {
		ref.Region = region
	}
	return ref, a.reachable(ref)
}

// unqualified reads the FunctionName of what changes a function, which no
// version or alias can be the object of.
func (a *API) unqualified(written string) (string, error) {
	ref, err := a.function(written)
	if err != nil {
		return "", err
	}
	if ref.Qualifier != "" && ref.Qualifier != lambda.Latest {
		return "", errOnFunctionsOnly()
	}
	return ref.Name, nil
}

func errOnFunctionsOnly() error {
	return lambda.Errorf(lambda.InvalidParameter, "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.")
}

// cutRegion takes a region from the front of a partial ARN, which the pattern
// allows: us-east-1:123456789012:function:name.
func cutRegion(s string) (region, rest string) {
	if head, tail, ok := strings.Cut(s, ":"); ok && isRegion(head) && strings.Contains(tail, ":") {
		return head, tail
	}
	return "", s
}

func (a *API) reachable(ref lambda.Reference) error {
	if ref.Region != "" && ref.Region != a.Home.Region {
		return lambda.Errorf(lambda.NotFound, "Functions from '%s' are not reachable in this region ('%s')", ref.Region, a.Home.Region)
	}
	if ref.Account != "" && ref.Account != a.Home.Account {
		other := a.Home
		other.Account = ref.Account
		return lambda.Errorf(lambda.NotFound, "Function not found: %s", other.FunctionARN(ref.Name, ref.Qualifier))
	}
	return nil
}

// qualified reads a FunctionName and a Qualifier that may both say which
// version is meant, and must then agree (F028).
func (a *API) qualified(written, qualifier string) (lambda.Reference, error) {
	ref, err := a.function(written)
	if err != nil {
		return ref, err
	}
	if qualifier == "" {
		return ref, nil
	}
	if ref.Qualifier != "" && ref.Qualifier != qualifier {
		return ref, lambda.Errorf(lambda.InvalidParameter, "The derived qualifier from the function name does not match the specified qualifier.")
	}
	ref.Qualifier = qualifier
	return ref, nil
}
