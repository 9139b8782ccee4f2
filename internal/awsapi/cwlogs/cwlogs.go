// Package cwlogs answers the part of Amazon CloudWatch Logs' API (AWS JSON 1.1) that
// tools need around Lambda: log groups with retention and tags, streams, and what
// stands in them. It reads and writes the same groups and streams that functions
// write to.
package cwlogs

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"lambent/internal/awsapi"
	"lambent/internal/lambda"
)

//go:embed model.json
var modelText []byte

// Group is a log group.
type Group struct {
	Name      string
	Created   time.Time
	Retention int    // days; 0: none of its own
	Class     string // empty: STANDARD
	Tags      map[string]string
	Bytes     int64
}

// Groups makes, changes and lists groups. All refusals are *lambda.Error.
type Groups interface {
	CreateGroup(ctx context.Context, g Group) error
	// ChangeGroup changes retention and tags.
	ChangeGroup(ctx context.Context, name string, change func(*Group) error) error
	DeleteGroup(ctx context.Context, name string) error
	// Groups lists by name.
	Groups(ctx context.Context) ([]Group, error)
}

// Stream is a log stream. An empty one has no First and no Last.
type Stream struct {
	Name                           string
	Created, First, Last, Ingested time.Time
	Bytes                          int64
}

// Streams makes and lists streams.
type Streams interface {
	CreateStream(ctx context.Context, group, stream string) error
	DeleteStream(ctx context.Context, group, stream string) error
	// Streams lists a group's streams, the one written last first, with their
	// names, Ingested and Bytes.
	Streams(ctx context.Context, group string) ([]Stream, error)
	// Describe fills in the rest of a stream.
	Describe(ctx context.Context, group string, s Stream) (Stream, error)
}

// Record is what stands in a stream.
type Record struct {
	Stream         string
	Time, Ingested time.Time
	Message        string
	Position       int64 // in its stream
}

// Query says which records of a stream are wanted; Page is what was found, in the
// order of the stream.
type (
	Query struct {
		From         int64 // of the first record; reading backward, of the one after it. End is the end
		Backward     bool
		Limit        int
		Since, Until time.Time // until: before
	}
	Page struct {
		Records        []Record
		Next, Previous int64
	}
)

// End is the position after the last record of a stream.
const End = -1

// Filter says which records of a group are wanted.
type Filter struct {
	Streams      []string // all when empty
	Prefix       string   // of their names
	Since, Until time.Time
	Limit, Bytes int
	After        *Record // continue after this one
	Match        func(message string) bool
}

// Records reads and adds records.
type Records interface {
	Put(ctx context.Context, group, stream string, records []Record) error
	Read(ctx context.Context, group, stream string, q Query) (Page, error)
	// Filter reads the first records that fit, in the order of their time.
	Filter(ctx context.Context, group string, f Filter) ([]Record, error)
}

// Config is what the API is made of.
type Config struct {
	Home    lambda.Home
	Groups  Groups
	Streams Streams
	Records Records
	Now     func() time.Time
	Log     *slog.Logger
}

type api struct{ Config }

// maxBody is more than PutLogEvents takes.
const maxBody = 8 << 20

// New makes the API.
func New(c Config) (http.Handler, error) {
	model, err := awsapi.ParseModel(modelText)
	if err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	s := awsapi.NewService(model, awsapi.Options{Log: c.Log, MaxBody: maxBody, Dialect: &awsapi.Dialect{
		Target: "Logs_20140328.",
		Exceptions: map[lambda.Kind]awsapi.ExceptionName{
			lambda.Internal:         {Name: "ServiceUnavailableException", Status: http.StatusInternalServerError},
			lambda.Validation:       {Name: "InvalidParameterException", Status: http.StatusBadRequest},
			lambda.InvalidParameter: {Name: "InvalidParameterException", Status: http.StatusBadRequest},
			lambda.NotFound:         {Name: "ResourceNotFoundException", Status: http.StatusBadRequest},
			lambda.Conflict:         {Name: "ResourceAlreadyExistsException", Status: http.StatusBadRequest},
			lambda.LimitExceeded:    {Name: "TooManyTagsException", Status: http.StatusBadRequest},
		},
	}})
	a := api{c}
	awsapi.Handle(s, "CreateLogGroup", a.createLogGroup)
	awsapi.Handle(s, "DeleteLogGroup", a.deleteLogGroup)
	awsapi.Handle(s, "DescribeLogGroups", a.describeLogGroups)
	awsapi.Handle(s, "PutRetentionPolicy", a.putRetentionPolicy)
	awsapi.Handle(s, "DeleteRetentionPolicy", a.deleteRetentionPolicy)
	awsapi.Handle(s, "TagResource", a.tagResource)
	awsapi.Handle(s, "UntagResource", a.untagResource)
	awsapi.Handle(s, "ListTagsForResource", a.listTagsForResource)
	awsapi.Handle(s, "TagLogGroup", a.tagLogGroup)
	awsapi.Handle(s, "UntagLogGroup", a.untagLogGroup)
	awsapi.Handle(s, "ListTagsLogGroup", a.listTagsLogGroup)
	awsapi.Handle(s, "CreateLogStream", a.createLogStream)
	awsapi.Handle(s, "DeleteLogStream", a.deleteLogStream)
	awsapi.Handle(s, "DescribeLogStreams", a.describeLogStreams)
	awsapi.Handle(s, "PutLogEvents", a.putLogEvents)
	awsapi.Handle(s, "GetLogEvents", a.getLogEvents)
	awsapi.Handle(s, "FilterLogEvents", a.filterLogEvents)
	return s, nil
}

func (a api) groupARN(name string) string {
	return "arn:" + a.Home.Partition + ":logs:" + a.Home.Region + ":" + a.Home.Account + ":log-group:" + name
}

// named is the group that a name or an ARN means.
func (a api) named(name, identifier string) (string, error) {
	switch {
	case name != "" && identifier != "":
		return "", lambda.Errorf(lambda.InvalidParameter, "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case name == "" && identifier == "":
		return "", lambda.Errorf(lambda.InvalidParameter, "Either LogGroup name or LogGroup ARN must be specified.")
	case name != "":
		return name, nil
	case !strings.HasPrefix(identifier, "arn:"):
		return identifier, nil
	}
	return a.ofARN(identifier)
}

// ofARN is the group of an ARN, which may end in ":*".
func (a api) ofARN(arn string) (string, error) {
	name, ours := strings.CutPrefix(strings.TrimSuffix(arn, ":*"), a.groupARN(""))
	if !ours || name == "" || strings.Contains(name, ":") {
		return "", lambda.Errorf(lambda.NotFound, "The specified log group does not exist.")
	}
	return name, nil
}

// find is the group of that name.
func (a api) find(ctx context.Context, name string) (Group, error) {
	all, err := a.Groups.Groups(ctx)
	if err != nil {
		return Group{}, err
	}
	for _, g := range all {
		if g.Name == name {
			return g, nil
		}
	}
	return Group{}, lambda.Errorf(lambda.NotFound, "The specified log group does not exist.")
}

func millis(t time.Time) int64 { return t.UnixMilli() }

// given is a time as callers write it; none is the zero time.
func given(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}
