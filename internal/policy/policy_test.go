package policy

import (
	"strings"
	"testing"
)

const (
	account = "111111111111"
	other   = "222222222222"
	fn      = "arn:aws:lambda:us-east-1:111111111111:function:f"
	user    = "arn:aws:iam::111111111111:user/alice"
	roleARN = "arn:aws:iam::111111111111:role/r"
	session = "arn:aws:sts::111111111111:assumed-role/r/s"
)

var (
	alice   = Principal{Account: account, ARN: user}
	inRole  = Principal{Account: account, ARN: session, Role: roleARN}
	root    = Principal{Account: account, ARN: "arn:aws:iam::111111111111:root"}
	bob     = Principal{Account: other, ARN: "arn:aws:iam::222222222222:user/bob"}
	events  = Principal{Service: "events.amazonaws.com"}
	unknown = Principal{}
)

func context(pairs map[string][]string) Context {
	return func(key string) ([]string, bool) { v, ok := pairs[key]; return v, ok }
}

// allow and deny make documents out of what stands beside Effect.
func allow(rest string) string { return document("Allow", rest) }
func deny(rest string) string  { return document("Deny", rest) }

func document(effect, rest string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `",` + rest + `}}`
}

func parse(t *testing.T, kind Kind, texts ...string) []*Document {
	t.Helper()
	var all []*Document
	for _, text := range texts {
		d, err := Parse(text, kind)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, d)
	}
	return all
}

const invokeAll = `"Action":"lambda:Invoke*","Resource":"*"`

// TestDecide follows "Policy evaluation logic" and "Cross-account policy evaluation logic".
func TestDecide(t *testing.T) {
	t.Parallel()
	resource := func(principal string) string {
		return allow(`"Principal":` + principal + `,"Action":"lambda:InvokeFunction","Resource":"` + fn + `"`)
	}
	none := []string(nil)
	const yes = "allowed"
	noIdentity := "because no identity-based policy allows the lambda:InvokeFunction action"
	noResource := "because no resource-based policy allows the lambda:InvokeFunction action"
	for name, c := range map[string]struct {
		who                         Principal
		identity, session, resource []string
		limited                     bool
		want                        string
	}{
		"nothing allows":                       {alice, none, none, none, false, noIdentity},
		"identity allows":                      {alice, []string{allow(invokeAll)}, none, none, false, yes},
		"deny beats allow":                     {alice, []string{allow(invokeAll), deny(invokeAll)}, none, none, false, "with an explicit deny in an identity-based policy"},
		"the root needs no policy":             {root, none, none, none, false, yes},
		"policies of identities spare it":      {root, []string{deny(invokeAll)}, none, none, false, yes},
		"the resource denies the root":         {root, none, none, []string{strings.Replace(resource(`"*"`), "Allow", "Deny", 1)}, false, "with an explicit deny in a resource-based policy"},
		"the resource names the user":          {alice, none, none, []string{resource(`{"AWS":"` + user + `"}`)}, false, yes},
		"the resource names another":           {alice, none, none, []string{resource(`{"AWS":"` + user + `2"}`)}, false, noIdentity},
		"the own account passes the choice on": {alice, none, none, []string{resource(`{"AWS":"` + account + `"}`)}, false, noIdentity},
		"everybody":                            {alice, none, none, []string{resource(`{"AWS":"*"}`)}, false, yes},
		"the role of a session":                {inRole, none, none, []string{resource(`{"AWS":["` + roleARN + `"]}`)}, false, yes},
		"a session":                            {inRole, none, none, []string{resource(`{"AWS":"` + session + `"}`)}, false, yes},
		"a session within its limits":          {inRole, []string{allow(invokeAll)}, []string{allow(invokeAll)}, none, true, yes},
		"a session beyond its limits":          {inRole, []string{allow(invokeAll)}, []string{allow(`"Action":"s3:*","Resource":"*"`)}, none, true, "because no session policy allows the lambda:InvokeFunction action"},
		"a session that is denied":             {inRole, []string{allow(invokeAll)}, []string{allow(invokeAll), deny(invokeAll)}, none, true, "with an explicit deny in a session policy"},
		"limits give nothing":                  {inRole, none, []string{allow(invokeAll)}, none, true, noIdentity},
		"a stranger with rights at home":       {bob, []string{allow(invokeAll)}, none, none, false, noResource},
		"a stranger that is let in":            {bob, []string{allow(invokeAll)}, none, []string{resource(`{"AWS":"arn:aws:iam::` + other + `:root"}`)}, false, yes},
		"a stranger without rights at home":    {bob, none, none, []string{resource(`{"AWS":"` + other + `"}`)}, false, noIdentity},
		"a service":                            {events, none, none, []string{resource(`{"Service":"events.amazonaws.com"}`)}, false, yes},
		"another service":                      {events, none, none, []string{resource(`{"Service":"s3.amazonaws.com"}`)}, false, noResource},
		"nobody, where everybody may":          {unknown, none, none, []string{resource(`"*"`)}, false, yes},
		"nobody, where an account may":         {unknown, none, none, []string{resource(`{"AWS":"` + account + `"}`)}, false, noResource},
		"all but one, and it is the one":       {bob, []string{allow(invokeAll)}, none, []string{strings.Replace(resource(`{"AWS":"`+bob.ARN+`"}`), `"Principal"`, `"NotPrincipal"`, 1)}, false, noResource},
		"all but one, and it is another":       {bob, []string{allow(invokeAll)}, none, []string{strings.Replace(resource(`{"AWS":"`+user+`"}`), `"Principal"`, `"NotPrincipal"`, 1)}, false, yes},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Decide(Request{Principal: c.who, Action: "lambda:InvokeFunction", Resource: fn, Owner: account, Context: context(nil)}, Policies{
				Identity: parse(t, OfIdentity, c.identity...), Session: parse(t, OfIdentity, c.session...), Limited: c.limited,
				Resource: parse(t, OfResource, c.resource...),
			})
			if text := got.Reason("lambda:InvokeFunction"); got.Allowed != (c.want == yes) || !got.Allowed && text != c.want {
				t.Errorf("%+v %q, want %q", got, text, c.want)
			}
		})
	}
}

