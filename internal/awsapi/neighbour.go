package awsapi

import (
	"net/http"
	"strings"

	"lambent/internal/lambda"
)

// neighbours knows the services besides Lambda as their policies word them.
type neighbours struct {
	home lambda.Home
	role func(name string) (arn string, found bool) // nil: there are none
}

// act is what a request to a service besides Lambda is for: the operation that it
// names, and the resource that its parameters name. A request whose operation cannot
// be told needs the right to all of the service, and one whose resource cannot be
// told the right to all resources. Both are looked for where the service itself
// looks, in the way in which it reads, and nowhere else: what is allowed must be
// what is done.
func (n neighbours) act(service string, serving http.Handler, r *http.Request) lambda.Act {
	prefix := prefixOf(service)
	act := lambda.Act{Action: prefix + ":*", Resource: "*"}
	if !isService(service) { // s3:Get would be let in by s3:Get*
		act.Action = "*"
		return act
	}
	operation, member := "", func(string) string { return "" }
	switch service {
	case "scheduler": // paths
		if rest, ok := serving.(pathNamer); ok {
			operation, member = restNames(rest, r)
		}
	case "monitoring":
		protocol := QueryXML
		if operation, protocol = CloudWatchOperation(r); protocol == QueryXML {
			operation = formOf(r).Get("Action")
		}
	case "events", "logs": // AWS JSON
		_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		tree, _ := parseJSON(heldText(r.Body)) // the service judges what can't be read
		member = func(name string) string { return Input{tree}.Text(name) }
	case "iam": // the Query protocol
		form := formOf(r)
		operation, member = form.Get("Action"), form.Get
	}
	if isWord(operation) {
		act.Action = prefix + ":" + operation
		act.Resource = n.resource(service, operation, member)
	}
	return act
}

// elsewhere is what a request to a service that is not here is for, besides: where it
// names an operation of another service, whoever it is forwarded to may carry out
// that one.
func elsewhere(service string, r *http.Request) []lambda.Act {
	target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	other, known := ofTarget(target)
	if !known || other == service {
		return nil
	}
	return []lambda.Act{{Action: prefixOf(other) + ":*", Resource: "*"}}
}

// prefixOf is what policies call a service.
func prefixOf(service string) string {
	if service == "monitoring" {
		return "cloudwatch"
	}
	return service
}

// isService tells names that a service can have.
func isService(name string) bool { return isWord(strings.ReplaceAll(name, "-", "")) }

// reaches is what a request has a rule or a schedule do: invoke functions, and send
// what cannot be delivered to queues. AWS asks the policy of the function or of the
// queue, or the schedule's role, each time; here whoever asks for it must have the
// right itself, or a rule would be a way around it.
func (n neighbours) reaches(service string, r *http.Request) []lambda.Act {
	var targets []*node
	switch tree, _ := parseJSON(heldText(r.Body)); { // the service judges what can't be read
	case service == "events" && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutTargets"):
		if list := tree.child("Targets"); list != nil {
			targets = list.items
		}
	case service == "scheduler" && r.Method != http.MethodGet:
		targets = []*node{tree.child("Target")}
	}
	var acts []lambda.Act
	for _, target := range targets {
		if ref, err := lambda.ParseReference(Input{target}.Text("Arn")); err == nil {
			acts = append(acts, lambda.Act{Action: "lambda:InvokeFunction", Resource: n.home.FunctionARN(ref.Name, ref.Qualifier)})
		}
		letters := Input{target}.Text("DeadLetterConfig", "Arn")
		if act, ok := lambda.DeliveryAct(letters, ""); ok {
			acts = append(acts, act)
		}
	}
	return acts
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

// resource names the resource of an operation ("Actions, resources, and condition
// keys for AWS services"). Each operation has one member that tells it; a member of
// another operation means nothing to it.
func (n neighbours) resource(service, operation string, member func(string) string) string {
	switch service {
	case "iam":
		return n.ofIAM(operation, member)
	case "scheduler":
		return n.ofScheduler(operation, member)
	case "logs":
		return n.ofLogs(operation, member)
	case "events":
		return n.ofEvents(operation, member)
	}
	return "*"
}

func (n neighbours) prefix(service string) string {
	return "arn:" + n.home.Partition + ":" + service + ":" + n.home.Region + ":" + n.home.Account + ":"
}

func (n neighbours) ofLogs(operation string, member func(string) string) string {
	groups := n.prefix("logs") + "log-group:"
	switch operation {
	case "DescribeLogGroups":
		return groups + ":log-stream:"
	case "TagResource", "UntagResource", "ListTagsForResource":
		return arnOr(strings.TrimSuffix(member("resourceArn"), ":*"), "*")
	}
	group := member("logGroupName")
	if group == "" {
		identifier := strings.TrimSuffix(member("logGroupIdentifier"), ":*")
		name, ours := strings.CutPrefix(identifier, groups)
		if !ours && strings.HasPrefix(identifier, "arn:") {
			return identifier
		}
		group = name
	}
	if group == "" && !strings.HasPrefix(operation, "Describe") {
		return "*"
	}
	return groups + group + ":log-stream:" + member("logStreamName")
}

func (n neighbours) ofEvents(operation string, member func(string) string) string {
	rules, rule := n.prefix("events")+"rule/", ""
	switch operation {
	case "PutRule", "DeleteRule", "DescribeRule", "EnableRule", "DisableRule":
		rule = member("Name")
	case "PutTargets", "RemoveTargets", "ListTargetsByRule":
		rule = member("Rule")
	case "TagResource", "UntagResource", "ListTagsForResource":
		return arnOr(strings.Replace(member("ResourceARN"), ":rule/default/", ":rule/", 1), "*")
	}
	if rule == "" {
		return "*"
	}
	bus := member("EventBusName") // or its ARN
	if bus = bus[strings.LastIndexByte(bus, '/')+1:]; bus != "" && bus != "default" {
		rule = bus + "/" + rule
	}
	return rules + rule
}

func (n neighbours) ofIAM(operation string, member func(string) string) string {
	prefix := "arn:" + n.home.Partition + ":iam::" + n.home.Account + ":"
	path := strings.TrimPrefix(member("Path"), "/")
	name := member("RoleName")
	switch {
	case operation == "ListRoles" || operation == "ListPolicies":
	case operation == "CreatePolicy" && member("PolicyName") != "":
		return prefix + "policy/" + path + member("PolicyName")
	case operation == "CreateRole" && name != "":
		return prefix + "role/" + path + name
	case strings.Contains(operation, "Role") && name != "":
		if n.role != nil { // whose path only it knows, and how its name is written
			if arn, found := n.role(name); found {
				return arn
			}
		}
		return prefix + "role/" + name
	case strings.Contains(operation, "Role"):
	case strings.Contains(operation, "Policy"):
		return arnOr(member("PolicyArn"), "*")
	}
	return "*"
}

// arnOr is the text, if it is an ARN.
func arnOr(text, otherwise string) string {
	if strings.HasPrefix(text, "arn:") {
		return text
	}
	return otherwise
}
