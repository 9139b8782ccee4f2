package cwlogs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lambent/internal/lambda"
)

type streamInput struct{ LogGroupName, LogStreamName string }

func (a api) createLogStream(ctx context.Context, in *streamInput) (*nothing, error) {
	return &nothing{}, a.Streams.CreateStream(ctx, in.LogGroupName, in.LogStreamName)
}

func (a api) deleteLogStream(ctx context.Context, in *streamInput) (*nothing, error) {
	return &nothing{}, a.Streams.DeleteStream(ctx, in.LogGroupName, in.LogStreamName)
}

type describeLogStreamsInput struct {
	LogGroupName, LogGroupIdentifier, LogStreamNamePrefix, OrderBy, NextToken string

	Descending bool
	Limit      int32
}

type logStream struct {
	LogStreamName                                                            string
	CreationTime, FirstEventTimestamp, LastEventTimestamp, LastIngestionTime *int64
	Arn                                                                      string
	StoredBytes                                                              int64
}

type describeLogStreamsOutput struct {
	LogStreams []logStream
	NextToken  string
}

const byTime = "LastEventTime"

func (a api) describeLogStreams(ctx context.Context, in *describeLogStreamsInput) (*describeLogStreamsOutput, error) {
	group, err := a.named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.OrderBy == byTime && in.LogStreamNamePrefix != "" {
		return nil, lambda.Errorf(lambda.InvalidParameter, "Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	all, err := a.Streams.Streams(ctx, group)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(s Stream) bool { return !strings.HasPrefix(s.Name, in.LogStreamNamePrefix) })
	order := in.order()
	slices.SortFunc(all, order)
	if all, err = afterStream(all, in.NextToken, order); err != nil {
		return nil, err
	}
	limit := maxPage
	if in.Limit > 0 {
		limit = int(in.Limit)
	}
	out := &describeLogStreamsOutput{LogStreams: []logStream{}}
	if len(all) > limit {
		all = all[:limit]
		out.NextToken = streamToken(all[limit-1])
	}
	for _, s := range all {
		s, err := a.Streams.Describe(ctx, group, s)
		if lambda.KindOf(err) == lambda.NotFound {
			continue // deleted since it was listed
		}
		if err != nil {
			return nil, err
		}
		out.LogStreams = append(out.LogStreams, a.shownStream(group, s))
	}
	return out, nil
}

// order is how the streams are to be sorted.
func (in *describeLogStreamsInput) order() func(a, b Stream) int {
	compare := func(a, b Stream) int { return strings.Compare(a.Name, b.Name) }
	if in.OrderBy == byTime {
		compare = func(a, b Stream) int {
			if c := a.Ingested.Compare(b.Ingested); c != 0 {
				return c
			}
			return strings.Compare(a.Name, b.Name)
		}
	}
	if in.Descending {
		return func(a, b Stream) int { return compare(b, a) }
	}
	return compare
}

type placeOfStream struct {
	Name     string
	Ingested time.Time
}

func streamToken(s Stream) string {
	text, _ := json.Marshal(placeOfStream{s.Name, s.Ingested}) // of a text and a time: never fails
	return base64.RawURLEncoding.EncodeToString(text)
}

// afterStream is what follows the stream that a token names, in that order.
func afterStream(all []Stream, token string, order func(a, b Stream) int) ([]Stream, error) {
	if token == "" {
		return all, nil
	}
	var last placeOfStream
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &last) != nil {
		return nil, badToken()
	}
	from := slices.IndexFunc(all, func(s Stream) bool { return order(s, Stream{Name: last.Name, Ingested: last.Ingested}) > 0 })
	if from < 0 {
		return nil, nil
	}
	return all[from:], nil
}

func (a api) shownStream(group string, s Stream) logStream {
	return logStream{
		LogStreamName: s.Name, CreationTime: optional(s.Created), FirstEventTimestamp: optional(s.First), LastEventTimestamp: optional(s.Last),
		LastIngestionTime: optional(s.Ingested), Arn: a.groupARN(group) + ":log-stream:" + s.Name, StoredBytes: s.Bytes,
	}
}

func optional(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	ms := millis(t)
	return &ms
}
