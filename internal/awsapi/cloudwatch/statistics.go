package cloudwatch

import (
	"context"
	"time"

	"lambent/internal/lambda"
)

type statisticsInput struct {
	Namespace, MetricName, Unit string

	Dimensions         []dimension
	StartTime, EndTime time.Time
	Period             int32

	Statistics, ExtendedStatistics []string
}

type datapoint struct {
	Timestamp *time.Time
	Unit      string

	SampleCount, Average, Sum, Minimum, Maximum *float64

	ExtendedStatistics map[string]float64
}

type statisticsOutput struct {
	Label      string
	Datapoints []datapoint
}

// maxPoints is how many periods GetMetricStatistics may be asked for.
const maxPoints = 1440

func (a api) getMetricStatistics(_ context.Context, in *statisticsInput) (*statisticsOutput, error) {
	s, err := parseSpan(in.StartTime, in.EndTime, lambda.InvalidParameter)
	if err == nil {
		s, err = s.every(in.Period, lambda.InvalidParameter)
	}
	if err != nil {
		return nil, err
	}
	if n := int64(in.EndTime.Sub(in.StartTime) / (time.Duration(in.Period) * time.Second)); n > maxPoints {
		return nil, lambda.Errorf(lambda.Conflict, "You have requested up to %d datapoints, which exceeds the limit of %d. "+
			"You may reduce the datapoints requested by increasing Period, or decreasing the time range.", n, maxPoints)
	}
	if len(in.Statistics)+len(in.ExtendedStatistics) == 0 {
		return nil, lambda.Errorf(lambda.Conflict, "At least one of the parameters Statistics and ExtendedStatistics must be specified.")
	}
	for _, name := range in.ExtendedStatistics {
		if _, ok := parseStatistic(name); !ok || name[0] != 'p' {
			return nil, lambda.Errorf(lambda.InvalidParameter, "The value %s for parameter ExtendedStatistics is not supported.", name)
		}
	}
	out := &statisticsOutput{Label: in.MetricName, Datapoints: []datapoint{}}
	for _, v := range a.periods(metric{in.Namespace, in.MetricName, in.Dimensions}, in.Unit, s) {
		out.Datapoints = append(out.Datapoints, in.show(v))
	}
	return out, nil
}

func (in *statisticsInput) show(v lambda.Sample) datapoint {
	d := datapoint{Timestamp: &v.At, Unit: unit(in.MetricName)}
	for _, name := range in.Statistics {
		s, _ := parseStatistic(name) // an enum
		value, _ := s.of(v)
		switch name {
		case "SampleCount":
			d.SampleCount = &value
		case "Average":
			d.Average = &value
		case "Sum":
			d.Sum = &value
		case "Minimum":
			d.Minimum = &value
		case "Maximum":
			d.Maximum = &value
		}
	}
	for _, name := range in.ExtendedStatistics {
		s, _ := parseStatistic(name) // judged before
		if value, known := s.of(v); known {
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = map[string]float64{}
			}
			d.ExtendedStatistics[name] = value
		}
	}
	return d
}
