package runtimeapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/runtimeapi"
)

// TestTranscripts plays the conversations in testdata/transcripts. A line is
//
//	# a comment
//	@name            speak on the connection of that name; a new name connects
//	> text           send the line
//	>> "text"        send exactly this
//	>* 1000 x        send so many x
//	>= text          send the length, the end of the head and the text as body
//	< text           this line must have come, and nothing but the lines that follow it
//	<< text          the same, without a line end; "Content-Length: *" is whatever is right
//	nothing          nothing came since
//	closed, open     the server has closed the connection, or not
//	hangup           close the connection
//	pause 3s         let time pass
//	offer {…}        the environment has this lambda.Invocation
//	event {…}        the environment has this lambda.ExtensionEvent
//	say call T: M    the environment refuses the next such call with type and message; T may be "broken"
//	= call           the environment was called so, since the last such block
//	= -              it was not called
//	release text     the server knows this runtime release
//	telemetry        (first line) subscriptions are supported
//	streams          (first line) the caller wants the response as it comes; what it gets
//	                 is among the calls
//	slow, taken      from here on a write waits; the one that waits is done
//
// Lines of the same kind that follow each other belong together.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for name, lines := range scenes(string(text)) {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { play(t, lines) })
				})
			}
		})
	}
}

type line struct {
	number     int
	verb, rest string
}

// scenes splits a file at its "== name" lines; each has an environment of its own.
func scenes(text string) map[string][]line {
	found := map[string][]line{}
	name := ""
	for i, l := range strings.Split(text, "\n") {
		if after, ok := strings.CutPrefix(l, "== "); ok {
			name = after
			continue
		}
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(l, " ")
		found[name] = append(found[name], line{i + 1, verb, rest})
	}
	return found
}

// player is one scene being played.
type player struct {
	t      *testing.T
	env    *environment
	server *runtimeapi.Server
	pipes  *pipes
	peers  map[string]*peer
	peer   *peer
}

func play(t *testing.T, lines []line) {
	env := newEnvironment()
	cfg := runtimeapi.Config{Runtime: env, Extensions: env, Now: time.Now}
	switch lines[0].verb {
	case "telemetry":
		cfg.Telemetry, lines = env, lines[1:]
	case "streams":
		cfg.Streams, lines = env, lines[1:]
	}
	server, pipes, stop := startWith(cfg)
	p := &player{t, env, server, pipes, map[string]*peer{}, nil}
	defer func() {
		stop()
		for _, c := range p.peers {
			c.Close()
			<-c.done
		}
	}()
	for len(lines) > 0 {
		block := 1
		for block < len(lines) && kind(lines[block]) == kind(lines[0]) {
			block++
		}
		p.block(lines[:block])
		lines = lines[block:]
		synctest.Wait()
	}
}

// kind groups lines that belong together.
func kind(l line) string {
	switch {
	case strings.HasPrefix(l.verb, ">"):
		return ">"
	case strings.HasPrefix(l.verb, "<"):
		return "<"
	case l.verb == "=":
		return "="
	}
	return "single " + strconv.Itoa(l.number)
}

func (p *player) block(lines []line) {
	switch kind(lines[0]) {
	case ">":
		p.speaker().send(p.spoken(lines))
	case "<":
		p.hears(lines)
	case "=":
		p.wasCalled(lines)
	default:
		p.single(lines[0])
	}
}

func (p *player) speaker() *peer {
	if p.peer == nil {
		p.single(line{verb: "@first"})
	}
	return p.peer
}

func (p *player) spoken(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		switch l.verb {
		case ">>":
			s, err := strconv.Unquote(l.rest)
			if err != nil {
				p.t.Fatalf("line %d: %v", l.number, err)
			}
			b.WriteString(s)
		case ">=":
			b.WriteString("Content-Length: " + strconv.Itoa(len(l.rest)) + "\r\n\r\n" + l.rest)
		case ">*":
			count, what, _ := strings.Cut(l.rest, " ")
			n, err := strconv.Atoi(count)
			if err != nil {
				p.t.Fatalf("line %d: %v", l.number, err)
			}
			b.WriteString(strings.Repeat(what, n))
		default:
			b.WriteString(l.rest + "\r\n")
		}
	}
	return b.String()
}

