package lambdaapi

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A fact is a recording of AWS (docs/recordings.md), played to the API over a
// real catalog: the same questions in the same order want the same answers. Every
// fact begins with one Active function f and nothing else.
type fact struct {
	id  string
	ask []ask
}

// ask is one request and what AWS answered.
type ask struct {
	do   string // method and path; the beginnings of paths are abbreviated (see roads)
	body string
	want string // a status, or the name of an exception
	// with is an exception's message, or parts of a success's body; "not x" is a
	// part that must be absent, and "new revision" and "same revision" compare
	// the RevisionId with the one that was seen before. ARN: is the beginning of
	// the ARNs of this place.
	with []string
}

var roads = strings.NewReplacer(
	" F", " /2015-03-31/functions", " ESM", " /2015-03-31/event-source-mappings", " LAYERS", " /2018-10-31/layers", " TAGS/", " /2017-03-31/tags/",
	" EVENT/f", " /2019-09-25/functions/f", " EVENT/", " /2019-09-25/functions/", " URL/", " /2021-10-31/functions/", " RESERVE/", " /2017-10-31/functions/",
	" RESERVED/", " /2019-09-30/functions/", " SIGNING", " /2020-04-22/code-signing-configs", " SIGNED/", " /2020-06-30/functions/",
	" RECURSION/", " /2024-08-31/functions/", " ACCOUNT", " /2016-08-19/account-settings",
)

// TestFacts plays every recording.
func TestFacts(t *testing.T) {
	for _, f := range slices.Concat(protocolFacts, functionFacts, versionFacts, layerFacts, settingFacts, mappingFacts) {
		t.Run(f.id, func(t *testing.T) {
			inJoined(t, func(t *testing.T, j *joined) {
				p := &player{joined: j}
				p.ask("GET F/f/configuration", "", "200")
				for _, a := range f.ask {
					p.ask(a.do, a.body, a.want, a.with...)
					time.Sleep(time.Second) // what passes by itself has passed
				}
			})
		})
	}
}

// player asks, and remembers what a later question may refer to.
type player struct {
	*joined
	revision string
	names    map[string]string
}

var (
	revisionOf = regexp.MustCompile(`"RevisionId":"([^"]+)"`)
	idOf       = map[string]*regexp.Regexp{"UUID#": regexp.MustCompile(`"UUID":"([^"]+)"`), "CSC#": regexp.MustCompile(`"CodeSigningConfigArn":"([^"]+)"`)}
)

func (p *player) ask(do, body, want string, with ...string) {
	p.t.Helper()
	method, path, _ := strings.Cut(roads.Replace(p.known(do)), " ")
	answer := p.send(method, p.known(path), p.known(body))
	got := answer.Body.String()
	if id := answer.Header().Get("X-Amzn-Requestid"); !requestID.MatchString(id) { // F001, F002
		p.t.Errorf("%s: the request id is %q", do, id)
	}
	status, err := strconv.Atoi(want)
	if err != nil {
		p.wantException(do, body, answer.Header().Get("X-Amzn-Errortype"), got, want, with)
		return
	}
	if answer.Code != status || status == 204 && got != "" { // F014, F015
		p.t.Errorf("%s %s answered %d %s, want %d", do, body, answer.Code, got, status)
	}
	for _, part := range with {
		p.wantPart(do+" "+body, got, p.known(part))
	}
	if m := revisionOf.FindStringSubmatch(got); m != nil {
		p.revision = m[1]
	}
	for name, re := range idOf {
		if m := re.FindStringSubmatch(got); m != nil {
			if p.names == nil {
				p.names = map[string]string{}
			}
			p.names[name] = m[1]
		}
	}
}

// known fills in what was seen.
func (p *player) known(s string) string {
	for name, value := range p.names {
		s = strings.ReplaceAll(s, name, value)
	}
	return strings.ReplaceAll(s, "ARN:", "arn:aws:lambda:us-east-1:111111111111:")
}

func (p *player) wantPart(asked, got, part string) {
	p.t.Helper()
	revision := ""
	if m := revisionOf.FindStringSubmatch(got); m != nil {
		revision = m[1]
	}
	absent, negative := strings.CutPrefix(part, "not ")
	switch {
	case part == "new revision":
		if revision == "" || revision == p.revision {
			p.t.Errorf("%s: RevisionId %q is not new", asked, revision)
		}
	case part == "same revision":
		if revision != p.revision {
			p.t.Errorf("%s: RevisionId %q, want %q", asked, revision, p.revision)
		}
	case negative && strings.Contains(got, absent):
		p.t.Errorf("%s answered %s, in which %s must not be", asked, got, absent)
	case !negative && !strings.Contains(got, part):
		p.t.Errorf("%s answered\n%s, which lacks\n%s", asked, got, part)
	}
}

var requestID = regexp.MustCompile(`^[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$`)

// capitals are the exceptions that spell Message with a capital (F003); the
// others do not (F004).
var capitals = []string{"ResourceNotFoundException", "CodeSigningConfigNotFoundException", "ResourceInUseException"}

func (p *player) wantException(do, body, code, got, want string, with []string) {
	p.t.Helper()
	var members map[string]string
	if err := json.Unmarshal([]byte(got), &members); err != nil {
		p.t.Fatalf("%s %s answered %q: %v", do, body, got, err)
	}
	name := "message"
	if slices.Contains(capitals, want) {
		name = "Message"
	}
	if message := p.known(with[0]); code != want || members[name] != message {
		p.t.Errorf("%s %s answered\n%s %s, want\n%s with %s %q", do, body, code, got, want, name, message)
	}
	typ := "User"
	if want == validationCode || slices.Contains(with[1:], "untyped") { // F005, F006, F007
		typ = ""
	}
	if members["Type"] != typ {
		p.t.Errorf("%s: Type is %q, want %q (F003 to F007)", do, members["Type"], typ)
	}
}
