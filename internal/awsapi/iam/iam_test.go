package iam_test

import (
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lambent/internal/awsapi/iam"
	"lambent/internal/lambda"
	"lambent/internal/roles"
	"lambent/internal/store/memory"
)

const (
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`
	basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
)

func service(t testing.TB) http.Handler {
	t.Helper()
	home := lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}
	r, err := roles.Open(t.Context(), roles.Config{
		Home: home, Store: memory.Open(&memory.Data{}),
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return iam.New(home, r, slog.New(slog.DiscardHandler))
}

var random = regexp.MustCompile(`<RequestId>[0-9a-f-]{36}</RequestId>|<RoleId>AROA\w{17}</RoleId>|<PolicyId>ANPA\w{17}</PolicyId>`)

// ask sends one action; what is random in the answer is left out of it.
func ask(t *testing.T, h http.Handler, action string, pairs ...string) (int, string) {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, random.ReplaceAllStringFunc(w.Body.String(), func(s string) string {
		if strings.HasPrefix(s, "<Req") {
			return ""
		}
		return regexp.MustCompile(`>\w+<`).ReplaceAllString(s, ">ID<")
	})
}

// TestAnswers walks through the life of a role, and holds each answer to the byte.
func TestAnswers(t *testing.T) {
	t.Parallel()
	h := service(t)
	const (
		space = ` xmlns="https://iam.amazonaws.com/doc/2010-05-08/"`
		ready = `<ResponseMetadata></ResponseMetadata>`
		now   = `<CreateDate>2026-01-02T03:04:05Z</CreateDate>`
	)
	escaped := strings.ReplaceAll(url.QueryEscape(trust), "+", "%20")
	plain := func(action string) string {
		return "<" + action + "Response" + space + ">" + ready + "</" + action + "Response>"
	}
	role := `<Path>/app/</Path><RoleName>r</RoleName><RoleId>ID</RoleId><Arn>arn:aws:iam::111111111111:role/app/r</Arn>` +
		now + `<AssumeRolePolicyDocument>` + escaped + `</AssumeRolePolicyDocument><Description>d</Description>`
	tags := `<Tags><member><Key>k</Key><Value></Value></member></Tags>`
	for _, c := range []struct {
		action string
		pairs  []string
		want   string
	}{
		{"CreateRole", []string{"RoleName", "r", "Path", "/app/", "AssumeRolePolicyDocument", trust, "Description", "d",
			"Tags.member.1.Key", "k", "Tags.member.1.Value", ""},
			`<CreateRoleResponse` + space + `><CreateRoleResult><Role>` + role + tags + `</Role></CreateRoleResult>` + ready + `</CreateRoleResponse>`},
		{"GetRole", []string{"RoleName", "r"}, `<GetRoleResponse` + space + `><GetRoleResult><Role>` + role +
			`<MaxSessionDuration>3600</MaxSessionDuration>` + tags + `<RoleLastUsed></RoleLastUsed></Role></GetRoleResult>` + ready + `</GetRoleResponse>`},
		{"ListRoles", []string{"PathPrefix", "/app/"}, `<ListRolesResponse` + space + `><ListRolesResult><Roles><member>` + role +
			`<MaxSessionDuration>3600</MaxSessionDuration></member></Roles><IsTruncated>false</IsTruncated></ListRolesResult>` + ready + `</ListRolesResponse>`},
		{"UpdateRole", []string{"RoleName", "r", "Description", "", "MaxSessionDuration", "7200"},
			`<UpdateRoleResponse` + space + `><UpdateRoleResult></UpdateRoleResult>` + ready + `</UpdateRoleResponse>`},
		{"PutRolePolicy", []string{"RoleName", "r", "PolicyName", "p", "PolicyDocument", allow}, plain("PutRolePolicy")},
		{"GetRolePolicy", []string{"RoleName", "r", "PolicyName", "p"}, `<GetRolePolicyResponse` + space +
			`><GetRolePolicyResult><RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument>` + strings.ReplaceAll(url.QueryEscape(allow), "+", "%20") +
			`</PolicyDocument></GetRolePolicyResult>` + ready + `</GetRolePolicyResponse>`},
		{"ListRolePolicies", []string{"RoleName", "r"}, `<ListRolePoliciesResponse` + space +
			`><ListRolePoliciesResult><PolicyNames><member>p</member></PolicyNames><IsTruncated>false</IsTruncated></ListRolePoliciesResult>` +
			ready + `</ListRolePoliciesResponse>`},
		{"AttachRolePolicy", []string{"RoleName", "r", "PolicyArn", basic}, plain("AttachRolePolicy")},
		{"ListAttachedRolePolicies", []string{"RoleName", "r"}, `<ListAttachedRolePoliciesResponse` + space +
			`><ListAttachedRolePoliciesResult><AttachedPolicies><member><PolicyName>AWSLambdaBasicExecutionRole</PolicyName><PolicyArn>` + basic +
			`</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated></ListAttachedRolePoliciesResult>` + ready + `</ListAttachedRolePoliciesResponse>`},
		{"ListEntitiesForPolicy", []string{"PolicyArn", basic}, `<ListEntitiesForPolicyResponse` + space +
			`><ListEntitiesForPolicyResult><PolicyGroups></PolicyGroups><PolicyUsers></PolicyUsers><PolicyRoles><member><RoleName>r</RoleName>` +
			`<RoleId>ID</RoleId></member></PolicyRoles><IsTruncated>false</IsTruncated></ListEntitiesForPolicyResult>` + ready + `</ListEntitiesForPolicyResponse>`},
		{"ListInstanceProfilesForRole", []string{"RoleName", "r"}, `<ListInstanceProfilesForRoleResponse` + space +
			`><ListInstanceProfilesForRoleResult><InstanceProfiles></InstanceProfiles><IsTruncated>false</IsTruncated></ListInstanceProfilesForRoleResult>` +
			ready + `</ListInstanceProfilesForRoleResponse>`},
		{"PutRolePermissionsBoundary", []string{"RoleName", "r", "PermissionsBoundary", basic}, plain("PutRolePermissionsBoundary")},
		{"DeleteRolePermissionsBoundary", []string{"RoleName", "r"}, plain("DeleteRolePermissionsBoundary")},
		{"DetachRolePolicy", []string{"RoleName", "r", "PolicyArn", basic}, plain("DetachRolePolicy")},
		{"DeleteRolePolicy", []string{"RoleName", "r", "PolicyName", "p"}, plain("DeleteRolePolicy")},
		{"UntagRole", []string{"RoleName", "r", "TagKeys.member.1", "k"}, plain("UntagRole")},
		{"ListRoleTags", []string{"RoleName", "r"}, `<ListRoleTagsResponse` + space +
			`><ListRoleTagsResult><Tags></Tags><IsTruncated>false</IsTruncated></ListRoleTagsResult>` + ready + `</ListRoleTagsResponse>`},
		{"DeleteRole", []string{"RoleName", "r"}, plain("DeleteRole")},
		{"CreatePolicy", []string{"PolicyName", "p", "PolicyDocument", allow, "Description", "d"}, `<CreatePolicyResponse` + space +
			`><CreatePolicyResult><Policy><PolicyName>p</PolicyName><PolicyId>ID</PolicyId><Arn>arn:aws:iam::111111111111:policy/p</Arn><Path>/</Path>` +
			`<DefaultVersionId>v1</DefaultVersionId><AttachmentCount>0</AttachmentCount><PermissionsBoundaryUsageCount>0</PermissionsBoundaryUsageCount>` +
			`<IsAttachable>true</IsAttachable>` + now + `<UpdateDate>2026-01-02T03:04:05Z</UpdateDate></Policy></CreatePolicyResult>` + ready + `</CreatePolicyResponse>`},
		{"CreatePolicyVersion", []string{"PolicyArn", "arn:aws:iam::111111111111:policy/p", "PolicyDocument", allow, "SetAsDefault", "true"},
			`<CreatePolicyVersionResponse` + space + `><CreatePolicyVersionResult><PolicyVersion><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>` +
				now + `</PolicyVersion></CreatePolicyVersionResult>` + ready + `</CreatePolicyVersionResponse>`},
		{"ListPolicyVersions", []string{"PolicyArn", "arn:aws:iam::111111111111:policy/p"}, `<ListPolicyVersionsResponse` + space +
			`><ListPolicyVersionsResult><Versions><member><VersionId>v2</VersionId><IsDefaultVersion>true</IsDefaultVersion>` + now +
			`</member><member><VersionId>v1</VersionId><IsDefaultVersion>false</IsDefaultVersion>` + now +
			`</member></Versions><IsTruncated>false</IsTruncated></ListPolicyVersionsResult>` + ready + `</ListPolicyVersionsResponse>`},
		{"DeletePolicyVersion", []string{"PolicyArn", "arn:aws:iam::111111111111:policy/p", "VersionId", "v1"}, plain("DeletePolicyVersion")},
		{"DeletePolicy", []string{"PolicyArn", "arn:aws:iam::111111111111:policy/p"}, plain("DeletePolicy")},
		{"ListPolicies", []string{"Scope", "Local"}, `<ListPoliciesResponse` + space +
			`><ListPoliciesResult><Policies></Policies><IsTruncated>false</IsTruncated></ListPoliciesResult>` + ready + `</ListPoliciesResponse>`},
		{"ListAccountAliases", nil, `<ListAccountAliasesResponse` + space +
			`><ListAccountAliasesResult><AccountAliases></AccountAliases><IsTruncated>false</IsTruncated></ListAccountAliasesResult>` + ready + `</ListAccountAliasesResponse>`},
		{"GetUser", nil, `<GetUserResponse` + space +
			`><GetUserResult><User><UserId>111111111111</UserId><Arn>arn:aws:iam::111111111111:root</Arn><CreateDate>1970-01-01T00:00:00Z</CreateDate></User></GetUserResult>` +
			ready + `</GetUserResponse>`},
	} {
		if status, got := ask(t, h, c.action, c.pairs...); status != http.StatusOK || got != c.want {
			t.Errorf("%s: %d\n got %s\nwant %s", c.action, status, got, c.want)
		}
	}
}

// TestRefusals holds codes, statuses and words.
func TestRefusals(t *testing.T) {
	t.Parallel()
	h := service(t)
	for _, c := range []struct {
		action  string
		pairs   []string
		status  int
		code    string
		message string
	}{
		{"GetRole", []string{"RoleName", "none"}, 404, "NoSuchEntity", "The role with name none cannot be found."},
		{"GetRole", nil, 400, "ValidationError", "1 validation error detected: Value null at &#39;roleName&#39; failed to satisfy constraint: Member must not be null"},
		{"GetRole", []string{"RoleName", "a b"}, 400, "ValidationError",
			"The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		{"CreateRole", []string{"RoleName", strings.Repeat("x", 65), "AssumeRolePolicyDocument", trust, "MaxSessionDuration", "60"}, 400, "ValidationError",
			"2 validation errors detected: Value &#39;" + strings.Repeat("x", 65) + "&#39; at &#39;roleName&#39; failed to satisfy constraint: " +
				"Member must have length less than or equal to 64; Value &#39;60&#39; at &#39;maxSessionDuration&#39; failed to satisfy constraint: " +
				"Member must have value greater than or equal to 3600"},
		{"CreateRole", []string{"RoleName", "r", "AssumeRolePolicyDocument", "{}"}, 400, "MalformedPolicyDocument", "Syntax errors in policy."},
		{"CreateRole", []string{"RoleName", "r", "AssumeRolePolicyDocument", trust, "Tags.member.1.Key", "a!", "Tags.member.1.Value", "v"}, 400, "ValidationError",
			"1 validation error detected: Value &#39;a!&#39; at &#39;tags.1.member.key&#39; failed to satisfy constraint: " +
				`Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`},
		{"AttachRolePolicy", []string{"RoleName", "r", "PolicyArn", strings.Repeat("x", 20)}, 400, "InvalidInput", "ARN xxxxxxxxxxxxxxxxxxxx is not valid."},
		{"GetPolicyVersion", []string{"PolicyArn", basic, "VersionId", "v9"}, 404, "NoSuchEntity", "Policy " + basic + " version v9 does not exist or is not attachable."},
		{"GetPolicyVersion", []string{"PolicyArn", basic, "VersionId", "1"}, 400, "ValidationError",
			"1 validation error detected: Value &#39;1&#39; at &#39;versionId&#39; failed to satisfy constraint: " +
				`Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?`},
		{"ListRoles", []string{"Marker", "!"}, 400, "ValidationError", "Invalid Marker."},
		{"ListRoles", []string{"MaxItems", "many"}, 400, "ValidationError", "Invalid value for maxItems: many"},
		{"GetUser", []string{"UserName", "u"}, 404, "NoSuchEntity", "The user with name u cannot be found."},
		{"CreateUser", []string{"UserName", "u"}, 501, "NotImplementedException", "The operation CreateUser is not yet available in Lambent."},
		{"ListRoles", []string{"Version", "1"}, 400, "InvalidAction", "Could not find operation ListRoles for version 1"},
	} {
		typ := "Sender"
		if c.status >= 500 {
			typ = "Receiver"
		}
		want := `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>` + typ + `</Type><Code>` + c.code +
			`</Code><Message>` + c.message + `</Message></Error></ErrorResponse>`
		if status, got := ask(t, h, c.action, c.pairs...); status != c.status || got != want {
			t.Errorf("%s %v: %d\n got %s\nwant %d %s", c.action, c.pairs, status, got, c.status, want)
		}
	}
}

// TestPages: a reader of pages sees every role once, also when roles go meanwhile.
func TestPages(t *testing.T) {
	t.Parallel()
	h := service(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if status, got := ask(t, h, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust); status != 200 {
			t.Fatal(got)
		}
	}
	var seen []string
	marker := regexp.MustCompile(`<IsTruncated>true</IsTruncated><Marker>(.*)</Marker>`)
	pairs := []string{"MaxItems", "2"}
	for range 5 {
		_, got := ask(t, h, "ListRoles", pairs...)
		for _, m := range regexp.MustCompile(`<RoleName>(\w)</RoleName>`).FindAllStringSubmatch(got, -1) {
			seen = append(seen, m[1])
		}
		m := marker.FindStringSubmatch(got)
		if m == nil {
			break
		}
		ask(t, h, "DeleteRole", "RoleName", seen[len(seen)-1])
		pairs = []string{"MaxItems", "2", "Marker", m[1]}
	}
	if got := strings.Join(seen, ""); got != "abcde" {
		t.Errorf("pages showed %s", got)
	}
}

// FuzzForm: whatever is sent, the answer is one of IAM's.
func FuzzForm(f *testing.F) {
	for _, form := range []string{
		"Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=" + url.QueryEscape(trust),
		"Action=PutRolePolicy&Version=2010-05-08&RoleName=r&PolicyName=p&PolicyDocument=" + url.QueryEscape(allow),
		"Action=CreatePolicy&Version=2010-05-08&PolicyName=p&Tags.member.1.Key=k&PolicyDocument=" + url.QueryEscape(allow),
		"Action=ListPolicies&Version=2010-05-08&MaxItems=1&Marker=YQ",
		"Action=ListRoles&Version=2010-05-08&PathPrefix=/&Marker=%%%",
		"Action=AttachRolePolicy&Version=2010-05-08&RoleName=r&PolicyArn=" + basic,
		"Action=CreatePolicyVersion&Version=2010-05-08&PolicyArn=arn:aws:iam::111111111111:policy/p&SetAsDefault=true&PolicyDocument=" + url.QueryEscape(allow),
		"Action=UntagRole&Version=2010-05-08&RoleName=r&TagKeys.member.1=k",
	} {
		f.Add(form)
	}
	h := service(f)
	f.Fuzz(func(t *testing.T, form string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || xml.Unmarshal(w.Body.Bytes(), &struct{ XMLName xml.Name }{}) != nil {
			t.Errorf("%s: %d %s", form, w.Code, w.Body)
		}
	})
}
