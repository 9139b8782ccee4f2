package lambda

import "time"

// Caller is who asks for something, and from where. The zero value is somebody
// without credentials.
type Caller struct {
	Account   string // twelve digits; empty: nobody
	ARN       string // of a user, of a role's session, or of the account's root
	UserID    string
	AccessKey string // the key that signed

	User string // name of the user; its policies belong to Key
	Key  string // the lasting access key of the user: AccessKey, unless that is of a session

	Role      string // ARN of the role that a session is of
	Function  string // ARN of the function that the session is of
	Limited   bool   // the session has a policy of its own
	Policy    string // that policy
	Issued    time.Time
	SourceIP  string
	UserAgent string
	Referer   string
	Secure    bool // came over TLS
}

// Root tells whether the caller is the account itself.
func (c Caller) Root() bool { return c.Account != "" && c.User == "" && c.Role == "" }

// Act is what a caller wants to do, in the words of policies.
type Act struct {
	Action   string // lambda:InvokeFunction
	Resource string // an ARN, or "*" where the action has none
	Owner    string // the account that the resource belongs to; empty: this one

	// Policies are those of the resource, as JSON.
	Policies []string
	// Conditions are the values of the action's own condition keys, which are in
	// lower case here. A key without values is not there.
	Conditions map[string][]string
}

// Credentials are an access key, with a token when it is of a session.
type Credentials struct {
	AccessKey, Secret, Token string
	Expires                  time.Time
}

// String tells nothing that must stay secret.
func (c Credentials) String() string { return c.AccessKey }

// GoString is String: %#v prints structures member by member otherwise.
func (c Credentials) GoString() string { return c.AccessKey }

// Assumption is what a caller asks for to begin a session of a role.
type Assumption struct {
	Role, Session string
	Length        time.Duration
	Limited       bool // whether a Policy was given
	Policy        string
	ExternalID    string
}
