// Package cloudwatch answers the part of Amazon CloudWatch's API with which metrics
// of functions are read: ListMetrics, GetMetricStatistics and GetMetricData, of the
// namespace AWS/Lambda. Other namespaces have no metrics here, alarms and metric math
// are refused.
//
// Its clients speak three protocols: the newest ones Smithy's RPC with CBOR, some AWS
// JSON 1.0, older ones Query with XML. The service speaks JSON; the others are put
// into it and its answers into theirs (wire).
package cloudwatch

import (
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

//go:embed model.json
var modelText []byte

// Metrics knows what was counted, minute by minute.
type Metrics interface {
	// Names lists the metrics that there are, in an order that does not change.
	Names() []lambda.MetricID
	// Samples are the minutes that began in a time, the earliest first.
	Samples(id lambda.MetricID, from, to time.Time) []lambda.Sample
}

// Config is what the API is made of.
type Config struct {
	Metrics Metrics
	Log     *slog.Logger
}

type api struct{ Config }

// maxBody is more than a request with 500 queries needs.
const maxBody = 1 << 20

// New makes the API.
func New(c Config) (http.Handler, error) {
	model, err := awsapi.ParseModel(modelText)
	if err != nil {
		return nil, fmt.Errorf("cloudwatch: %w", err)
	}
	s := awsapi.NewService(model, awsapi.Options{Log: c.Log, MaxBody: maxBody, Dialect: &awsapi.Dialect{
		Target: awsapi.CloudWatchTarget + ".", JSON10: true,
		Exceptions: map[lambda.Kind]awsapi.ExceptionName{
			lambda.Internal:         {Name: "InternalServiceFault", Status: http.StatusInternalServerError},
			lambda.Validation:       {Name: "ValidationError", Status: http.StatusBadRequest},
			lambda.NotFound:         {Name: "ResourceNotFoundException", Status: http.StatusNotFound},
			lambda.InvalidParameter: {Name: "InvalidParameterValueException", Status: http.StatusBadRequest},
			lambda.Conflict:         {Name: "InvalidParameterCombinationException", Status: http.StatusBadRequest}, // of parameters
			lambda.Precondition:     {Name: "InvalidNextToken", Status: http.StatusBadRequest},
		},
	}})
	a := api{c}
	awsapi.Handle(s, "ListMetrics", a.listMetrics)
	awsapi.Handle(s, "GetMetricStatistics", a.getMetricStatistics)
	awsapi.Handle(s, "GetMetricData", a.getMetricData)
	return &wire{s}, nil
}

// namespace is the one that has metrics here.
const namespace = "AWS/Lambda"

// The dimensions of its metrics.
const (
	byFunction = "FunctionName"
	byResource = "Resource"
	byVersion  = "ExecutedVersion"
)

type dimension struct{ Name, Value string }

type metric struct {
	Namespace, MetricName string

	Dimensions []dimension
}

// id is what the metric is called here; false when there can't be one.
func (m metric) id() (id lambda.MetricID, ok bool) {
	id.Metric = m.MetricName
	for _, d := range m.Dimensions {
		var into *string
		switch d.Name {
		case byFunction:
			into = &id.Function
		case byResource:
			into = &id.Resource
		case byVersion:
			into = &id.Version
		}
		if into == nil || *into != "" {
			return id, false
		}
		*into = d.Value
	}
	whole := (id.Resource == "" || id.Function != "") && (id.Version == "" || id.Resource != "")
	return id, whole && m.Namespace == namespace
}

func named(id lambda.MetricID) metric {
	m := metric{Namespace: namespace, MetricName: id.Metric, Dimensions: []dimension{}}
	for _, d := range []dimension{{byFunction, id.Function}, {byResource, id.Resource}, {byVersion, id.Version}} {
		if d.Value != "" {
			m.Dimensions = append(m.Dimensions, d)
		}
	}
	return m
}

// unit is what a metric is measured in.
func unit(name string) string {
	switch name {
	case "Duration", "PostRuntimeExtensionsDuration", "AsyncEventAge", "UrlRequestLatency":
		return "Milliseconds"
	}
	return "Count"
}
