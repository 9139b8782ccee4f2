package pattern

import (
	"strings"
	"testing"

	"lambent/internal/lambda"
)

// TestPatterns: the examples of CloudWatch's guide, and the edges.
func TestPatterns(t *testing.T) {
	t.Parallel()
	const event = `{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],` +
		`"objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"latency":50.5,"status":"404"}`
	for _, c := range []struct {
		pattern, message string
		want             bool
	}{
		{"ERROR", "[ERROR 400] BAD REQUEST", true},
		{"ERROR", "[error 400]", false},
		{"ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true},
		{"ERROR ARGUMENTS", "[ERROR 400] BAD REQUEST", false},
		{"?ERROR ?ARGUMENTS", "[INFO] ARGUMENTS", true},
		{"?ERROR ?ARGUMENTS", "[INFO]", false},
		{"?ERROR ?WARN INFO", "only INFO", true},
		{"?ERROR ?WARN INFO", "only ERROR", false},
		{`"INTERNAL SERVER ERROR"`, "[ERROR 500] INTERNAL SERVER ERROR", true},
		{`"INTERNAL SERVER ERROR"`, "SERVER INTERNAL ERROR", false},
		{`"a \"b\""`, `say a "b"`, true},
		{"ERROR -ARGUMENTS", "[ERROR 401] UNAUTHORIZED", true},
		{"ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false},
		{`-"x y"`, "x  y", true},
		{`%AUTHORIZED%`, "UNAUTHORIZED", true},
		{`%4\d\d%`, "status 404", true},
		{`%^4\d\d%`, "status 404", false},
		{`{ $.eventType = "UpdateTrail" }`, event, true},
		{`{$.eventType="UpdateTrail"}`, event, true},
		{`{ $.eventType = UpdateTrail }`, event, true},
		{`{ $.eventType = "Update*" }`, event, true},
		{`{ $.eventType = "*date*ail" }`, event, true},
		{`{ $.eventType = "Create*" }`, event, false},
		{`{ $.eventType = "UpdateTrail" }`, `no JSON: "eventType":"UpdateTrail"`, false},
		{`{ $.sourceIPAddress != 123.123.* }`, event, true},
		{`{ $.arrayKey[0] = "value" }`, event, true},
		{`{ $.arrayKey[7] = "value" }`, event, false},
		{`{ $.objectList[1].id = 2 }`, event, true},
		{`{ $["objectList"][1]["name"] = "b" }`, event, true},
		{`{ $.SomeObject IS NULL }`, event, true},
		{`{ $.SomeOtherObject NOT EXISTS }`, event, true},
		{`{ $.SomeObject NOT EXISTS }`, event, false},
		{`{ $.ThisFlag IS TRUE }`, event, true},
		{`{ $.ThisFlag IS FALSE }`, event, false},
		{`{ $.latency > 50 }`, event, true},
		{`{ $.latency >= 50.5 && $.latency <= 50.5 }`, event, true},
		{`{ $.latency < 50 }`, event, false},
		{`{ $.latency = 50.5 }`, event, true},
		{`{ $.status = 404 }`, event, false},
		{`{ $.status = "404" }`, event, true},
		{`{ $.status = %^4% }`, event, true},
		{`{ $.status != %^4% }`, event, false},
		{`{ $.nothing != "a" }`, event, false},
		{`{ ($.latency > 100 || $.status = "4*") && $.ThisFlag IS TRUE }`, event, true},
		{`{ $.latency > 100 || $.status = "5*" && $.ThisFlag IS TRUE }`, event, false},
	} {
		match, err := Parse(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		} else if got := match(c.message); got != c.want {
			t.Errorf("%s on %s: %v, want %v", c.pattern, c.message, got, c.want)
		}
	}
	if match, err := Parse("  "); match != nil || err != nil {
		t.Errorf("the empty pattern: %v", err)
	}
}

func TestNoPatterns(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"open`, `%open`, `%(%`, `-`, `ERROR ?`, `{`, `{}`, `{ $ }`, `{ $. = 1 }`, `{ $.a }`, `{ $.a = }`, `{ $.a > b }`, `{ $.a = 1`,
		`{ ($.a = 1 }`, `{ $.a = 1 && }`, `{ $.a = 1 } x`, `{ $.a[x] = 1 }`, `{ $.a IS MAYBE }`, `{ $["a] = 1 }`,
		"{ " + strings.Repeat("(", 100) + "$.a = 1" + strings.Repeat(")", 100) + " }",
	} {
		if _, err := Parse(text); lambda.KindOf(err) != lambda.InvalidParameter {
			t.Errorf("%s: %v, want an invalid parameter", text, err)
		}
	}
	if _, err := Parse("[ip, user]"); lambda.KindOf(err) != lambda.NotYet {
		t.Errorf("fields between spaces: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`ERROR -"a b" ?%x%`, `{ ($.a[0]["b"] != "x*" || $.c >= 1) && $.d NOT EXISTS }`} {
		f.Add(seed, `{"a":[{"b":"x"}],"c":2}`)
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		if match, err := Parse(text); err == nil && match != nil {
			match(message)
		}
	})
}
