package cloudwatch

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	"lambent/internal/lambda"
)

type metricStat struct {
	Metric     *metric
	Period     int32
	Stat, Unit string
}

type dataQuery struct {
	Id, Expression, Label, AccountId string //nolint:revive // the member's name

	MetricStat *metricStat
	ReturnData *bool
	Period     *int32
}

type labelOptions struct{ Timezone string }

type dataInput struct {
	MetricDataQueries  []dataQuery
	StartTime, EndTime time.Time
	NextToken, ScanBy  string
	MaxDatapoints      *int32
	LabelOptions       *labelOptions
}

type messageData struct{ Code, Value string }

type dataResult struct {
	Id, Label, StatusCode string //nolint:revive // as above

	Timestamps []time.Time
	Values     []float64
	Messages   []messageData
}

type dataOutput struct {
	MetricDataResults []dataResult
	NextToken         string
	Messages          []messageData
}

const (
	maxQueries = 500
	maxData    = 100_800 // datapoints of one answer
)

func (a api) getMetricData(_ context.Context, in *dataInput) (*dataOutput, error) {
	s, err := parseSpan(in.StartTime, in.EndTime, lambda.Validation)
	if err != nil {
		return nil, err
	}
	if err := in.judge(); err != nil {
		return nil, err
	}
	out := &dataOutput{MetricDataResults: []dataResult{}, Messages: []messageData{}}
	for _, q := range in.MetricDataQueries {
		result, err := a.result(q, s)
		if err != nil {
			return nil, err
		}
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		if in.ScanBy != "TimestampAscending" {
			slices.Reverse(result.Timestamps)
			slices.Reverse(result.Values)
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	return out, out.cut(in)
}

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// judge refuses what is wrong with the queries as such.
func (in *dataInput) judge() error {
	if len(in.MetricDataQueries) == 0 || len(in.MetricDataQueries) > maxQueries {
		return lambda.Errorf(lambda.Validation, "The collection MetricDataQueries must have a size between 1 and %d.", maxQueries)
	}
	ids := map[string]bool{}
	for i, q := range in.MetricDataQueries {
		if !idPattern.MatchString(q.Id) {
			return lambda.Errorf(lambda.Validation, "The value %s for parameter MetricDataQueries.member.%d.Id is not matching the expected pattern %s.", q.Id, i+1, idPattern)
		}
		if ids[q.Id] {
			return lambda.Errorf(lambda.Validation, "The values for parameter id in MetricDataQueries are not unique.")
		}
		ids[q.Id] = true
		switch {
		case q.Expression != "" && q.MetricStat != nil:
			return lambda.Errorf(lambda.Validation, "The parameters MetricDataQueries.member.%d.MetricStat and MetricDataQueries.member.%d.Expression are mutually exclusive and you have specified both.", i+1, i+1)
		case q.Expression != "":
			return lambda.Errorf(lambda.NotYet, "The expression of query %s can't be evaluated: metric math and Metrics Insights are not yet available in Lambent, only MetricStat is.", q.Id)
		case q.MetricStat == nil:
			return lambda.Errorf(lambda.Validation, "Either the parameter MetricDataQueries.member.%d.MetricStat or MetricDataQueries.member.%d.Expression must be specified.", i+1, i+1)
		}
	}
	return nil
}

// result is one query's answer, the earliest datapoint first.
func (a api) result(q dataQuery, s span) (dataResult, error) {
	r := dataResult{Id: q.Id, Label: cmp.Or(q.Label, q.MetricStat.Metric.MetricName), StatusCode: "Complete", Timestamps: []time.Time{}, Values: []float64{}}
	s, err := s.every(q.MetricStat.Period, lambda.Validation)
	if err != nil {
		return r, err
	}
	what, ok := parseStatistic(q.MetricStat.Stat)
	if !ok {
		return r, lambda.Errorf(lambda.Validation, "The value %s for parameter Stat of query %s is not supported.", q.MetricStat.Stat, q.Id)
	}
	for _, v := range a.periods(*q.MetricStat.Metric, q.MetricStat.Unit, s) {
		if value, known := what.of(v); known {
			r.Timestamps, r.Values = append(r.Timestamps, v.At), append(r.Values, value)
		}
	}
	return r, nil
}

// cut leaves what one answer may hold. The token of the next one is how many
// datapoints were told.
func (out *dataOutput) cut(in *dataInput) error {
	told, room := 0, maxData
	if in.NextToken != "" {
		var err error
		if told, err = strconv.Atoi(in.NextToken); err != nil || told < 0 {
			return lambda.Errorf(lambda.Precondition, "The token %s is not valid.", in.NextToken)
		}
	}
	if n := in.MaxDatapoints; n != nil && *n > 0 {
		room = min(room, int(*n))
	}
	skip, left := told, 0
	for i := range out.MetricDataResults {
		r := &out.MetricDataResults[i]
		from := min(skip, len(r.Values))
		to := min(from+room, len(r.Values))
		skip, room, left, told = skip-from, room-(to-from), left+len(r.Values)-to, told+to-from
		if to < len(r.Values) {
			r.StatusCode = "PartialData"
		}
		r.Timestamps, r.Values = r.Timestamps[from:to], r.Values[from:to]
	}
	if left > 0 {
		out.NextToken = strconv.Itoa(told)
	}
	return nil
}
