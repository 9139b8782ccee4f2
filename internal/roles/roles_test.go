package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/policy"
	"lambent/internal/store/memory"
)

const (
	trust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allow  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`
	deny   = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	basic  = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
	moment = 1_700_000_000
)

func open(t *testing.T, data *memory.Data) *Roles {
	t.Helper()
	r, err := Open(t.Context(), Config{
		Home:  lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"},
		Store: memory.Open(data), Now: func() time.Time { return time.Unix(moment, 5e8) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func made(t *testing.T, r *Roles, name string) lambda.Role {
	t.Helper()
	role, err := r.CreateRole(t.Context(), lambda.Role{Name: name, Trust: trust})
	if err != nil {
		t.Fatal(err)
	}
	return role
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatARoleMayDo: inline documents and the default versions of attached
// policies, AWS's too, also after a restart.
func TestWhatARoleMayDo(t *testing.T) {
	t.Parallel()
	var data memory.Data
	r, ctx := open(t, &data), t.Context()
	role, err := r.CreateRole(ctx, lambda.Role{Name: "Worker", Path: "/app/", Trust: trust, Tags: []lambda.Tag{{Key: "team", Value: "blue"}}})
	must(t, err)
	if role.ARN != "arn:aws:iam::111111111111:role/app/Worker" || role.MaxSession != 3600 || len(role.ID) != 21 ||
		!role.Created.Equal(time.Unix(moment, 0)) {
		t.Errorf("made %+v", role)
	}
	p, err := r.CreatePolicy(ctx, lambda.ManagedPolicy{Name: "Mine"}, allow)
	must(t, err)
	must(t, r.PutInline(ctx, "worker", "b", deny)) // names do not tell case apart
	must(t, r.PutInline(ctx, "Worker", "a", allow))
	must(t, r.Attach(ctx, "Worker", basic))
	must(t, r.Attach(ctx, "Worker", p.ARN))
	must(t, r.Attach(ctx, "Worker", p.ARN))
	_, err = r.AddVersion(ctx, p.ARN, deny, true)
	must(t, err)

	for range 2 {
		if longest := r.LongestSession(role.ARN); longest != time.Hour {
			t.Errorf("its sessions last %v, want an hour", longest)
		}
		gotTrust, documents, found, err := r.RolePolicies(ctx, role.ARN)
		managed, _ := r.Policy(basic)
		want := []string{allow, deny, managed.DefaultVersion().Document, deny}
		if err != nil || !found || gotTrust != trust || !slices.Equal(documents, want) {
			t.Errorf("RolePolicies: %q %q %v %v, want %q", gotTrust, documents, found, err, want)
		}
		r = open(t, &data)
	}
	if id := r.RoleID(role.ARN); id != role.ID {
		t.Errorf("its ID is %q, want %q", id, role.ID)
	}
	const elsewhere = "arn:aws:iam::111111111111:role/Worker" // on another path
	if id, longest := r.RoleID(elsewhere), r.LongestSession(elsewhere); id != "" || longest != 0 {
		t.Errorf("a role that is not there: %q, %v", id, longest)
	}
	if _, _, found, err := r.RolePolicies(ctx, elsewhere); found || err != nil {
		t.Errorf("an ARN with another path was found, %v", err)
	}
	must(t, r.SetBoundary(ctx, "Worker", p.ARN))
	if document, bounded, err := r.RoleBoundary(ctx, role.ARN); document != deny || !bounded || err != nil {
		t.Errorf("boundary %q %v %v", document, bounded, err)
	}
}

// TestRefusals holds IAM's words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r, ctx := open(t, &memory.Data{}), t.Context()
	made(t, r, "used")
	made(t, r, "inline")
	made(t, r, "full")
	p, err := r.CreatePolicy(ctx, lambda.ManagedPolicy{Name: "Mine"}, allow)
	must(t, err)
	free, err := r.CreatePolicy(ctx, lambda.ManagedPolicy{Name: "Free", Path: "/a/"}, allow)
	must(t, err)
	for range 4 {
		_, err := r.AddVersion(ctx, free.ARN, allow, false)
		must(t, err)
	}
	must(t, r.Attach(ctx, "used", p.ARN))
	must(t, r.PutInline(ctx, "inline", "p", allow))
	for _, one := range r.Policies()[:maxAttached] {
		must(t, r.Attach(ctx, "full", one.ARN))
	}
	long := func(n int) string {
		return strings.Replace(allow, "s3:GetObject", "s3:"+strings.Repeat("x", n), 1)
	}
	create := func(role lambda.Role) error { _, err := r.CreateRole(ctx, role); return err }
	version := func(arn, document string) error { _, err := r.AddVersion(ctx, arn, document, true); return err }
	newPolicy := func(name, document string) error {
		_, err := r.CreatePolicy(ctx, lambda.ManagedPolicy{Name: name}, document)
		return err
	}
	role := func(name string) error { _, err := r.Role(name); return err }
	inline := func(name string) error { _, err := r.Inline("used", name); return err }
	oneVersion := func(id string) error { _, err := r.Version(p.ARN, id); return err }
	for _, c := range []struct {
		name string
		err  error
		kind lambda.Kind
		want string
	}{
		{"the role is there", create(lambda.Role{Name: "USED", Trust: trust}), lambda.Conflict, "Role with name USED already exists."},
		{"no role", role("nobody"), lambda.NotFound, "The role with name nobody cannot be found."},
		{"no trust", create(lambda.Role{Name: "r", Trust: "{"}), lambda.MalformedPolicy, "Syntax errors in policy."},
		{"trust with a resource", create(lambda.Role{Name: "r", Trust: allow}), lambda.MalformedPolicy, ""},
		{"long trust", r.SetTrust(ctx, "used", strings.Replace(trust, "lambda.amazonaws", strings.Repeat("x", maxTrust), 1)),
			lambda.LimitExceeded, "Cannot exceed quota for ACLSizePerRole: 2048"},
		{"no boundary", r.SetBoundary(ctx, "used", "arn:aws:iam::aws:policy/None"), lambda.NotFound,
			"Scope ARN: arn:aws:iam::aws:policy/None does not exist or is not attachable."},
		{"attached", r.DeleteRole(ctx, "used"), lambda.InUse, "Cannot delete entity, must detach all policies first."},
		{"has inline", r.DeleteRole(ctx, "inline"), lambda.InUse, "Cannot delete entity, must delete policies first."},
		{"no inline", inline("p"), lambda.NotFound, "The role policy with name p cannot be found."},
		{"no inline to delete", r.DeleteInline(ctx, "used", "p"), lambda.NotFound, "The role policy with name p cannot be found."},
		{"inline malformed", r.PutInline(ctx, "used", "p", trust), lambda.MalformedPolicy, ""},
		{"inline too long", r.PutInline(ctx, "inline", "q", long(maxInline-100)), lambda.LimitExceeded,
			"Maximum policy size of 10240 bytes exceeded for role inline"},
		{"no policy to attach", r.Attach(ctx, "used", "arn:aws:iam::aws:policy/None"), lambda.NotFound,
			"Policy arn:aws:iam::aws:policy/None does not exist or is not attachable."},
		{"not attached", r.Detach(ctx, "used", basic), lambda.NotFound, "Policy " + basic + " was not found."},
		{"too many attached", r.Attach(ctx, "full", p.ARN), lambda.LimitExceeded, "Cannot exceed quota for PoliciesPerRole: 10"},
		{"policy is there", newPolicy("free", allow), lambda.Conflict, "A policy called free already exists. Duplicate names are not allowed."},
		{"policy too long", newPolicy("x", long(maxManaged)), lambda.LimitExceeded, "Cannot exceed quota for PolicySize: 6144"},
		{"policy attached", r.DeletePolicy(ctx, p.ARN), lambda.InUse, "Cannot delete a policy attached to entities."},
		{"policy with versions", r.DeletePolicy(ctx, free.ARN), lambda.InUse, "This policy has more than one version. Before you delete a policy, " +
			"you must delete the policy's versions. The default version is deleted with the policy."},
		{"too many versions", version(free.ARN, allow), lambda.LimitExceeded,
			"A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version."},
		{"default version", r.DeleteVersion(ctx, p.ARN, "v1"), lambda.InUse, "Cannot delete the default version of a policy."},
		{"no version", oneVersion("v7"), lambda.NotFound, "Policy " + p.ARN + " version v7 does not exist or is not attachable."},
		{"AWS's own", version(basic, allow), lambda.AccessDenied, ""},
		{"AWS's own, deleted", r.DeletePolicy(ctx, basic), lambda.AccessDenied, ""},
		{"tags twice", r.TagRole(ctx, "used", []lambda.Tag{{Key: "a"}, {Key: "A"}}), lambda.InvalidParameter,
			"Duplicate tag keys found. Please note that Tag keys are case insensitive."},
	} {
		var e *lambda.Error
		if !errors.As(c.err, &e) || e.Kind != c.kind || c.want != "" && e.Message != c.want {
			t.Errorf("%s: %v, want kind %d %s", c.name, c.err, c.kind, c.want)
		}
	}
	if got, _ := r.Role("used"); len(got.Inline) != 0 || len(got.Tags) != 0 {
		t.Errorf("refused changes left something: %+v", got)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	var data memory.Data
	r, ctx := open(t, &data), t.Context()
	p, err := r.CreatePolicy(ctx, lambda.ManagedPolicy{Name: "p"}, allow)
	must(t, err)
	v, err := r.AddVersion(ctx, p.ARN, deny, false)
	must(t, err)
	must(t, r.SetDefault(ctx, p.ARN, "v2"))
	must(t, r.DeleteVersion(ctx, p.ARN, "v1"))
	r = open(t, &data)
	got, err := r.Policy(p.ARN)
	if err != nil || v.Number != 2 || len(got.Versions) != 1 || got.DefaultVersion().Document != deny {
		t.Errorf("policy %+v %v", got, err)
	}
	must(t, r.DeletePolicy(ctx, p.ARN))
	if _, err := open(t, &data).Policy(p.ARN); lambda.KindOf(err) != lambda.NotFound {
		t.Errorf("a deleted policy: %v", err)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	r, ctx := open(t, &memory.Data{}), t.Context()
	before := made(t, r, "r")
	must(t, r.TagRole(ctx, "r", []lambda.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "1"}}))
	must(t, r.TagRole(ctx, "r", []lambda.Tag{{Key: "B", Value: "2"}}))
	must(t, r.UntagRole(ctx, "r", []string{"A", "never"}))
	role, _ := r.Role("r")
	if want := []lambda.Tag{{Key: "B", Value: "2"}}; !slices.Equal(role.Tags, want) || len(before.Tags) != 0 {
		t.Errorf("tags %v, want %v", role.Tags, want)
	}
	many := make([]lambda.Tag, maxTags)
	for i := range many {
		many[i].Key = fmt.Sprint(i)
	}
	if err := r.TagRole(ctx, "r", many); lambda.KindOf(err) != lambda.LimitExceeded {
		t.Errorf("51 tags: %v", err)
	}
}

// TestAWSsPolicies: every document that we hand out is one that we could judge.
func TestAWSsPolicies(t *testing.T) {
	t.Parallel()
	r := open(t, &memory.Data{})
	all := r.Policies()
	if len(all) < 30 {
		t.Fatalf("%d policies", len(all))
	}
	for _, p := range all {
		if _, err := policy.Parse(p.DefaultVersion().Document, policy.OfIdentity); err != nil {
			t.Errorf("%s: %v", p.ARN, err)
		}
	}
}

// TestConcurrentChanges: two changes of one role both happen.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	r := open(t, &memory.Data{})
	made(t, r, "r")
	const n = 20
	done := make(chan error, n)
	for i := range n {
		go func() {
			done <- r.PutInline(context.Background(), "r", fmt.Sprintf("p%02d", i), allow)
		}()
	}
	for range n {
		must(t, <-done)
	}
	if role, _ := r.Role("r"); len(role.Inline) != n || !slices.IsSortedFunc(role.Inline, func(a, b lambda.InlinePolicy) int {
		return strings.Compare(a.Name, b.Name)
	}) {
		t.Errorf("%d inline policies", len(role.Inline))
	}
}
