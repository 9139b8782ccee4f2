package sts

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"lambent/internal/lambda"
)

func TestQueries(t *testing.T) {
	t.Parallel()
	handler := Handler{lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"}}
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"identity", "Action=GetCallerIdentity&Version=2011-06-15", 200,
			`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::111111111111:root</Arn><UserId>111111111111</UserId><Account>111111111111</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></GetCallerIdentityResponse>`},
		{"another version", "Action=GetCallerIdentity&Version=1", 400,
			`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>Could not find operation GetCallerIdentity for version 1</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"not yet", "Action=AssumeRole&Version=2011-06-15", 501,
			`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Receiver</Type><Code>NotImplementedException</Code><Message>The operation AssumeRole is not yet available in Lambent.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		{"too much", "Action=" + strings.Repeat("x", maxForm), 400, ""},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		got := regexp.MustCompile(`<RequestId>[0-9a-f-]{36}</RequestId>`).ReplaceAllString(w.Body.String(), "<RequestId>ID</RequestId>")
		if w.Code != c.status || c.want != "" && got != c.want {
			t.Errorf("%s: answered %d %s, want %d %s", c.name, w.Code, got, c.status, c.want)
		}
	}
}
