package awsapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"lambent/internal/lambda"
)

// neighbourAct is what a request to a service besides Lambda is for, as its policies
// word it: the operation that it names, and the resource that its parameters name.
// A request whose operation cannot be told needs the right to all of the service, and
// one whose resource cannot be told the right to all resources. The operation is
// looked for where the service itself looks, and nowhere else: what is allowed must
// be what is done.
func neighbourAct(service string, home lambda.Home, r *http.Request) lambda.Act {
	act := lambda.Act{Action: service + ":*", Resource: "*"}
	operation, member := "", func(string) string { return "" }
	switch service {
	case "events", "logs": // AWS JSON
		_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		member = jsonText(r)
	case "iam": // the Query protocol
		form := r.URL.Query()
		if r.Method == http.MethodPost {
			form, _ = url.ParseQuery(string(heldText(r.Body))) // the service judges what can't be read
		}
		operation, member = form.Get("Action"), form.Get
	}
	if isWord(operation) {
		act.Action = service + ":" + operation
		act.Resource = resourceOf(service, operation, home, member)
	}
	return act
}

func isWord(s string) bool {
	return s != "" && only(s, func(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' })
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func jsonText(r *http.Request) func(string) string {
	var members map[string]any
	_ = json.Unmarshal(heldText(r.Body), &members) // the service judges what can't be read
	return func(name string) string {
		text, _ := members[name].(string)
		return text
	}
}

// resourceOf names the resource of an operation ("Actions, resources, and condition
// keys for AWS services").
func resourceOf(service, operation string, home lambda.Home, member func(string) string) string {
	prefix := "arn:" + home.Partition + ":" + service + ":" + home.Region + ":" + home.Account + ":"
	switch service {
	case "iam":
		return iamResource(operation, home, member)
	case "logs":
		if group := member("logGroupName"); group != "" {
			return prefix + "log-group:" + group + ":log-stream:" + member("logStreamName")
		}
		for _, name := range [...]string{"resourceArn", "logGroupIdentifier"} {
			if arn := member(name); strings.HasPrefix(arn, "arn:") {
				return arn
			}
		}
		if strings.HasPrefix(operation, "Describe") {
			return prefix + "log-group::log-stream:" + member("logStreamName")
		}
	case "events":
		rule := member("Rule")
		if rule == "" && strings.HasSuffix(operation, "Rule") {
			rule = member("Name")
		}
		if rule == "" {
			break
		}
		if bus := member("EventBusName"); bus != "" && bus != "default" {
			rule = bus + "/" + rule
		}
		return prefix + "rule/" + rule
	}
	return "*"
}

func iamResource(operation string, home lambda.Home, member func(string) string) string {
	prefix := "arn:" + home.Partition + ":iam::" + home.Account + ":"
	path := strings.TrimPrefix(member("Path"), "/")
	switch {
	case member("RoleName") != "":
		return prefix + "role/" + path + member("RoleName")
	case member("PolicyArn") != "":
		return member("PolicyArn")
	case operation == "CreatePolicy" && member("PolicyName") != "":
		return prefix + "policy/" + path + member("PolicyName")
	}
	return "*"
}
