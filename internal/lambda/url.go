package lambda

import "time"

// FunctionURL is an address of its own at which a function, or an alias of it,
// answers HTTP.
type FunctionURL struct {
	ID           string // first part of the host name, 32 letters and digits
	AuthType     string // "NONE" or "AWS_IAM"
	InvokeMode   string // "BUFFERED" or "RESPONSE_STREAM"
	CORS         *CORS
	CreatedAt    time.Time
	LastModified time.Time
}

// CORS says what browsers may do with a function URL from pages of other
// origins. A nil member was not chosen.
type CORS struct {
	AllowCredentials *bool
	AllowHeaders     []string
	AllowMethods     []string
	AllowOrigins     []string
	ExposeHeaders    []string
	MaxAgeSeconds    *int
}

// FunctionURLChange is what a caller chooses of one. A nil member was not
// given.
type FunctionURLChange struct {
	AuthType   *string
	InvokeMode *string
	CORS       *CORS // replaces all of it; with nothing chosen there is none
}

// URLTarget is what answers at a function URL.
type URLTarget struct {
	Function  string
	Qualifier string // an alias, or empty
	URL       FunctionURL
	Public    bool // its policy lets everybody in, without credentials
}

// FunctionURLDomain is the host name of a function URL.
func (h Home) FunctionURLDomain(id string) string {
	return id + ".lambda-url." + h.Region + ".on.aws"
}

// AllowsEverybody tells whether a policy lets callers without credentials use
// the function URL that it belongs to (F179).
func (p Policy) AllowsEverybody() bool {
	for _, s := range p.Statements {
		if s.Principal == "*" && s.PrincipalType == "" && s.allowsURL() && s.everybodyFits() {
			return true
		}
	}
	return false
}

func (s Statement) allowsURL() bool {
	return s.Action == "lambda:InvokeFunctionUrl" || s.Action == "lambda:*" || s.Action == "*"
}

// everybodyFits tells whether a caller of whom nothing is known but that it came
// without credentials meets all conditions.
func (s Statement) everybodyFits() bool {
	for _, c := range s.Conditions {
		fits := c.Operator == "StringEquals" && c.Key == "lambda:FunctionUrlAuthType" && c.Value == "NONE" ||
			c.Operator == "Bool" && c.Key == "lambda:InvokedViaFunctionUrl" && c.Value == "true"
		if !fits {
			return false
		}
	}
	return true
}