// TestSpared: a deny for all but some spares those whom it names, not all of an
// account beside whose name it stands ("NotPrincipal").
func TestSpared(t *testing.T) {
	t.Parallel()
	spared := parse(t, OfResource, deny(`"NotPrincipal":{"AWS":["`+user+`","arn:aws:iam::`+account+`:root"]},`+invokeAll))
	may := parse(t, OfIdentity, allow(invokeAll))
	for name, c := range map[string]struct {
		who  Principal
		want bool
	}{
		"the user":             {alice, true},
		"the account's root":   {root, true},
		"another user of it":   {Principal{Account: account, ARN: user + "2"}, false},
		"a role of it":         {inRole, false},
		"somebody from abroad": {bob, false},
	} {
		got := Decide(Request{Principal: c.who, Action: "lambda:InvokeFunction", Resource: fn, Owner: account, Context: context(nil)},
			Policies{Identity: may, Resource: spared})
		if got.Allowed != c.want {
			t.Errorf("%s: %+v, want allowed %v", name, got, c.want)
		}
	}
}

// TestBoundaries: what bounds a role gives nothing, and takes what it does not allow.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	all, get := parse(t, OfIdentity, allow(invokeAll)), parse(t, OfIdentity, allow(`"Action":"lambda:Get*","Resource":"*"`))
	for name, c := range map[string]struct {
		p    Policies
		want string
	}{
		"within":          {Policies{Identity: all, Boundary: all, Bounded: true}, ""},
		"beyond":          {Policies{Identity: all, Boundary: get, Bounded: true}, "because no permissions boundary allows the lambda:InvokeFunction action"},
		"a boundary only": {Policies{Boundary: all, Bounded: true}, "because no identity-based policy allows the lambda:InvokeFunction action"},
		"a deny":          {Policies{Identity: all, Boundary: parse(t, OfIdentity, allow(invokeAll), deny(invokeAll)), Bounded: true}, "with an explicit deny in a permissions boundary"},
	} {
		got := Decide(Request{Principal: inRole, Action: "lambda:InvokeFunction", Resource: fn, Owner: account, Context: context(nil)}, c.p)
		if text := got.Reason("lambda:InvokeFunction"); got.Allowed != (c.want == "") || !got.Allowed && text != c.want {
			t.Errorf("%s: %+v %q, want %q", name, got, text, c.want)
		}
	}
}

