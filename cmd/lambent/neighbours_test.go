package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lambent/internal/awsapi/cwlogs"
	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/logs"
)

// logService is the API of CloudWatch Logs over real groups and streams.
func logService(t testing.TB, now func() time.Time) (*logs.Logs, http.Handler) {
	t.Helper()
	l, err := logs.Open(logs.Config{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	keeper := logKeeper{l}
	h, err := cwlogs.New(cwlogs.Config{
		Home:   lambda.Home{Partition: "aws", Region: "us-east-1", Account: "111111111111"},
		Groups: keeper, Streams: keeper, Records: keeper, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l, h
}

func askLogs(t testing.TB, h http.Handler, operation, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// TestLogGroups walks through the life of a group, and holds each answer.
func TestLogGroups(t *testing.T) {
	t.Parallel()
	_, h := logService(t, time.Now)
	const arn = "arn:aws:logs:us-east-1:111111111111:log-group:/aws/lambda/f"
	times := regexp.MustCompile(`"(creationTime|lastIngestionTime)":\d{13}`)
	for _, c := range []struct{ operation, body, want string }{
		{"CreateLogGroup", `{"logGroupName":"/aws/lambda/f","tags":{"team":"blue"}}`, ``},
		{"PutRetentionPolicy", `{"logGroupName":"/aws/lambda/f","retentionInDays":7}`, ``},
		{"DescribeLogGroups", `{"logGroupNamePrefix":"/aws/lambda/f"}`, `{"logGroups":[{"logGroupName":"/aws/lambda/f","creationTime":T,"retentionInDays":7,` +
			`"metricFilterCount":0,"arn":"` + arn + `:*","storedBytes":0,"logGroupClass":"STANDARD","logGroupArn":"` + arn + `"}]}`},
		{"DescribeLogGroups", `{"logGroupNamePattern":"LAMBDA","logGroupClass":"INFREQUENT_ACCESS"}`, `{"logGroups":[]}`},
		{"ListTagsForResource", `{"resourceArn":"` + arn + `"}`, `{"tags":{"team":"blue"}}`},
		{"TagResource", `{"resourceArn":"` + arn + `","tags":{"a":"1","team":"red"}}`, ``},
		{"UntagResource", `{"resourceArn":"` + arn + `","tagKeys":["a"]}`, ``},
		{"ListTagsLogGroup", `{"logGroupName":"/aws/lambda/f"}`, `{"tags":{"team":"red"}}`},
		{"UntagLogGroup", `{"logGroupName":"/aws/lambda/f","tags":["team"]}`, ``},
		{"TagLogGroup", `{"logGroupName":"/aws/lambda/f","tags":{"x":""}}`, ``},
		{"ListTagsForResource", `{"resourceArn":"` + arn + `"}`, `{"tags":{"x":""}}`},
		{"CreateLogStream", `{"logGroupName":"/aws/lambda/f","logStreamName":"s"}`, ``},
		{"DescribeLogStreams", `{"logGroupIdentifier":"` + arn + `"}`,
			`{"logStreams":[{"logStreamName":"s","creationTime":T,"arn":"` + arn + `:log-stream:s","storedBytes":0}]}`},
		{"DeleteLogStream", `{"logGroupName":"/aws/lambda/f","logStreamName":"s"}`, ``},
		{"DescribeLogStreams", `{"logGroupName":"/aws/lambda/f"}`, `{"logStreams":[]}`},
		{"DeleteRetentionPolicy", `{"logGroupName":"/aws/lambda/f"}`, ``},
		{"DeleteLogGroup", `{"logGroupName":"/aws/lambda/f"}`, ``},
		{"DescribeLogGroups", `{}`, `{"logGroups":[]}`},
	} {
		status, got := askLogs(t, h, c.operation, c.body)
		if got = times.ReplaceAllString(got, `"$1":T`); status != http.StatusOK || got != c.want {
			t.Errorf("%s %s: %d\n got %s\nwant %s", c.operation, c.body, status, got, c.want)
		}
	}
}

// TestLogRefusals holds CloudWatch's words.
func TestLogRefusals(t *testing.T) {
	t.Parallel()
	now := time.Now()
	_, h := logService(t, func() time.Time { return now })
	askLogs(t, h, "CreateLogGroup", `{"logGroupName":"g"}`)
	askLogs(t, h, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	events := func(members string) string {
		return `{"logGroupName":"g","logStreamName":"s","logEvents":[` + members + `]}`
	}
	for _, c := range []struct{ operation, body, name, message string }{
		{"CreateLogGroup", `{"logGroupName":"g"}`, "ResourceAlreadyExistsException", "The specified log group already exists"},
		{"CreateLogGroup", `{"logGroupName":"a b"}`, "InvalidParameterException", "1 validation error detected: Value 'a b' at 'logGroupName' " +
			`failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`},
		{"CreateLogGroup", `{}`, "InvalidParameterException",
			"1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null"},
		{"CreateLogGroup", `{"logGroupName":"h","tags":{"aws:x":"y"}}`, "InvalidParameterException", "aws: prefixed tag key names are not allowed for external use."},
		{"CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`, "ResourceAlreadyExistsException", "The specified log stream already exists"},
		{"CreateLogStream", `{"logGroupName":"none","logStreamName":"s"}`, "ResourceNotFoundException", "The specified log group does not exist."},
		{"DeleteLogGroup", `{"logGroupName":"none"}`, "ResourceNotFoundException", "The specified log group does not exist."},
		{"DeleteLogStream", `{"logGroupName":"g","logStreamName":"none"}`, "ResourceNotFoundException", "The specified log stream does not exist."},
		{"PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":2}`, "InvalidParameterException", "1 validation error detected: Value '2' at 'retentionInDays' " +
			"failed to satisfy constraint: Member must satisfy enum value set: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]"},
		{"ListTagsForResource", `{"resourceArn":"arn:aws:logs:eu-west-1:111111111111:log-group:g"}`, "ResourceNotFoundException", "The specified log group does not exist."},
		{"DescribeLogStreams", `{"logGroupName":"g","orderBy":"LastEventTime","logStreamNamePrefix":"s"}`, "InvalidParameterException",
			"Cannot order by LastEventTime with a logStreamNamePrefix."},
		{"GetLogEvents", `{"logGroupName":"g","logStreamName":"none"}`, "ResourceNotFoundException", "The specified log stream does not exist."},
		{"GetLogEvents", `{"logGroupName":"g","logStreamName":"s","nextToken":"x"}`, "InvalidParameterException", "The specified nextToken is invalid."},
		{"GetLogEvents", `{"logGroupName":"g","logStreamName":"s","limit":10001}`, "InvalidParameterException",
			"1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
		{"FilterLogEvents", `{"logGroupName":"g","logStreamNames":["none"]}`, "ResourceNotFoundException", "The specified log stream does not exist."},
		{"FilterLogEvents", `{"logGroupName":"g","filterPattern":"\"open"}`, "InvalidParameterException", "Invalid filter pattern"},
		{"FilterLogEvents", `{"logGroupName":"g","nextToken":"!"}`, "InvalidParameterException", "The specified nextToken is invalid."},
		{"PutLogEvents", events(`{"timestamp":2,"message":"a"},{"timestamp":1,"message":"b"}`), "InvalidParameterException",
			"Log events in a single PutLogEvents request must be in chronological order."},
		{"PutLogEvents", events(`{"timestamp":1,"message":"a"},{"timestamp":86400002,"message":"b"}`), "InvalidParameterException",
			"The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		{"PutLogEvents", events(`{"timestamp":1,"message":"` + strings.Repeat("x", 262144) + `"}`), "InvalidParameterException",
			"Log event too large: 262170 bytes exceeds limit of 262144"},
		{"StartLiveTail", `{}`, "NotImplementedException", "The operation StartLiveTail is not yet available in Lambent."},
	} {
		status, got := askLogs(t, h, c.operation, c.body)
		var e struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		decode(t, got, &e)
		if want := map[bool]int{true: 501, false: 400}[c.name == "NotImplementedException"]; status != want || e.Type != c.name || e.Message != c.message {
			t.Errorf("%s %.100s: %d\n got %s: %s\nwant %s: %s", c.operation, c.body, status, e.Type, e.Message, c.name, c.message)
		}
	}
}

// TestPutAndGet: tokens go forward and backward over everything once, and come to
// rest at the ends.
func TestPutAndGet(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Millisecond)
	_, h := logService(t, func() time.Time { return now })
	askLogs(t, h, "CreateLogGroup", `{"logGroupName":"g"}`)
	askLogs(t, h, "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	askLogs(t, h, "PutRetentionPolicy", `{"logGroupName":"g","retentionInDays":1}`)
	put := func(from, to time.Duration, n int) string {
		var members []string
		for i := range n {
			at := now.Add(from + time.Duration(i)*(to-from)/time.Duration(max(1, n-1)))
			members = append(members, fmt.Sprintf(`{"timestamp":%d,"message":"%d"}`, at.UnixMilli(), i))
		}
		_, got := askLogs(t, h, "PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[`+strings.Join(members, ",")+`]}`)
		return got
	}
	if got := put(-25*time.Hour, -24*time.Hour-time.Second, 2); got != `{"rejectedLogEventsInfo":{"expiredLogEventEndIndex":2}}` {
		t.Errorf("expired: %s", got)
	}
	if got := put(3*time.Hour, 4*time.Hour, 2); got != `{"rejectedLogEventsInfo":{"tooNewLogEventStartIndex":0}}` {
		t.Errorf("too new: %s", got)
	}
	if got := put(-time.Hour, 0, 10); got != `{}` {
		t.Errorf("put: %s", got)
	}
	type page struct {
		Events                              []struct{ Message string }
		NextForwardToken, NextBackwardToken string
	}
	get := func(members string) (string, page) {
		var p page
		_, got := askLogs(t, h, "GetLogEvents", `{"logGroupName":"g","logStreamName":"s","limit":3`+members+`}`)
		decode(t, got, &p)
		all := ""
		for _, e := range p.Events {
			all += e.Message
		}
		return all, p
	}
	token := func(s string) string { return `,"nextToken":"` + s + `"` }
	got, p := get("")
	seen := got
	if got != "789" {
		t.Errorf("the newest: %s", got)
	}
	for range 4 {
		if got, p = get(token(p.NextBackwardToken)); got == "" {
			break
		}
		seen = got + seen
	}
	if seen != "0123456789" {
		t.Errorf("backward: %s", seen)
	}
	if _, again := get(token(p.NextBackwardToken)); again.NextBackwardToken != p.NextBackwardToken {
		t.Errorf("the beginning moved: %v then %v", p, again)
	}
	seen, p = get(`,"startFromHead":true`)
	for range 4 {
		if got, p = get(token(p.NextForwardToken)); got == "" {
			break
		}
		seen += got
	}
	if seen != "0123456789" {
		t.Errorf("forward: %s", seen)
	}
	if _, again := get(token(p.NextForwardToken)); again.NextForwardToken != p.NextForwardToken || !strings.HasPrefix(p.NextForwardToken, "f/") {
		t.Errorf("the end moved: %v then %v", p, again)
	}
}

// TestFilterLogs: what functions wrote is found by pattern and by time, page by page,
// each record once and under an id of its own.
func TestFilterLogs(t *testing.T) {
	t.Parallel()
	l, h := logService(t, time.Now)
	begin := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	for i := range 20 {
		o := &event.Origin{LogGroup: "/aws/lambda/f", LogStream: fmt.Sprintf("2026/[%d]", i%3)}
		level := map[bool]string{true: "ERROR", false: "INFO"}[i%2 == 0]
		l.Publish(event.Event{Time: begin.Add(time.Duration(i) * time.Second), Origin: o,
			Record: event.Line{RequestID: "r", Text: fmt.Appendf(nil, `{"level":"%s","n":%d}`, level, i)}})
	}
	type page struct {
		Events    []struct{ Message, EventId, LogStreamName string } //nolint:revive // the wire's names
		NextToken string
	}
	filter := func(members string) (found []string) {
		token, ids := "", map[string]bool{}
		for range 30 {
			var p page
			_, got := askLogs(t, h, "FilterLogEvents", `{"logGroupName":"/aws/lambda/f"`+members+token+`}`)
			decode(t, got, &p)
			for _, e := range p.Events {
				if ids[e.EventId] || len(e.EventId) != 56 {
					t.Errorf("id %s twice, or no id", e.EventId)
				}
				ids[e.EventId] = true
				found = append(found, strings.TrimSuffix(e.Message[strings.LastIndex(e.Message, ":")+1:], "}"))
			}
			if p.NextToken == "" {
				return found
			}
			token = `,"nextToken":"` + p.NextToken + `"`
		}
		t.Errorf("%s has no end", members)
		return found
	}
	at := func(i int) int64 { return begin.Add(time.Duration(i) * time.Second).UnixMilli() }
	for members, want := range map[string]string{
		``:                                  "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
		`,"limit":3,"interleaved":true`:     "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19",
		`,"limit":2,"filterPattern":"INFO"`: "1 3 5 7 9 11 13 15 17 19",
		`,"filterPattern":"{ $.level = \"ERROR\" && $.n >= 10 }"`:          "10 12 14 16 18",
		`,"logStreamNames":["2026/[1]"]`:                                   "1 4 7 10 13 16 19",
		`,"logStreamNamePrefix":"2026/[2"`:                                 "2 5 8 11 14 17",
		fmt.Sprintf(`,"startTime":%d,"endTime":%d`, at(4), at(6)):          "4 5 6",
		`,"logStreamNames":["2026/[0]","2026/[1]"],"filterPattern":"INFO"`: "1 3 7 9 13 15 19",
	} {
		if got := strings.Join(filter(members), " "); got != want {
			t.Errorf("%s: %s, want %s", members, got, want)
		}
	}
}

// TestManyStreams: pages of streams, by name and by time.
func TestManyStreams(t *testing.T) {
	t.Parallel()
	l, h := logService(t, time.Now)
	for i := range 7 {
		o := &event.Origin{LogGroup: "g", LogStream: fmt.Sprint("s", i)}
		l.Publish(event.Event{Time: time.Now(), Origin: o, Record: event.Line{RequestID: "r", Text: []byte("x")}})
		_ = l.Sync(t.Context())
	}
	for members, want := range map[string]string{
		`,"limit":3`:                   "s0s1s2s3s4s5s6",
		`,"limit":2,"descending":true`: "s6s5s4s3s2s1s0",
		`,"limit":3,"orderBy":"LastEventTime","descending":true`: "s0s1s2s3s4s5s6",
		`,"limit":3,"logStreamNamePrefix":"s1"`:                  "s1",
	} {
		var names []string
		token := ""
		for range 10 {
			var p struct {
				LogStreams []struct {
					LogStreamName      string
					LastEventTimestamp int64
				}
				NextToken string
			}
			_, got := askLogs(t, h, "DescribeLogStreams", `{"logGroupName":"g"`+members+token+`}`)
			decode(t, got, &p)
			for _, s := range p.LogStreams {
				names = append(names, s.LogStreamName)
				if s.LastEventTimestamp == 0 {
					t.Errorf("%s has no last event", s.LogStreamName)
				}
			}
			if p.NextToken == "" {
				break
			}
			token = `,"nextToken":"` + p.NextToken + `"`
		}
		// A file system's clock may be too coarse to tell the streams apart by time.
		if strings.Contains(members, "orderBy") {
			slices.Sort(names)
		}
		if got := strings.Join(names, ""); got != want {
			t.Errorf("%s: %s, want %s", members, got, want)
		}
	}
}

// FuzzLogTokens: a token that nobody was given breaks nothing.
func FuzzLogTokens(f *testing.F) {
	_, h := logService(f, time.Now)
	const in = `"logGroupName":"g","logStreamName":"s"`
	for _, c := range [][2]string{
		{"CreateLogGroup", `{"logGroupName":"g"}`}, {"CreateLogStream", `{` + in + `}`},
		{"PutLogEvents", `{` + in + `,"logEvents":[{"timestamp":` + fmt.Sprint(time.Now().UnixMilli()) + `,"message":"one"}]}`},
	} {
		if status, text := askLogs(f, h, c[0], c[1]); status != http.StatusOK {
			f.Fatalf("%s: %d %s", c[0], status, text)
		}
	}
	operations := []string{"GetLogEvents", "FilterLogEvents", "DescribeLogStreams", "DescribeLogGroups"}
	for i := range operations {
		for _, token := range []string{
			"f/00000000000000000000000000000000000000000000000000000000/s", "b/9223372036854775807/s", "f/9223372036854775807/s", "YQ",
			base64.RawURLEncoding.EncodeToString([]byte(`{"Time":-9223372036854775808,"Position":-9223372036854775808,"Stream":"s"}`)),
			base64.RawURLEncoding.EncodeToString([]byte(`{"Time":9223372036854775807,"Position":9223372036854775807,"Name":"s","Ingested":"2026-01-02T03:04:05Z"}`)),
		} {
			f.Add(uint8(i), token)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, token string) {
		operation := operations[int(which)%len(operations)]
		member := map[string]string{"GetLogEvents": in + `,`, "FilterLogEvents": `"logGroupName":"g",`, "DescribeLogStreams": `"logGroupName":"g",`}[operation]
		quoted, _ := json.Marshal(token)
		if status, text := askLogs(t, h, operation, `{`+member+`"nextToken":`+string(quoted)+`}`); status >= 500 {
			t.Errorf("%s of %q: %d %s", operation, token, status, text)
		}
	})
}
