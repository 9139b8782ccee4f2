package schedule

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"lambent/internal/lambda"
)

// event is what EventBridge makes of a tick. Its members are in AWS's order.
type event struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     any      `json:"detail"`
}

func ruleARN(h lambda.Home, name string) string {
	return "arn:" + h.Partition + ":events:" + h.Region + ":" + h.Account + ":rule/" + name
}

// ScheduleARN names a schedule.
func ScheduleARN(h lambda.Home, group, name string) string {
	return "arn:" + h.Partition + ":scheduler:" + h.Region + ":" + h.Account + ":schedule/" + group + "/" + name
}

// stamp is how events say a time.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func ruleEvent(h lambda.Home, rule, id string, tick time.Time) []byte {
	return encode(event{"0", id, "Scheduled Event", "aws.events", h.Account, stamp(tick), h.Region, []string{ruleARN(h, rule)}, struct{}{}})
}

// schedulePayload is a schedule's Input with its keywords replaced, or an event.
func schedulePayload(h lambda.Home, s lambda.Schedule, id string, tick time.Time) []byte {
	arn := ScheduleARN(h, s.Group, s.Name)
	if s.Target.Input == "" {
		return encode(event{"0", id, "Scheduled Event", "aws.scheduler", h.Account, stamp(tick), h.Region, []string{arn}, "{}"})
	}
	return []byte(strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", arn,
		"<aws.scheduler.scheduled-time>", stamp(tick),
		"<aws.scheduler.execution-id>", executionID(id),
		"<aws.scheduler.attempt-number>", "1", // the queue takes it at the first attempt
	).Replace(s.Target.Input))
}

// executionID is 16 hexadecimal digits.
func executionID(uuid string) string { return strings.ReplaceAll(uuid, "-", "")[:16] }

func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // texts: cannot fail
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// payloadFor is what a target of a rule gets of the event.
func payloadFor(h lambda.Home, rule string, t lambda.RuleTarget, event []byte, tick time.Time) []byte {
	switch {
	case t.Input != "":
		return []byte(t.Input)
	case t.InputPath != "":
		part, ok := find(event, t.InputPath)
		if !ok {
			return []byte("null")
		}
		return part
	case t.Template != nil:
		return transform(h, rule, *t.Template, event, tick)
	}
	return event
}

// find follows a path ($, $.detail, $.resources[0], $['detail-type']) into a document.
func find(document []byte, path string) (json.RawMessage, bool) {
	steps, ok := parsePath(path)
	at := json.RawMessage(document)
	for _, step := range steps {
		if i, err := strconv.Atoi(step); err == nil {
			var list []json.RawMessage
			if json.Unmarshal(at, &list) == nil && i >= 0 && i < len(list) {
				at = list[i]
				continue
			}
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(at, &object) != nil || object[step] == nil {
			return nil, false
		}
		at = object[step]
	}
	return at, ok
}

// parsePath takes a path apart.
func parsePath(path string) (steps []string, ok bool) {
	rest, ok := strings.CutPrefix(path, "$")
	for ok && rest != "" {
		var step string
		if inner, bracket := strings.CutPrefix(rest, "["); bracket {
			step, rest, ok = strings.Cut(inner, "]")
			if quoted, is := strings.CutPrefix(step, "'"); is {
				step, ok = strings.CutSuffix(quoted, "'")
			}
		} else if inner, dot := strings.CutPrefix(rest, "."); dot {
			end := strings.IndexAny(inner, ".[")
			if end < 0 {
				end = len(inner)
			}
			step, rest = inner[:end], inner[end:]
		} else {
			return nil, false
		}
		ok = ok && step != ""
		steps = append(steps, step)
	}
	return steps, ok
}

// transform puts parts of the event into a template (EventBridge user guide,
// "Input transformation"): inside a JSON string a part goes in as text, elsewhere
// as the JSON that it is. What is not JSON in the end becomes a JSON string.
func transform(h lambda.Home, rule string, t lambda.InputTemplate, event []byte, tick time.Time) []byte {
	parts := map[string]json.RawMessage{
		"aws.events.rule-arn":             encode(ruleARN(h, rule)),
		"aws.events.rule-name":            encode(rule),
		"aws.events.event.ingestion-time": encode(stamp(tick)),
		"aws.events.event":                event, // with a schedule, the same without detail: it has none
		"aws.events.event.json":           event,
	}
	for name, path := range t.Paths {
		if part, ok := find(event, path); ok {
			parts[name] = part
		}
	}
	var out []byte
	quoted := false
	for text := t.Text; text != ""; {
		switch name, rest, ok := placeholder(text, parts, t.Paths); {
		case ok && quoted:
			out, text = append(out, inside(parts[name])...), rest
		case ok && parts[name] == nil:
			out, text = append(out, `""`...), rest
		case ok:
			out, text = append(out, parts[name]...), rest
		case text[0] == '\\' && len(text) > 1:
			out, text = append(out, text[:2]...), text[2:]
		default:
			if text[0] == '"' {
				quoted = !quoted
			}
			out, text = append(out, text[0]), text[1:]
		}
	}
	if !json.Valid(out) {
		return encode(string(out))
	}
	return out
}

// placeholder reads <name> at the beginning of a text.
func placeholder(text string, parts map[string]json.RawMessage, paths map[string]string) (name, rest string, ok bool) {
	inner, begins := strings.CutPrefix(text, "<")
	if !begins {
		return "", "", false
	}
	name, rest, ok = strings.Cut(inner, ">")
	_, path := paths[name]
	return name, rest, ok && (path || parts[name] != nil)
}

// inside is a part as it stands between the quotes of a JSON string.
func inside(part json.RawMessage) []byte {
	var text string
	if json.Unmarshal(part, &text) != nil {
		text = string(part)
	}
	quoted := encode(text)
	return quoted[1 : len(quoted)-1]
}
