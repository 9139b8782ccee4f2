package logline

import (
	"bytes"
	"encoding/json"
	"time"

	"lambent/internal/event"
)

// Level is how grave a log record is, in the numbers of the framed protocol.
type Level uint8

// The levels, from most detail to least.
const (
	Undefined Level = iota
	Trace
	Debug
	Info
	Warn
	Error
	Fatal
)

// String is the level's name as configurations write it, "" for Undefined.
func (l Level) String() string {
	switch l {
	case Undefined:
		return ""
	case Trace:
		return "TRACE"
	case Debug:
		return "DEBUG"
	case Info:
		return "INFO"
	case Warn:
		return "WARN"
	case Error:
		return "ERROR"
	case Fatal:
		return "FATAL"
	}
	return ""
}

// ParseLevel reads a level's name in any case, Undefined when it is none.
// WARNING and CRITICAL are what Python's JSON records say for WARN and FATAL.
func ParseLevel[T string | []byte](name T) Level {
	const longest = len("CRITICAL")
	if len(name) > longest {
		return Undefined
	}
	var upper [longest]byte
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	switch string(upper[:len(name)]) {
	case "TRACE":
		return Trace
	case "DEBUG":
		return Debug
	case "INFO":
		return Info
	case "WARN", "WARNING":
		return Warn
	case "ERROR":
		return Error
	case "FATAL", "CRITICAL":
		return Fatal
	}
	return Undefined
}

// LineLevel is the level that a function's line counts as: its frame's, or what
// a JSON object says of itself. Everything else is INFO, as is an object without
// a level or without a valid RFC 3339 time (docs/environment.md §7.4).
func LineLevel(line event.Line) Level {
	if l := ParseLevel(line.Level); l != Undefined {
		return l
	}
	if !IsObject(line.Text) {
		return Info
	}
	level, timed := Undefined, line.Framed
	members(line.Text, func(key, value []byte) {
		switch {
		case bytes.EqualFold(key, []byte("level")) && level == Undefined:
			level = ParseLevel(unquoted(value))
		case isTimeKey(key) && !timed:
			_, err := time.Parse(time.RFC3339Nano, string(unquoted(value)))
			timed = err == nil
		}
	})
	if level == Undefined || !timed {
		return Info
	}
	return level
}

// isTimeKey knows what the managed runtimes and the usual loggers call the time
// of a record.
func isTimeKey(key []byte) bool {
	return bytes.EqualFold(key, []byte("timestamp")) || bytes.EqualFold(key, []byte("time")) ||
		bytes.EqualFold(key, []byte("@timestamp"))
}

// SystemLevel is the level that AWS gives a platform event.
func SystemLevel(e event.Event) Level {
	switch r := e.Record.(type) {
	case event.InitStart:
		return either(r.RuntimeVersion != "", Info, Debug)
	case event.InitRuntimeDone:
		return either(r.Status == event.Success, Debug, Warn)
	case event.InitReport:
		if r.Status != event.Success {
			return Warn
		}
		return either(e.Origin.InitType == onDemand, Debug, Info)
	case event.Extension:
		return either(r.ErrorType == "", Info, Warn)
	case event.TelemetrySubscription, event.Start:
		return Info
	case event.LogsDropped:
		return Warn
	case event.RuntimeDone:
		return either(r.Status == event.Success, Debug, Warn)
	case event.Report:
		return either(r.Status == event.Success, Info, Warn)
	}
	return Undefined
}

const onDemand = "on-demand"

func either(cond bool, yes, no Level) Level {
	if cond {
		return yes
	}
	return no
}

// Wanted tells whether the log stream of the event's environment holds it.
// Levels exist in the JSON format only; an extension's lines have none.
func Wanted(e event.Event) bool {
	if e.Origin.LogFormat != formatJSON {
		return true
	}
	line, isLine := e.Record.(event.Line)
	switch {
	case !isLine:
		return SystemLevel(e) >= threshold(e.Origin.SystemLevel)
	case line.Extension:
		return true
	default:
		least := threshold(e.Origin.ApplicationLevel)
		return least <= Trace || LineLevel(line) >= least
	}
}

const formatJSON = "JSON"

// threshold is the least level of a configuration, whose default is INFO.
func threshold(configured string) Level {
	if l := ParseLevel(configured); l != Undefined {
		return l
	}
	return Info
}

// IsObject tells whether text is one valid JSON object, whatever space is
// around it.
func IsObject(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 1 && text[0] == '{' && json.Valid(text)
}

// members calls f for each member at the top of a valid JSON object; the key is
// without its quotes.
func members(object []byte, f func(key, value []byte)) {
	object = bytes.TrimSpace(object)
	rest := object[1 : len(object)-1]
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n,")
		if len(rest) == 0 {
			return
		}
		n := valueEnd(rest)
		key := unquoted(rest[:n])
		rest = bytes.TrimLeft(rest[n:], " \t\r\n:")
		n = valueEnd(rest)
		f(key, bytes.TrimSpace(rest[:n]))
		rest = rest[n:]
	}
}

// valueEnd is the length of the JSON value that b, which is valid, begins with.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// unquoted is a JSON string's inside as written, or what is no string unchanged.
func unquoted(value []byte) []byte {
	if len(value) >= 2 && value[0] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
