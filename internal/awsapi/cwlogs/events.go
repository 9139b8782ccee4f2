package cwlogs

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"lambent/internal/awsapi/cwlogs/pattern"
	"lambent/internal/lambda"
)

// The limits of PutLogEvents; every message counts 26 bytes more than it has.
const (
	maxMessage  = 256 << 10
	maxBatch    = 1 << 20
	perMessage  = 26
	maxAge      = 14 * 24 * time.Hour
	maxAhead    = 2 * time.Hour
	maxInterval = 24 * time.Hour
)

type inputEvent struct {
	Timestamp int64
	Message   string
}

type putLogEventsInput struct {
	LogGroupName, LogStreamName string
	LogEvents                   []inputEvent
}

type rejected struct {
	TooNewLogEventStartIndex, TooOldLogEventEndIndex, ExpiredLogEventEndIndex *int32
}

type putLogEventsOutput struct{ RejectedLogEventsInfo *rejected }

func (a api) putLogEvents(ctx context.Context, in *putLogEventsInput) (*putLogEventsOutput, error) {
	if err := judgeBatch(in.LogEvents); err != nil {
		return nil, err
	}
	g, err := a.find(ctx, in.LogGroupName)
	if err != nil {
		return nil, err
	}
	accepted, info := a.sift(in.LogEvents, time.Duration(g.Retention)*24*time.Hour)
	return &putLogEventsOutput{info}, a.Records.Put(ctx, in.LogGroupName, in.LogStreamName, accepted)
}

