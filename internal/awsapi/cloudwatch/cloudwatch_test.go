package cloudwatch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"lambent/internal/lambda"
)

// day is when everything happens here.
var day = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

// counted has ten minutes of one function.
type counted struct{}

func (counted) Names() []lambda.MetricID {
	all := []lambda.MetricID{{Metric: "Invocations"}, {Metric: "Duration", Function: "f"}, {Metric: "Invocations", Function: "f"}, {Metric: "Invocations", Function: "f", Resource: "f:live", Version: "1"}}
	for i := range 600 {
		all = append(all, lambda.MetricID{Metric: "Errors", Function: fmt.Sprintf("g%03d", i)})
	}
	return all
}

func (counted) Samples(id lambda.MetricID, from, to time.Time) (all []lambda.Sample) {
	if id.Function != "f" || id.Resource != "" {
		return nil
	}
	for i := range 10 {
		s := lambda.Sample{At: day.Add(time.Duration(i) * time.Minute), Count: 2, Sum: 2, Min: 1, Max: 1}
		if id.Metric == "Duration" {
			v := float64(i + 1)
			s.Sum, s.Min, s.Max = 2*v, v, v
			s.Parts = []lambda.SamplePart{{Low: v, High: v + 1, Count: 2}}
		}
		if !s.At.Before(from) && s.At.Before(to) {
			all = append(all, s)
		}
	}
	return all
}

