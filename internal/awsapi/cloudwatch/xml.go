package cloudwatch

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambent/internal/awsapi"
)

// inXML is the Query protocol: a form comes in, XML goes out.
type inXML struct{}

const xmlSpace = "http://monitoring.amazonaws.com/doc/2010-08-01/"

func (inXML) read(w http.ResponseWriter, r *http.Request) (named string, input any, err error) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if r.Method == http.MethodPost {
		body, failed := awsapi.ReadBody(w, r, maxBody)
		if failed != nil {
			return "", nil, failed
		}
		form, err = url.ParseQuery(string(body))
	}
	if err != nil {
		return "", nil, fmt.Errorf("read form: %w", err)
	}
	root := branch{}
	for _, name := range slices.Sorted(maps.Keys(form)) { // a text before what claims to be its members
		if name == "Action" || name == "Version" {
			continue
		}
		path := strings.Split(name, ".")
		if len(path) > maxDepth {
			return "", nil, fmt.Errorf("form: a member in %d others", len(path)-1)
		}
		if err := root.put(path, form.Get(name)); err != nil {
			return "", nil, err
		}
	}
	return form.Get("Action"), root.tree(""), nil
}

// maxDepth is more than any operation's members are in others. A level costs a
// caller two bytes and the server a kilobyte.
const maxDepth = 16

// branch is members by name, or a list's by number: Dimensions.member.1.Name.
type branch map[string]any

func (b branch) put(path []string, text string) error {
	if len(path) == 1 {
		b[path[0]] = text
		return nil
	}
	next, ok := b[path[0]].(branch)
	if b[path[0]] != nil && !ok {
		return fmt.Errorf("form: %s is a text and has members", path[0])
	}
	if next == nil {
		next = branch{}
		b[path[0]] = next
	}
	return next.put(path[1:], text)
}

// tree is the branch as JSON has it.
func (b branch) tree(name string) any {
	if list, ok := b["member"].(branch); ok && len(b) == 1 {
		return list.items(name)
	}
	all := map[string]any{}
	for member, v := range b {
		all[member] = leaf(member, v)
	}
	return all
}

func (b branch) items(name string) []any {
	numbers := slices.SortedFunc(maps.Keys(b), func(x, y string) int { return len(x)*1000 - len(y)*1000 + strings.Compare(x, y) })
	all := []any{}
	for _, n := range numbers {
		all = append(all, leaf(name, b[n]))
	}
	return all
}

// leaf is a text as the type that its member has.
func leaf(name string, v any) any {
	text, ok := v.(string)
	if !ok {
		return v.(branch).tree(name)
	}
	switch name {
	case "Period", "MaxDatapoints":
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	case "ReturnData", "IncludeLinkedAccounts":
		if flag, err := strconv.ParseBool(text); err == nil {
			return flag
		}
	}
	return text // a time is read as it is
}

type xmlError struct {
	XMLName   xml.Name `xml:"ErrorResponse"`
	Space     string   `xml:"xmlns,attr"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

func (inXML) write(w http.ResponseWriter, operation string, status int, answer any) {
	id := w.Header().Get("X-Amzn-Requestid")
	members, _ := answer.(map[string]any)
	if status >= http.StatusBadRequest {
		name, _ := members["__type"].(string)
		text, _ := members["message"].(string)
		body, err := xml.Marshal(xmlError{Space: xmlSpace, Type: blame(status), Code: queryCode(name), Message: text, RequestID: id})
		if err != nil {
			panic(err) // plain texts: only a bug can fail here
		}
		send(w, status, "text/xml", body)
		return
	}
	var b bytes.Buffer
	b.WriteString("<" + operation + `Response xmlns="` + xmlSpace + `"><` + operation + "Result>")
	writeMembers(&b, members)
	b.WriteString("</" + operation + "Result><ResponseMetadata><RequestId>" + id + "</RequestId></ResponseMetadata></" + operation + "Response>")
	send(w, status, "text/xml", b.Bytes())
}

func writeMembers(b *bytes.Buffer, members map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == "ExtendedStatistics" { // a map, whose keys are no names of members
			b.WriteString("<" + name + ">")
			entries, _ := members[name].(map[string]any)
			for _, key := range slices.Sorted(maps.Keys(entries)) {
				b.WriteString("<entry>")
				writeElement(b, "key", key)
				writeElement(b, "value", entries[key])
				b.WriteString("</entry>")
			}
			b.WriteString("</" + name + ">")
			continue
		}
		writeElement(b, name, members[name])
	}
}

func writeElement(b *bytes.Buffer, name string, v any) {
	b.WriteString("<" + name + ">")
	switch v := v.(type) {
	case map[string]any:
		writeMembers(b, v)
	case []any:
		for _, item := range v {
			if moment, ok := item.(json.Number); ok && isTime(name) {
				item = asText(moment)
			}
			writeElement(b, "member", item)
		}
	case json.Number:
		if isTime(name) {
			b.WriteString(asText(v))
		} else {
			b.WriteString(v.String())
		}
	default:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(v))) // a buffer takes everything
	}
	b.WriteString("</" + name + ">")
}

// asText is a moment as the Query protocol writes it.
func asText(seconds json.Number) string {
	f, _ := seconds.Float64() // it is ours
	return time.UnixMilli(int64(f * 1000)).UTC().Format("2006-01-02T15:04:05Z")
}
