package awsapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"lambent/internal/lambda"
)

// formOf is what a request in the Query protocol says.
func formOf(r *http.Request) url.Values {
	if r.Method != http.MethodPost {
		return r.URL.Query()
	}
	form, _ := url.ParseQuery(string(heldText(r.Body))) // the service judges what can't be read
	return form
}

// pathNamer is a service whose paths name operations.
type pathNamer interface {
	Names(r *http.Request) (operation string, labels map[string]string)
}

// restNames looks for members in the path, and then in the query or in the body, where
// methods without a body have them.
func restNames(rest pathNamer, r *http.Request) (operation string, member func(string) string) {
	operation, labels := rest.Names(r)
	query := r.URL.Query()
	tree, _ := parseJSON(heldText(r.Body)) // the service judges what can't be read
	return operation, func(name string) string {
		if label, ok := labels[name]; ok {
			return label
		}
		if r.Method == http.MethodGet || r.Method == http.MethodDelete {
			return query.Get(name)
		}
		return Input{tree}.Text(name)
	}
}

// ofScheduler names a schedule or a group; of lists, all that could be in them.
func (n neighbours) ofScheduler(operation string, member func(string) string) string {
	prefix, name := n.prefix("scheduler"), cmp.Or(member("Name"), "*")
	switch {
	case strings.HasSuffix(operation, "Resource"):
		return member("ResourceArn")
	case operation == "ListSchedules":
		return prefix + "schedule/" + cmp.Or(member("ScheduleGroup"), "*") + "/*"
	case operation == "GetSchedule", operation == "DeleteSchedule": // in the query
		return prefix + "schedule/" + cmp.Or(member("groupName"), lambda.DefaultGroup) + "/" + name
	case strings.HasSuffix(operation, "Group"), operation == "ListScheduleGroups":
		return prefix + "schedule-group/" + name
	}
	return prefix + "schedule/" + cmp.Or(member("GroupName"), lambda.DefaultGroup) + "/" + name
}