// TestAbsentKey: a context that gives an empty text for a key that is not there has
// no value all the same.
func TestAbsentKey(t *testing.T) {
	t.Parallel()
	absent := func(string) ([]string, bool) { return []string{""}, false }
	d := parse(t, OfIdentity, allow(`"Action":"*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}`))
	if got := Decide(Request{Principal: alice, Action: "s3:GetObject", Resource: "*", Owner: account, Context: absent}, Policies{Identity: d}); !got.Allowed {
		t.Errorf("%+v: of nothing, everything is true", got)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	trust := func(principal string) []*Document {
		return parse(t, OfTrust, allow(`"Principal":`+principal+`,"Action":"sts:AssumeRole"`))
	}
	may := parse(t, OfIdentity, allow(`"Action":"sts:AssumeRole","Resource":"*"`))
	for name, c := range map[string]struct {
		who      Principal
		identity []*Document
		trust    []*Document
		want     bool
	}{
		"rights alone":                 {alice, may, nil, false},
		"trust by name":                {alice, nil, trust(`{"AWS":"` + user + `"}`), true},
		"trust in the account, rights": {alice, may, trust(`{"AWS":"` + account + `"}`), true},
		"trust in the account alone":   {alice, nil, trust(`{"AWS":"` + account + `"}`), false},
		"the root, untrusted":          {root, nil, trust(`{"Service":"lambda.amazonaws.com"}`), false},
		"the service":                  {Principal{Service: "lambda.amazonaws.com"}, nil, trust(`{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]}`), true},
	} {
		got := Decide(Request{Principal: c.who, Action: "sts:AssumeRole", Resource: roleARN, Owner: account, ByResource: true, Context: context(nil)},
			Policies{Identity: c.identity, Resource: c.trust})
		if got.Allowed != c.want {
			t.Errorf("%s: %+v, want allowed %v", name, got, c.want)
		}
	}
}

func TestElements(t *testing.T) {
	t.Parallel()
	values := context(map[string][]string{"aws:username": {"alice"}, "aws:star": {"*"}})
	for _, c := range []struct {
		rest, action, resource string
		want                   bool
	}{
		{`"Action":"*","Resource":"*"`, "lambda:GetFunction", fn, true},
		{`"Action":"LAMBDA:getfunction","Resource":"*"`, "lambda:GetFunction", fn, true},
		{`"Action":["s3:*","lambda:Get?unction"],"Resource":"*"`, "lambda:GetFunction", fn, true},
		{`"Action":"lambda:Get","Resource":"*"`, "lambda:GetFunction", fn, false},
		{`"NotAction":"lambda:Delete*","Resource":"*"`, "lambda:GetFunction", fn, true},
		{`"NotAction":"lambda:Get*","Resource":"*"`, "lambda:GetFunction", fn, false},
		{`"Action":"*","Resource":"` + fn + `"`, "lambda:GetFunction", fn, true},
		{`"Action":"*","Resource":"` + fn + `"`, "lambda:GetFunction", fn + ":live", false},
		{`"Action":"*","Resource":"` + fn + `:*"`, "lambda:GetFunction", fn + ":live", true},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:*"`, "lambda:GetFunction", fn + ":live", true},
		{`"Action":"*","Resource":"arn:aws:lambda:*:function:*"`, "lambda:GetFunction", fn, false}, // a star does not cross a colon
		{`"Action":"*","Resource":"arn:aws:lambda"`, "lambda:GetFunction", fn, true},               // missing fields fit
		{`"Action":"*","Resource":"` + fn + `"`, "lambda:ListFunctions", "*", false},
		{`"Action":"*","NotResource":"` + fn + `"`, "lambda:GetFunction", fn, false},
		{`"Action":"*","NotResource":"` + fn + `"`, "lambda:GetFunction", fn + "2", true},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${aws:username}-*"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:alice-1", true},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${aws:username}-*"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:bob-1", false},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${aws:star}"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:x", false}, // a value is no wildcard
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${aws:absent}"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:", false},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${aws:absent, 'x'}"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:x", true},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${*}"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:x", false},
		{`"Action":"*","Resource":"arn:aws:lambda:*:*:function:${*}"`, "lambda:GetFunction", "arn:aws:lambda:e:1:function:*", true},
	} {
		got := Decide(Request{Principal: alice, Action: c.action, Resource: c.resource, Owner: account, Context: values},
			Policies{Identity: parse(t, OfIdentity, allow(c.rest))})
		if got.Allowed != c.want {
			t.Errorf("%s for %s on %s: allowed %v, want %v", c.rest, c.action, c.resource, got.Allowed, c.want)
		}
	}
}

