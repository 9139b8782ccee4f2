package awsapi

import (
	"net/url"
	"sort"
	"strings"
)

// router finds operations by method, path and, where two share a path, query.
type router struct {
	byShape map[routeKey][]*Operation
}

type routeKey struct {
	method string
	parts  int
	first  string // the API date, which nearly decides
}

func newRouter(m *Model) *router {
	r := &router{byShape: map[routeKey][]*Operation{}}
	for _, op := range m.operations {
		key := routeKey{op.Method, len(op.path), op.path[0].text}
		r.byShape[key] = append(r.byShape[key], op)
	}
	for _, ops := range r.byShape {
		// An operation that wants something in the query is asked first. No two
		// others share a method and a path.
		sort.Slice(ops, func(i, j int) bool { return len(ops[i].query) > len(ops[j].query) })
	}
	return r
}

// find returns the operation and the values of its labels. The path is the
// escaped one: a label may hold an ARN with %2F in it. One trailing slash is
// forgiven, since older botocore sends it on five paths.
func (r *router) find(method, escapedPath string, query url.Values) (*Operation, map[string]string) {
	path := strings.TrimPrefix(escapedPath, "/")
	path = strings.TrimSuffix(path, "/")
	parts := strings.Split(path, "/")
	for _, op := range r.byShape[routeKey{method, len(parts), parts[0]}] {
		if !op.wants(query) {
			continue
		}
		if values, ok := op.fit(parts); ok {
			return op, values
		}
	}
	return nil, nil
}

func (op *Operation) wants(query url.Values) bool {
	for key, value := range op.query {
		if query.Get(key) != value {
			return false
		}
	}
	return true
}

func (op *Operation) fit(parts []string) (map[string]string, bool) {
	for i, s := range op.path {
		if !s.label && s.text != parts[i] {
			return nil, false
		}
	}
	values := make(map[string]string, len(parts))
	for i, s := range op.path {
		if !s.label {
			continue
		}
		value, err := url.PathUnescape(parts[i])
		if err != nil || value == "" {
			return nil, false
		}
		values[s.text] = value
	}
	return values, true
}