func served(t *testing.T) http.Handler {
	t.Helper()
	h, err := New(Config{Metrics: counted{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(t *testing.T, operation, body string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801."+operation)
	w := httptest.NewRecorder()
	served(t).ServeHTTP(w, r)
	return w.Code, strings.ReplaceAll(w.Body.String(), ".0", ""), w.Header()
}

const (
	hour      = `"StartTime":1767322800,"EndTime":1767326400`
	durations = `"Namespace":"AWS/Lambda","MetricName":"Duration","Dimensions":[{"Name":"FunctionName","Value":"f"}]`
)

func TestGetMetricStatistics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"five minutes": {
			`{` + durations + `,` + hour + `,"Period":300,"Statistics":["Sum","Average","Minimum","Maximum","SampleCount"],"ExtendedStatistics":["p50"]}`,
			`{"Label":"Duration","Datapoints":[{"Timestamp":1767322800,"SampleCount":10,"Average":3,"Sum":30,"Minimum":1,"Maximum":5,"Unit":"Milliseconds","ExtendedStatistics":{"p50":3.5}},` +
				`{"Timestamp":1767323100,"SampleCount":10,"Average":8,"Sum":80,"Minimum":6,"Maximum":10,"Unit":"Milliseconds","ExtendedStatistics":{"p50":8.5}}]}`,
		},
		"periods begin with the start, its seconds dropped": {
			`{` + durations + `,"StartTime":1767323159,"EndTime":1767323400,"Period":120,"Statistics":["Sum"]}`,
			`{"Label":"Duration","Datapoints":[{"Timestamp":1767323100,"Sum":26,"Unit":"Milliseconds"},{"Timestamp":1767323220,"Sum":34,"Unit":"Milliseconds"},{"Timestamp":1767323340,"Sum":20,"Unit":"Milliseconds"}]}`,
		},
		"another unit":     {`{` + durations + `,` + hour + `,"Period":300,"Statistics":["Sum"],"Unit":"Seconds"}`, `{"Label":"Duration","Datapoints":[]}`},
		"another service":  {strings.Replace(`{`+durations+`,`+hour+`,"Period":300,"Statistics":["Sum"]}`, "AWS/Lambda", "AWS/S3", 1), `{"Label":"Duration","Datapoints":[]}`},
		"no such function": {strings.Replace(`{`+durations+`,`+hour+`,"Period":300,"Statistics":["Sum"]}`, `"f"`, `"g"`, 1), `{"Label":"Duration","Datapoints":[]}`},
	} {
		if status, got, _ := ask(t, "GetMetricStatistics", c.body); status != 200 || got != c.want {
			t.Errorf("%s: %d %s, want %s", name, status, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	query := func(q string) string { return `{` + hour + `,"MetricDataQueries":[` + q + `]}` }
	stat := func(id, stat string) string {
		return `{"Id":"` + id + `","MetricStat":{"Metric":{` + durations + `},"Period":60,"Stat":"` + stat + `"}}`
	}
	for _, c := range []struct {
		operation, body, want string
		status                int
	}{
		{"GetMetricStatistics", `{` + durations + `,"StartTime":5,"EndTime":5,"Period":60,"Statistics":["Sum"]}`, `"InvalidParameterValueException","message":"The parameter StartTime must not equal parameter EndTime."`, 400},
		{"GetMetricStatistics", `{` + durations + `,"StartTime":6,"EndTime":5,"Period":60,"Statistics":["Sum"]}`, `"The parameter StartTime must be less than the parameter EndTime."`, 400},
		{"GetMetricStatistics", `{` + durations + `,` + hour + `,"Period":61,"Statistics":["Sum"]}`, `"The parameter Period must be a multiple of 60."`, 400},
		{"GetMetricStatistics", `{` + durations + `,` + hour + `,"Period":1,"Statistics":["Sum"]}`, `"InvalidParameterCombinationException","message":"You have requested up to 3600 datapoints, which exceeds the limit of 1440.`, 400},
		{"GetMetricStatistics", `{` + durations + `,` + hour + `,"Period":60}`, `"InvalidParameterCombinationException"`, 400},
		{"GetMetricStatistics", `{` + durations + `,` + hour + `,"Period":60,"ExtendedStatistics":["tm90"]}`, `"The value tm90 for parameter ExtendedStatistics is not supported."`, 400},
		{"GetMetricStatistics", `{` + durations + `,` + hour + `,"Period":60,"Statistics":["Most"]}`, `"ValidationError"`, 400},
		{"GetMetricData", query(`{"Id":"a","Expression":"SUM(METRICS())"}`), `"NotImplementedException","message":"The expression of query a can't be evaluated: metric math`, 501},
		{"GetMetricData", query(`{"Id":"A"}`), `is not matching the expected pattern`, 400},
		{"GetMetricData", query(`{"Id":"a"}`), `Either the parameter MetricDataQueries.member.1.MetricStat or MetricDataQueries.member.1.Expression must be specified.`, 400},
		{"GetMetricData", query(stat("a", "Sum") + "," + stat("a", "Sum")), `not unique`, 400},
		{"GetMetricData", query(stat("a", "p101")), `The value p101 for parameter Stat of query a is not supported.`, 400},
		{"GetMetricData", query(``), `must have a size between 1 and 500`, 400},
		{"ListMetrics", `{"NextToken":"%"}`, `"InvalidParameterValueException"`, 400},
		{"PutMetricData", `{}`, `"NotImplementedException","message":"The operation PutMetricData is not yet available in Lambent."`, 501},
	} {
		if status, got, h := ask(t, c.operation, c.body); status != c.status || !strings.Contains(got, c.want) || h.Get("X-Amzn-Query-Error") == "" || h.Get("Content-Type") != "application/x-amz-json-1.0" {
			t.Errorf("%s %s: %d %s %v, want %d %s", c.operation, c.body, status, got, h, c.status, c.want)
		}
	}
}

func TestGetMetricData(t *testing.T) {
	t.Parallel()
	const queries = `"MetricDataQueries":[
		{"Id":"d","MetricStat":{"Metric":{` + durations + `},"Period":300,"Stat":"p100"}},
		{"Id":"hidden","ReturnData":false,"MetricStat":{"Metric":{` + durations + `},"Period":300,"Stat":"Sum"}},
		{"Id":"n","Label":"calls","MetricStat":{"Metric":{"Namespace":"AWS/Lambda","MetricName":"Invocations","Dimensions":[{"Name":"FunctionName","Value":"f"}]},"Period":600,"Stat":"Sum"}}]`
	for name, c := range map[string]struct{ more, want string }{
		"newest first": {"", `{"MetricDataResults":[{"Id":"d","Label":"Duration","Timestamps":[1767323100,1767322800],"Values":[10,5],"StatusCode":"Complete"},` +
			`{"Id":"n","Label":"calls","Timestamps":[1767322800],"Values":[20],"StatusCode":"Complete"}],"Messages":[]}`},
		"oldest first": {`,"ScanBy":"TimestampAscending","MaxDatapoints":1`, `{"MetricDataResults":[{"Id":"d","Label":"Duration","Timestamps":[1767322800],"Values":[5],"StatusCode":"PartialData"},` +
			`{"Id":"n","Label":"calls","Timestamps":[],"Values":[],"StatusCode":"PartialData"}],"NextToken":"1","Messages":[]}`},
		"the next": {`,"ScanBy":"TimestampAscending","MaxDatapoints":2,"NextToken":"1"`, `{"MetricDataResults":[{"Id":"d","Label":"Duration","Timestamps":[1767323100],"Values":[10],"StatusCode":"Complete"},` +
			`{"Id":"n","Label":"calls","Timestamps":[1767322800],"Values":[20],"StatusCode":"Complete"}],"Messages":[]}`},
	} {
		if status, got, _ := ask(t, "GetMetricData", `{`+hour+`,`+queries+c.more+`}`); status != 200 || got != c.want {
			t.Errorf("%s: %d %s, want %s", name, status, got, c.want)
		}
	}
}

func TestListMetrics(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"Namespace":"AWS/S3"}`: `{"Metrics":[]}`,
		`{"MetricName":"Invocations","Dimensions":[{"Name":"FunctionName"}]}`: `{"Metrics":[{"Namespace":"AWS/Lambda","MetricName":"Invocations","Dimensions":[{"Name":"FunctionName","Value":"f"}]},` +
			`{"Namespace":"AWS/Lambda","MetricName":"Invocations","Dimensions":[{"Name":"FunctionName","Value":"f"},{"Name":"Resource","Value":"f:live"},{"Name":"ExecutedVersion","Value":"1"}]}]}`,
		`{"Dimensions":[{"Name":"FunctionName","Value":"g599"}],"RecentlyActive":"PT3H"}`: `{"Metrics":[{"Namespace":"AWS/Lambda","MetricName":"Errors","Dimensions":[{"Name":"FunctionName","Value":"g599"}]}]}`,
	} {
		if status, got, _ := ask(t, "ListMetrics", body); status != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", body, status, got, want)
		}
	}
	seen, token := 0, ""
	for {
		_, got, _ := ask(t, "ListMetrics", `{"NextToken":"`+token+`"}`)
		seen += strings.Count(got, "MetricName")
		_, rest, more := strings.Cut(got, `"NextToken":"`)
		if token, _, _ = strings.Cut(rest, `"`); !more {
			break
		}
	}
	if seen != 604 {
		t.Errorf("%d metrics on all pages, want 604", seen)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	spread := lambda.Sample{Count: 4, Min: 1.5, Max: 9, Parts: []lambda.SamplePart{{Low: 1, High: 2, Count: 2}, {Low: 8, High: 10, Count: 2}}}
	for percent, want := range map[float64]float64{0: 1.5, 25: 1.5, 50: 2, 75: 9, 100: 9, 62.5: 8.5} {
		if got, ok := percentile(spread, percent); !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("p%v: %v, want %v", percent, got, want)
		}
	}
	if _, ok := percentile(lambda.Sample{Count: 2, Min: 1, Max: 2}, 50); ok {
		t.Error("a percentile was made up")
	}
	if got, ok := percentile(lambda.Sample{Count: 2, Min: 2, Max: 2}, 50); !ok || got != 2 {
		t.Error("equal values have a percentile")
	}
}

func TestCBOR(t *testing.T) {
	t.Parallel()
	send := func(operation string, body []byte) (int, http.Header, cbor.Map) {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/service/GraniteServiceVersion20100801/operation/"+operation, strings.NewReader(string(body)))
		r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		w := httptest.NewRecorder()
		served(t).ServeHTTP(w, r)
		v, err := cbor.Decode(w.Body.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		return w.Code, w.Header(), v.(cbor.Map)
	}
	moment := func(s float64) cbor.Value { return &cbor.Tag{ID: 1, Value: cbor.Float64(s)} }
	in := cbor.Map{
		"Namespace": cbor.String("AWS/Lambda"), "MetricName": cbor.String("Duration"), "Period": cbor.Uint(600),
		"Dimensions": cbor.List{cbor.Map{"Name": cbor.String("FunctionName"), "Value": cbor.String("f")}},
		"StartTime":  moment(1767322800), "EndTime": moment(1767326400), "Statistics": cbor.List{cbor.String("Sum")},
	}
	status, h, out := send("GetMetricStatistics", cbor.Encode(in))
	point := out["Datapoints"].(cbor.List)[0].(cbor.Map)
	at, err := cbor.AsTime(point["Timestamp"])
	if status != 200 || err != nil || !at.Equal(day) || point["Sum"] != cbor.Float64(110) || h.Get("Smithy-Protocol") != "rpc-v2-cbor" || h.Get("Content-Type") != "application/cbor" {
		t.Errorf("%d %v %v", status, h, out)
	}
	in["EndTime"] = moment(1)
	status, h, out = send("GetMetricStatistics", cbor.Encode(in))
	if status != 400 || out["__type"] != cbor.String("InvalidParameterValueException") || h.Get("X-Amzn-Query-Error") != "InvalidParameterValue;Sender" {
		t.Errorf("%d %v %v", status, h, out)
	}
	if status, _, out = send("GetMetricStatistics", []byte{0xff}); status != 400 || out["__type"] != cbor.String("SerializationException") {
		t.Errorf("%d %v", status, out)
	}
	if status, _, out = send("ListMetrics", nil); status != 200 || len(out["Metrics"].(cbor.List)) != 500 {
		t.Errorf("%d %v", status, out)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	send := func(form string) (int, string) {
		values, err := url.ParseQuery(form)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(values.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		w := httptest.NewRecorder()
		served(t).ServeHTTP(w, r)
		return w.Code, strings.ReplaceAll(w.Body.String(), ".0", "")
	}
	const of = "Version=2010-08-01&Namespace=AWS/Lambda&MetricName=Duration&Dimensions.member.1.Name=FunctionName&Dimensions.member.1.Value=f&StartTime=2026-01-02T03:00:00Z&EndTime=2026-01-02T04:00:00Z"
	for form, want := range map[string]string{
		"Action=GetMetricStatistics&Period=600&Statistics.member.1=Sum&Statistics.member.2=Average&ExtendedStatistics.member.1=p0&" + of: `<GetMetricStatisticsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><GetMetricStatisticsResult>` +
			`<Datapoints><member><Average>5.5</Average><ExtendedStatistics><entry><key>p0</key><value>1</value></entry></ExtendedStatistics><Sum>110</Sum><Timestamp>2026-01-02T03:00:00Z</Timestamp><Unit>Milliseconds</Unit></member></Datapoints><Label>Duration</Label>`,
		"Action=GetMetricStatistics&Period=61&Statistics.member.1=Sum&" + of: `<Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>The parameter Period must be a multiple of 60.</Message></Error>`,
		"Action=GetMetricData&StartTime=2026-01-02T03:00:00Z&EndTime=2026-01-02T04:00:00Z&MetricDataQueries.member.1.Id=a&MetricDataQueries.member.1.MetricStat.Metric.Namespace=AWS/Lambda&MetricDataQueries.member.1.MetricStat.Metric.MetricName=Duration&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name=FunctionName&MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value=f&MetricDataQueries.member.1.MetricStat.Period=600&MetricDataQueries.member.1.MetricStat.Stat=Sum&MetricDataQueries.member.1.ReturnData=true": `<Timestamps><member>2026-01-02T03:00:00Z</member></Timestamps><Values><member>110</member></Values>`,
		"Action=ListMetrics&MetricName=Duration":                       `<Metrics><member><Dimensions><member><Name>FunctionName</Name><Value>f</Value></member></Dimensions><MetricName>Duration</MetricName><Namespace>AWS/Lambda</Namespace></member></Metrics>`,
		"Action=PutMetricAlarm":                                        `<Code>NotImplementedException</Code>`,
		"Action=ListMetrics&A=1&A.B=2":                                 `<Code>SerializationException</Code>`,
		"Action=ListMetrics&" + strings.Repeat("A.", maxDepth) + "A=1": `<Code>SerializationException</Code>`,
	} {
		status, got := send(form)
		if !strings.Contains(got, want) || (status >= 400) != strings.Contains(want, "Code") {
			t.Errorf("%s: %d %.2000s, want %s", form, status, got, want)
		}
	}
}

// FuzzRead: whatever a client sends, it is read or refused.
func FuzzRead(f *testing.F) {
	f.Add([]byte("Dimensions.member.1.Name=a&Dimensions.member.x=2"))
	f.Add(cbor.Encode(cbor.Map{"Dimensions": cbor.List{cbor.Map{"Name": &cbor.Nil{}}}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := New(Config{Metrics: counted{}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for _, smithy := range []string{"", "rpc-v2-cbor"} {
			r := httptest.NewRequest(http.MethodPost, "/service/GraniteServiceVersion20100801/operation/GetMetricData", strings.NewReader("Action=GetMetricData&"+string(body)))
			if smithy != "" {
				r.Body = io.NopCloser(strings.NewReader(string(body)))
				r.ContentLength = int64(len(body))
				r.Header.Set("Smithy-Protocol", smithy)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 500 && w.Code != http.StatusNotImplemented {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
	})
}