// TestOldVersions: variables came with 2012-10-17.
func TestOldVersions(t *testing.T) {
	t.Parallel()
	text := strings.Replace(allow(`"Action":"*","Resource":"arn:aws:s3:::${aws:username}"`), newest, oldest, 1)
	q := Request{Principal: alice, Action: "s3:GetObject", Resource: "arn:aws:s3:::alice", Owner: account, Context: context(map[string][]string{"aws:username": {"alice"}})}
	if Decide(q, Policies{Identity: parse(t, OfIdentity, text)}).Allowed {
		t.Error("a variable was read in a document of 2008")
	}
	q.Resource = "arn:aws:s3:::${aws:username}"
	if !Decide(q, Policies{Identity: parse(t, OfIdentity, text)}).Allowed {
		t.Error("the text itself does not fit in a document of 2008")
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	values := context(map[string][]string{
		"k": {"Value"}, "n": {"10"}, "d": {"2026-01-02T03:04:05Z"}, "b": {"true"}, "ip": {"10.1.2.3"}, "arn": {"arn:aws:s3:::bucket/a"},
		"many": {"a", "b"}, "none": {}, "user": {"alice"}, "bad": {"x"}, "mapped": {"::ffff:10.1.2.3"},
	})
	for condition, want := range map[string]bool{
		`"StringEquals":{"K":"Value"}`:                           true,
		`"StringEquals":{"k":"value"}`:                           false,
		`"StringEquals":{"k":["x","Value"]}`:                     true,
		`"StringEquals":{"k":"Val*"}`:                            false,
		`"StringEquals":{"gone":"x"}`:                            false,
		`"StringEqualsIfExists":{"gone":"x"}`:                    true,
		`"StringEqualsIfExists":{"k":"x"}`:                       false,
		`"StringNotEquals":{"k":"x"}`:                            true,
		`"StringNotEquals":{"k":["x","Value"]}`:                  false,
		`"StringNotEquals":{"gone":"x"}`:                         true,
		`"StringEqualsIgnoreCase":{"k":"vALUE"}`:                 true,
		`"StringNotEqualsIgnoreCase":{"k":"vALUE"}`:              false,
		`"StringLike":{"k":"V?l*"}`:                              true,
		`"StringLike":{"k":"v?l*"}`:                              false,
		`"StringNotLike":{"k":"V*"}`:                             false,
		`"StringLike":{"user":"${user}"}`:                        true,
		`"StringEquals":{"user":"${k}"}`:                         false,
		`"NumericEquals":{"n":10.0}`:                             true,
		`"NumericNotEquals":{"n":"10"}`:                          false,
		`"NumericLessThan":{"n":"10"}`:                           false,
		`"NumericLessThanEquals":{"n":"10"}`:                     true,
		`"NumericGreaterThan":{"n":"9.5"}`:                       true,
		`"NumericGreaterThanEquals":{"n":"11"}`:                  false,
		`"NumericLessThan":{"bad":"10"}`:                         false,
		`"DateLessThan":{"d":"2026-01-02T03:04:06Z"}`:            true,
		`"DateGreaterThan":{"d":"2026-01-02"}`:                   true,
		`"DateEquals":{"d":"1767323045"}`:                        true,
		`"DateNotEquals":{"d":"1767323045"}`:                     false,
		`"Bool":{"b":true}`:                                      true,
		`"Bool":{"b":"False"}`:                                   false,
		`"Bool":{"gone":"false"}`:                                false,
		`"BoolIfExists":{"gone":"false"}`:                        true,
		`"IpAddress":{"ip":"10.0.0.0/8"}`:                        true,
		`"IpAddress":{"ip":["1.2.3.4","10.1.2.3"]}`:              true,
		`"IpAddress":{"mapped":"10.0.0.0/8"}`:                    true,
		`"IpAddress":{"bad":"10.0.0.0/8"}`:                       false,
		`"NotIpAddress":{"ip":"10.0.0.0/8"}`:                     false,
		`"ArnLike":{"arn":"arn:aws:s3:::bucket/*"}`:              true,
		`"ArnEquals":{"arn":"arn:aws:s3:::b*"}`:                  true,
		`"ArnLike":{"arn":"arn:*:bucket/a"}`:                     false,
		`"ArnNotLike":{"arn":"arn:aws:s3:::bucket/*"}`:           false,
		`"ArnNotEquals":{"arn":"arn:aws:s3:::other"}`:            true,
		`"Null":{"gone":"true"}`:                                 true,
		`"Null":{"k":"true"}`:                                    false,
		`"Null":{"k":"false"}`:                                   true,
		`"BinaryEquals":{"k":"Value"}`:                           true,
		`"ForAnyValue:StringEquals":{"many":["b","c"]}`:          true,
		`"ForAnyValue:StringEquals":{"many":["c"]}`:              false,
		`"ForAnyValue:StringEquals":{"gone":["c"]}`:              false,
		`"ForAnyValue:StringNotEquals":{"gone":["c"]}`:           false,
		`"ForAnyValue:StringNotEquals":{"many":["a"]}`:           true,
		`"ForAllValues:StringEquals":{"many":["a","b","c"]}`:     true,
		`"ForAllValues:StringEquals":{"many":["a"]}`:             false,
		`"ForAllValues:StringEquals":{"gone":["a"]}`:             true,
		`"ForAllValues:StringEquals":{"none":["a"]}`:             true,
		`"ForAllValues:StringNotLike":{"many":["a*"]}`:           false,
		`"StringEquals":{"k":"Value"},"Bool":{"b":"false"}`:      false,
		`"StringEquals":{"k":"Value","user":"alice"}`:            true,
		`"StringEquals":{"k":"Value","user":"bob"}`:              false,
		`"ForAnyValue:StringLikeIfExists":{"gone":["a"]}`:        true,
		`"StringEqualsIgnoreCase":{"user":"${K, 'ALICE'}"}`:      false,
		`"StringEqualsIgnoreCase":{"user":"${absent, 'ALICE'}"}`: true,
		`"StringEqualsIgnoreCase":{"user":"${many, 'ALICE'}"}`:   false,
		`"StringEquals":{"none":"x"}`:                            false,
		`"DateGreaterThanEquals":{"d":"2026-01-02T03:04:05Z"}`:   true,
		`"DateLessThanEquals":{"bad":"2026-01-02T03:04:05Z"}`:    false,
	} {
		got := Decide(Request{Principal: alice, Action: "a:B", Resource: "*", Owner: account, Context: values},
			Policies{Identity: parse(t, OfIdentity, allow(`"Action":"a:B","Resource":"*","Condition":{`+condition+`}`))})
		if got.Allowed != want {
			t.Errorf("%s: %v, want %v", condition, got.Allowed, want)
		}
	}
}

func TestRefusedDocuments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind       Kind
		text, want string
	}{
		{OfIdentity, ``, syntax},
		{OfIdentity, `[]`, syntax},
		{OfIdentity, `{}`, syntax},
		{OfIdentity, `{"Version":"2012-10-17"}`, syntax},
		{OfIdentity, `{"Version":"2012-10-18","Statement":[]}`, "The policy must contain a valid version string"},
		{OfIdentity, allow(invokeAll) + "x", syntax},
		{OfIdentity, allow(invokeAll + `,"Surplus":1`), syntax},
		{OfIdentity, allow(invokeAll + `,"Action":"x:y"`), syntax}, // twice
		{OfIdentity, allow(invokeAll + `,"NotAction":"x:y"`), syntax},
		{OfIdentity, allow(invokeAll + `,"Principal":"*"`), "Policy document should not specify a principal."},
		{OfIdentity, allow(`"Resource":"*"`), "Policy statement must contain actions."},
		{OfIdentity, allow(`"Action":[],"Resource":"*"`), "Policy statement must contain actions."},
		{OfIdentity, allow(`"Action":"a:b"`), "Policy statement must contain resources."},
		{OfIdentity, allow(`"Action":"ab","Resource":"*"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{OfIdentity, allow(`"Action":"a:b","Resource":"f"`), `Resource f must be in ARN format or "*".`},
		{OfIdentity, allow(`"Action":{"a":"b"},"Resource":"*"`), syntax},
		{OfIdentity, document("allow", invokeAll), "Invalid effect: allow"},
		{OfIdentity, `{"Statement":{` + invokeAll + `}}`, "Missing required field Effect"},
		{OfIdentity, `{"Statement":[{"Sid":"a","Effect":"Allow",` + invokeAll + `},{"Sid":"a","Effect":"Allow",` + invokeAll + `}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{OfIdentity, allow(invokeAll + `,"Condition":{"StringSame":{"a":"b"}}`), "Invalid Condition type : StringSame."},
		{OfIdentity, allow(invokeAll + `,"Condition":{"NumericEquals":{"a":"b"}}`), "Invalid value b for condition operator NumericEquals."},
		{OfIdentity, allow(invokeAll + `,"Condition":{"IpAddress":{"a":"10.0.0.0/40"}}`), "Invalid value 10.0.0.0/40 for condition operator IpAddress."},
		{OfResource, allow(invokeAll), "Missing required field Principal"},
		{OfResource, allow(invokeAll + `,"Principal":"` + user + `"`), "Invalid principal in policy"},
		{OfResource, allow(invokeAll + `,"Principal":{"Human":"x"}`), syntax},
		{OfTrust, allow(`"Principal":"*","Action":"sts:AssumeRole","Resource":"*"`), "Has prohibited field Resource"},
		{OfTrust, allow(`"Principal":"*"`), "Missing required field Action"},
	} {
		if _, err := Parse(c.text, c.kind); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

// FuzzParse: whatever is read can be decided upon, and a document with a deny of
// everything beside it never allows.
// TestWildcards: "?" is one character, however many bytes it has.
func TestWildcards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		fits          bool
	}{
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"a?c", "abbc", false},
		{"a?c", "aéc", true}, {"a??c", "aéc", false}, {"a?c", "a€c", true}, {"a???c", "a€c", false}, {"?", "😀", true}, {"????", "😀", false},
		{"*?", "€", true}, {"*??", "€", false}, {"*???", "é€", false}, {"*??", "é€", true}, {"?*?", "€", false}, {"*?c*", "€c", true},
		{"a*é", "aéé", true}, {"*", "", true}, {"?", "", false}, {"*?*?*", "a€", true}, {"*?*?*", "€", false},
		{"?", "\xff", true}, {"??", "\xff\xfe", true}, {"?", "\xff\xfe", false},
	} {
		p := compile(c.pattern, true, false)
		if got := p.fits(c.text, nil); got != c.fits {
			t.Errorf("%q fits %q: %v, want %v", c.text, c.pattern, got, c.fits)
		}
	}
	d := parse(t, OfIdentity, allow(`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/caf?"`))
	for resource, allowed := range map[string]bool{"arn:aws:s3:::b/café": true, "arn:aws:s3:::b/cafés": false} {
		got := Decide(Request{Principal: alice, Action: "s3:GetObject", Resource: resource, Owner: account, Context: func(string) ([]string, bool) { return nil, false }}, Policies{Identity: d})
		if got.Allowed != allowed {
			t.Errorf("%s: %+v", resource, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(allow(invokeAll), "lambda:InvokeFunction", fn)
	f.Add(allow(`"Principal":{"AWS":["*"]},"NotAction":"a:*","NotResource":["arn:aws:*${aws:username, 'x'}*"],"Condition":{"ForAllValues:StringLike":{"aws:username":["a*?"]}}`), "a:b", "*")
	f.Add(allow(`"Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:sourceip":"::/0"},"DateLessThan":{"d":1}}`), "a:b", "")
	all, err := Parse(deny(`"Action":"*","Resource":"*"`), OfIdentity)
	if err != nil {
		f.Fatal(err)
	}
	values := context(map[string][]string{"aws:username": {"alice"}, "aws:sourceip": {"10.0.0.1"}})
	f.Fuzz(func(t *testing.T, text, action, resource string) {
		for _, kind := range []Kind{OfIdentity, OfResource, OfTrust} {
			d, err := Parse(text, kind)
			if err != nil {
				continue
			}
			r := Request{Principal: alice, Action: action, Resource: resource, Owner: account, Context: values}
			Decide(r, Policies{Identity: []*Document{d}, Resource: []*Document{d}})
			if got := Decide(r, Policies{Identity: []*Document{d, all}}); got.Allowed {
				t.Errorf("%q allows in spite of a deny", text)
			}
		}
	})
}

// TestHostilePattern would not end if stars were tried in every combination.
func TestHostilePattern(t *testing.T) {
	t.Parallel()
	p := compile(strings.Repeat("a*", 1000)+"b", true, false)
	if p.fits(strings.Repeat("a", 10_000), nil) {
		t.Error("fits")
	}
}
