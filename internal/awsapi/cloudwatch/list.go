package cloudwatch

import (
	"context"
	"slices"
	"strings"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

type listInput struct {
	Namespace, MetricName, NextToken, RecentlyActive, OwningAccount string

	Dimensions            []dimension // as filters: without a value any is meant
	IncludeLinkedAccounts bool
}

type listOutput struct {
	Metrics        []metric
	NextToken      string
	OwningAccounts []string
}

// maxListed is how many metrics a page has.
const maxListed = 500

// listMetrics lists what has been counted within the history, so all of it is
// recently active.
func (a api) listMetrics(_ context.Context, in *listInput) (*listOutput, error) {
	out := &listOutput{Metrics: []metric{}}
	if in.Namespace != "" && in.Namespace != namespace {
		return out, nil
	}
	all := slices.DeleteFunc(a.Metrics.Names(), func(id lambda.MetricID) bool { return !in.wants(named(id)) })
	page, next, err := awsapi.Page(all, key, in.NextToken, maxListed, maxListed)
	if err != nil {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Invalid nextToken")
	}
	for _, id := range page {
		out.Metrics = append(out.Metrics, named(id))
	}
	out.NextToken = next
	return out, nil
}

// key orders as Names does.
func key(id lambda.MetricID) string {
	return strings.Join([]string{id.Function, id.Resource, id.Version, id.Metric}, "\x00")
}

func (in *listInput) wants(m metric) bool {
	if in.MetricName != "" && in.MetricName != m.MetricName {
		return false
	}
	for _, f := range in.Dimensions {
		if !slices.ContainsFunc(m.Dimensions, func(d dimension) bool { return d.Name == f.Name && (f.Value == "" || d.Value == f.Value) }) {
			return false
		}
	}
	return true
}
