package async

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// cloud is a server that speaks as much of SQS, SNS, EventBridge and S3 as
// destinations need, and keeps what it got.
type cloud struct {
	*httptest.Server
	mu  sync.Mutex
	got []arrival // mu
}

// arrival is one message, event or object.
type arrival struct {
	service    string
	target     string // queue URL, topic, bus, or bucket and key
	body       string
	attributes map[string]string
	entry      map[string]any // of EventBridge
}

var signature = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/us-east-1/(sqs|sns|events|s3)/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$`)

func newCloud(t testing.TB) *cloud {
	t.Helper()
	c := &cloud{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := signature.FindStringSubmatch(r.Header.Get("Authorization"))
		body, err := io.ReadAll(r.Body)
		if signed == nil || err != nil {
			t.Errorf("request signed %q: %v", r.Header.Get("Authorization"), err)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		a, answer := read(signed[1], r, body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got = append(c.got, a)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(c.Close)
	return c
}

func read(service string, r *http.Request, body []byte) (a arrival, answer string) {
	a = arrival{service: service, attributes: map[string]string{}}
	switch service {
	case "sqs":
		var m struct {
			QueueUrl, MessageBody                      string
			MessageAttributes, MessageSystemAttributes map[string]struct{ DataType, StringValue string }
		}
		_ = json.Unmarshal(body, &m)
		a.target, a.body = m.QueueUrl, m.MessageBody
		for name, v := range m.MessageAttributes {
			a.attributes[name] = v.DataType + " " + v.StringValue
		}
		for name, v := range m.MessageSystemAttributes {
			a.attributes["system "+name] = v.DataType + " " + v.StringValue
		}
		return a, `{"MessageId":"m"}`
	case "sns":
		form, _ := url.ParseQuery(string(body))
		a.target, a.body = form.Get("TopicArn"), form.Get("Message")
		for i := 1; form.Has(entry(i, "Name")); i++ {
			a.attributes[form.Get(entry(i, "Name"))] = form.Get(entry(i, "Value.DataType")) + " " + form.Get(entry(i, "Value.StringValue"))
		}
		return a, `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>`
	case "events":
		var m struct{ Entries []map[string]any }
		_ = json.Unmarshal(body, &m)
		a.entry = m.Entries[0]
		a.target, _ = a.entry["EventBusName"].(string)
		a.body, _ = a.entry["Detail"].(string)
		return a, `{"FailedEntryCount":0,"Entries":[{"EventId":"e"}]}`
	}
	a.target, a.body = strings.TrimPrefix(r.URL.Path, "/"), string(body)
	return a, ""
}

func entry(i int, name string) string {
	return "MessageAttributes.entry." + string(rune('0'+i)) + "." + name
}

// arrived is what came for a target whose name ends so.
func (c *cloud) arrived(service, suffix string) (all []arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.got {
		if a.service == service && strings.Contains(a.target, suffix) {
			all = append(all, a)
		}
	}
	return all
}