var eventID = regexp.MustCompile(`(Lambda-Extension-Event-Identifier: )[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func (p *player) hears(lines []line) {
	p.t.Helper()
	var want strings.Builder
	for _, l := range lines {
		want.WriteString(l.rest)
		if l.verb == "<" {
			want.WriteString("\r\n")
		}
	}
	got, _ := p.peer.received()
	got = eventID.ReplaceAllString(got, "${1}<uuid>")
	if strings.Contains(want.String(), "Content-Length: *") {
		got = p.starLength(got)
	}
	// Documents end with a line feed, which a transcript line cannot show.
	if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(want.String(), "\n") {
		p.t.Fatalf("line %d: the server said\n%s\nwant\n%s", lines[0].number, got, want.String())
	}
}

var contentLength = regexp.MustCompile(`Content-Length: (\d+)`)

// starLength checks the length of one response and puts a star in its place.
func (p *player) starLength(got string) string {
	p.t.Helper()
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	if m := contentLength.FindStringSubmatch(got); m == nil || m[1] != strconv.Itoa(len(body)) {
		p.t.Fatalf("the body has %d bytes, not what the head says:\n%s", len(body), got)
	}
	return contentLength.ReplaceAllString(got, "Content-Length: *")
}

func (p *player) wasCalled(lines []line) {
	p.t.Helper()
	var want []string
	for _, l := range lines {
		if l.rest != "-" {
			want = append(want, l.rest)
		}
	}
	if got := p.env.taken(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		p.t.Fatalf("line %d: the environment was called\n%s\nwant\n%s", lines[0].number, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (p *player) single(l line) {
	p.t.Helper()
	if name, ok := strings.CutPrefix(l.verb, "@"); ok {
		if p.peers[name] == nil {
			p.peers[name] = p.pipes.peer()
		}
		p.peer = p.peers[name]
		return
	}
	switch l.verb {
	case "nothing":
		if got, closed := p.peer.received(); got != "" || closed {
			p.t.Fatalf("line %d: the server said %q (closed: %t), want nothing", l.number, got, closed)
		}
	case "closed", "open":
		if got, closed := p.peer.received(); got != "" || closed != (l.verb == "closed") {
			p.t.Fatalf("line %d: the server said %q (closed: %t), want nothing and %s", l.number, got, closed, l.verb)
		}
	case "hangup":
		p.peer.Close()
	case "pause":
		d, err := time.ParseDuration(l.rest)
		if err != nil {
			p.t.Fatalf("line %d: %v", l.number, err)
		}
		time.Sleep(d)
	case "offer":
		var inv lambda.Invocation
		p.decode(l, &inv)
		p.env.invocations <- &inv
	case "event":
		var e lambda.ExtensionEvent
		p.decode(l, &e)
		p.env.events <- e
	case "say":
		p.env.say(refusal(l.rest))
	case "slow":
		p.env.mu.Lock()
		p.env.slow = make(chan struct{})
		p.env.mu.Unlock()
	case "taken":
		p.env.slow <- struct{}{}
	case "release":
		if got := p.server.Release(); got != l.rest {
			p.t.Fatalf("line %d: the runtime release is %q, want %q", l.number, got, l.rest)
		}
	default:
		p.t.Fatalf("line %d: unknown verb %q", l.number, l.verb)
	}
}

// decode reads JSON in which payloads are written as text.
func (p *player) decode(l line, to any) {
	p.t.Helper()
	if inv, ok := to.(*lambda.Invocation); ok {
		with := struct {
			*lambda.Invocation
			Payload string
		}{Invocation: inv}
		if err := json.Unmarshal([]byte(l.rest), &with); err != nil {
			p.t.Fatalf("line %d: %v", l.number, err)
		}
		inv.Payload = []byte(with.Payload)
		return
	}
	if err := json.Unmarshal([]byte(l.rest), to); err != nil {
		p.t.Fatalf("line %d: %v", l.number, err)
	}
}

func refusal(text string) (string, error) {
	call, rest, _ := strings.Cut(text, " ")
	kind, message, _ := strings.Cut(rest, ": ")
	if kind == "broken" {
		return call, os.ErrInvalid
	}
	return call, &lambda.Refusal{Type: kind, Message: message}
}