func judgeBatch(events []inputEvent) error {
	total := 0
	for i, e := range events {
		if n := len(e.Message) + perMessage; n > maxMessage {
			return lambda.Errorf(lambda.InvalidParameter, "Log event too large: %d bytes exceeds limit of %d", n, maxMessage)
		}
		total += len(e.Message) + perMessage
		if i > 0 && e.Timestamp < events[i-1].Timestamp {
			return lambda.Errorf(lambda.InvalidParameter, "Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if total > maxBatch {
		return lambda.Errorf(lambda.InvalidParameter, "Upload too large: %d bytes exceeds limit of %d", total, maxBatch)
	}
	if events[len(events)-1].Timestamp-events[0].Timestamp > maxInterval.Milliseconds() {
		return lambda.Errorf(lambda.InvalidParameter, "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// sift takes out what is too old, has expired, or is too far ahead. The indexes of
// the old end after the last of them; that of the new is the first of them.
func (a api) sift(events []inputEvent, retention time.Duration) ([]Record, *rejected) {
	now := a.Now()
	var info rejected
	var accepted []Record
	for i, e := range events {
		at := time.UnixMilli(e.Timestamp)
		index := int32(i) //nolint:gosec // at most 10,000
		switch {
		case retention > 0 && at.Before(now.Add(-retention)):
			index++
			info.ExpiredLogEventEndIndex = &index
		case at.Before(now.Add(-maxAge)):
			index++
			info.TooOldLogEventEndIndex = &index
		case at.After(now.Add(maxAhead)):
			if info.TooNewLogEventStartIndex == nil {
				info.TooNewLogEventStartIndex = &index
			}
		default:
			accepted = append(accepted, Record{Time: at, Message: e.Message})
		}
	}
	if info == (rejected{}) {
		return accepted, nil
	}
	return accepted, &info
}

type getLogEventsInput struct {
	LogGroupName, LogGroupIdentifier, LogStreamName, NextToken string

	StartTime, EndTime *int64
	Limit              int32
	StartFromHead      bool
}

type outputEvent struct {
	Timestamp     int64
	Message       string
	IngestionTime int64
}

type getLogEventsOutput struct {
	Events                              []outputEvent
	NextForwardToken, NextBackwardToken string
}

// getLogEvents reads the newest records when nobody says otherwise. Its tokens never
// end: at either end of a stream the one that was given comes back.
func (a api) getLogEvents(ctx context.Context, in *getLogEventsInput) (*getLogEventsOutput, error) {
	group, err := a.named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	q := Query{From: End, Backward: true, Limit: int(in.Limit), Since: given(in.StartTime), Until: given(in.EndTime)}
	if in.NextToken != "" {
		if q.From, q.Backward, err = parsePlace(in.NextToken); err != nil {
			return nil, err
		}
	} else if in.StartFromHead {
		q.From, q.Backward = 0, false
	}
	page, err := a.Records.Read(ctx, group, in.LogStreamName, q)
	if err != nil {
		return nil, err
	}
	out := &getLogEventsOutput{Events: []outputEvent{}, NextForwardToken: place('f', page.Next), NextBackwardToken: place('b', page.Previous)}
	for _, r := range page.Records {
		out.Events = append(out.Events, outputEvent{millis(r.Time), r.Message, millis(r.Ingested)})
	}
	return out, nil
}

// place is a token: a direction and a position, in the form of CloudWatch's.
func place(direction byte, position int64) string {
	return fmt.Sprintf("%c/%056d/s", direction, position)
}

func parsePlace(token string) (position int64, backward bool, err error) {
	parts := strings.Split(token, "/")
	if len(parts) != 3 || parts[0] != "f" && parts[0] != "b" || parts[2] != "s" {
		return 0, false, badToken()
	}
	position, err = strconv.ParseInt(parts[1], 10, 64)
	if err != nil || position < 0 {
		return 0, false, badToken()
	}
	return position, parts[0] == "b", nil
}

type filterLogEventsInput struct {
	LogGroupName, LogGroupIdentifier, LogStreamNamePrefix, FilterPattern, NextToken string

	LogStreamNames     []string
	StartTime, EndTime *int64
	Limit              int32
}

type filteredEvent struct {
	LogStreamName string
	Timestamp     int64
	Message       string
	IngestionTime int64
	EventId       string //nolint:revive // the wire's name
}

type searchedStream struct {
	LogStreamName      string
	SearchedCompletely bool
}

type filterLogEventsOutput struct {
	Events             []filteredEvent
	SearchedLogStreams []searchedStream
	NextToken          string
}

// A page of FilterLogEvents is bounded by records and by bytes.
const (
	maxEvents = 10_000
	pageBytes = 1 << 20
)

func (a api) filterLogEvents(ctx context.Context, in *filterLogEventsInput) (*filterLogEventsOutput, error) {
	group, err := a.named(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	limit := f.Limit
	f.Limit++ // whether there are more
	f.Bytes = 2 * pageBytes
	records, err := a.Records.Filter(ctx, group, f)
	if err != nil {
		return nil, err
	}
	out := &filterLogEventsOutput{Events: []filteredEvent{}, SearchedLogStreams: []searchedStream{}}
	bytes := 0
	for i, r := range records {
		if bytes += len(r.Message) + perMessage; i == limit || i > 0 && bytes > pageBytes {
			out.NextToken = eventToken(records[i-1])
			break
		}
		out.Events = append(out.Events, filteredEvent{r.Stream, millis(r.Time), r.Message, millis(r.Ingested), eventID(r)})
	}
	return out, nil
}

func (in *filterLogEventsInput) filter() (Filter, error) {
	if in.LogStreamNamePrefix != "" && len(in.LogStreamNames) > 0 {
		return Filter{}, lambda.Errorf(lambda.InvalidParameter, "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")
	}
	f := Filter{Streams: in.LogStreamNames, Prefix: in.LogStreamNamePrefix, Since: given(in.StartTime), Limit: maxEvents - 1}
	if in.EndTime != nil {
		f.Until = given(in.EndTime).Add(time.Millisecond) // the end belongs to the range
	}
	if in.Limit > 0 {
		f.Limit = min(f.Limit, int(in.Limit))
	}
	var err error
	if f.Match, err = pattern.Parse(in.FilterPattern); err != nil {
		return f, err
	}
	if in.NextToken != "" {
		f.After, err = parseEvent(in.NextToken)
	}
	return f, err
}

// eventID names a record: 56 digits, as CloudWatch's, which grow with time.
func eventID(r Record) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.Stream)) // never fails
	return fmt.Sprintf("%020d%018d%018d", millis(r.Time), h.Sum64()%1e18, r.Position)
}

type placeOfEvent struct {
	Time, Ingested int64
	Stream         string
	Position       int64
}

func eventToken(r Record) string {
	text, _ := json.Marshal(placeOfEvent{millis(r.Time), millis(r.Ingested), r.Stream, r.Position}) // never fails
	return base64.RawURLEncoding.EncodeToString(text)
}

func parseEvent(token string) (*Record, error) {
	var p placeOfEvent
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return nil, badToken()
	}
	return &Record{Stream: p.Stream, Time: time.UnixMilli(p.Time), Ingested: time.UnixMilli(p.Ingested), Position: p.Position}, nil
}
