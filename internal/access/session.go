package access

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"lambent/internal/lambda"
)

// session is what a token says. Its JSON is sealed; the names are short, since
// the token goes with every request.
type session struct {
	ID       string    `json:"i"`
	Secret   string    `json:"s"`
	Issued   time.Time `json:"t"`
	Expires  time.Time `json:"e"`
	Role     string    `json:"r,omitempty"` // ARN; empty: a session of a user
	RoleID   string    `json:"d,omitempty"` // empty: there was no such role
	Name     string    `json:"n,omitempty"`
	Function string    `json:"f,omitempty"`
	Key      string    `json:"k,omitempty"` // the user's lasting key
	Limited  bool      `json:"l,omitempty"`
	Policy   string    `json:"p,omitempty"`

	// Unproved says that nobody verified who began the session. It ends where
	// callers are verified: what anybody could have must not outlast that.
	Unproved bool `json:"u,omitempty"`
}

const tokenOwner = "session token"

// issue makes the credentials of a session.
func (a *Access) issue(s session, length time.Duration) lambda.Credentials {
	s.ID = "ASIA" + idText(randomBytes(10))
	s.Secret = base64.StdEncoding.EncodeToString(randomBytes(30))
	s.Issued = a.Now().UTC().Truncate(time.Second)
	s.Expires = s.Issued.Add(length)
	text, _ := json.Marshal(s) // texts and times always encode
	return lambda.Credentials{AccessKey: s.ID, Secret: s.Secret, Token: a.Sealer.Seal(text, tokenOwner), Expires: s.Expires}
}

var errToken = errors.New("not a token of this server")

// open reads a token.
func (a *Access) open(token string) (*session, error) {
	if len(token) > maxToken {
		return nil, errToken
	}
	return a.opened.get(token, func() (*session, error) {
		text, err := a.Sealer.Unseal(token, tokenOwner)
		if err != nil {
			return nil, errToken
		}
		s := &session{}
		if json.Unmarshal(text, s) != nil {
			return nil, errToken
		}
		return s, nil
	})
}

// maxToken is more than a token with the longest session policy has.
const maxToken = 16 << 10

// FunctionCredentials are those of a function's role, for one environment that may
// live as long as that. Each call gives other ones.
func (a *Access) FunctionCredentials(role, functionARN string, life time.Duration) lambda.Credentials {
	return a.issue(session{Role: role, RoleID: a.roleID(role), Name: sessionOf(functionARN), Function: functionARN, Unproved: !a.Enforce}, life)
}

// sessionOf is what the session of a function is called: like the function.
func sessionOf(functionARN string) string {
	name := functionARN
	if i := strings.Index(name, ":function:"); i >= 0 {
		name, _, _ = strings.Cut(name[i+len(":function:"):], ":")
	}
	return name
}

// sessionCaller is who a session is.
func (a *Access) sessionCaller(s *session) (lambda.Caller, bool) {
	var c lambda.Caller
	if s.Unproved && a.Enforce {
		return c, false
	}
	if s.Role == "" {
		k, ok := a.key(s.Key)
		if !ok {
			return c, false // it was revoked
		}
		c = a.caller(k)
	} else {
		role, ok := parseRole(s.Role)
		if !ok {
			return c, false
		}
		id := a.roleID(s.Role)
		if a.Enforce && id != s.RoleID {
			return c, false // its role was deleted, and perhaps another one made under its name
		}
		if id == "" {
			id = role.id()
		}
		c = lambda.Caller{
			Account: role.account, ARN: role.sessionARN(s.Name), Role: s.Role, Function: s.Function,
			UserID: id + ":" + s.Name,
		}
	}
	c.AccessKey, c.Issued, c.Limited, c.Policy = s.ID, s.Issued, s.Limited, s.Policy
	return c, true
}

// role is the ARN of a role, parted.
type role struct{ partition, account, path, name string }

// parseRole reads arn:aws:iam::ACCOUNT:role/PATH/NAME.
func parseRole(arn string) (role, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "iam" || !accountPattern.MatchString(parts[4]) {
		return role{}, false
	}
	path, ok := strings.CutPrefix(parts[5], "role/")
	i := strings.LastIndexByte(path, '/') + 1
	return role{parts[1], parts[4], path[:i], path[i:]}, ok && path[i:] != ""
}

// sessionARN leaves the role's path out, as AWS does.
func (r role) sessionARN(session string) string {
	return "arn:" + r.partition + ":sts::" + r.account + ":assumed-role/" + r.name + "/" + session
}

// id stands for that of a role that is not there.
func (r role) id() string { return "AROA" + hashed(r.account+"/"+r.name) }

// hashed makes an id of a name, the same each time.
func hashed(name string) string {
	sum := sha256.Sum256([]byte(name))
	return idText(sum[:])
}
