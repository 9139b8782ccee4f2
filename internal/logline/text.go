package logline

import (
	"strconv"
	"strings"
	"time"

	"lambent/internal/event"
)

// Style is how a failure looks in the text format.
type Style struct {
	// OldFaults writes a failure as AWS did before 2024: lines of its own
	// ("Task timed out after 3.00 seconds") instead of Status and Error Type in
	// REPORT. Tools that search for those lines still need it.
	OldFaults bool
}

// AppendMessages appends the messages that the event puts into its log stream,
// in the format of its environment, and their ends within dst to ends. Most
// events have one message or none; a report has two or three. Whether the level
// is wanted is not asked here.
func AppendMessages(dst []byte, ends []int, e event.Event, style Style) ([]byte, []int) {
	begin := len(dst)
	line, isLine := e.Record.(event.Line)
	switch {
	case isLine:
		dst = append(dst, line.Text...)
	case suppressed(e.Record):
	case e.Origin.LogFormat == formatJSON:
		if dst = appendPlatform(dst, e); len(dst) > begin {
			dst = append(dst, '\n')
		}
	default:
		return appendText(dst, ends, e, style)
	}
	if len(dst) > begin {
		ends = append(ends, len(dst))
	}
	return dst, ends
}

// suppressed is an Init inside an invocation: its start is told to telemetry
// only (docs/environment.md §1.4).
func suppressed(r event.Record) bool {
	init, ok := r.(event.InitStart)
	return ok && init.Phase == event.PhaseInvoke
}

func appendText(dst []byte, ends []int, e event.Event, style Style) ([]byte, []int) {
	begin := len(dst)
	switch r := e.Record.(type) {
	case event.InitStart:
		dst = appendInitStart(dst, r)
	case event.InitReport:
		dst = appendInitReport(dst, e.Origin, r)
	case event.Extension:
		dst = appendExtension(dst, r)
	case event.TelemetrySubscription:
		dst = appendSubscription(dst, r)
	case event.LogsDropped:
		dst = appendLogsDropped(dst, r)
	case event.Start:
		dst = append(dst, "START RequestId: "...)
		dst = append(dst, r.RequestID...)
		dst = append(dst, " Version: "...)
		dst = append(dst, r.Version...)
		dst = append(dst, '\n')
	case event.Report:
		return appendEnd(dst, ends, e.Time, r, style)
	}
	if len(dst) > begin {
		ends = append(ends, len(dst))
	}
	return dst, ends
}

// appendInitStart writes nothing where there is no version to show, as AWS does
// for container images.
func appendInitStart(dst []byte, r event.InitStart) []byte {
	if r.RuntimeVersion == "" {
		return dst
	}
	dst = append(dst, "INIT_START Runtime Version: "...)
	dst = append(dst, r.RuntimeVersion...)
	dst = append(dst, "\tRuntime Version ARN: "...)
	dst = append(dst, r.RuntimeVersionARN...)
	return append(dst, '\n')
}

// appendInitReport writes nothing for an on-demand Init that went well
// (docs/environment.md §1.4).
func appendInitReport(dst []byte, origin *event.Origin, r event.InitReport) []byte {
	if r.Status == event.Success && origin.InitType == onDemand {
		return dst
	}
	dst = append(dst, "INIT_REPORT Init Duration: "...)
	dst = appendMillis(dst, r.Duration)
	dst = append(dst, "\tPhase: "...)
	dst = append(dst, r.Phase...)
	dst = append(dst, "\tStatus: "...)
	dst = append(dst, r.Status...)
	// A timeout is its own explanation, although telemetry has a type for it.
	if r.ErrorType != "" && r.Status != event.Timeout {
		dst = append(dst, "\tError Type: "...)
		dst = append(dst, r.ErrorType...)
	}
	return append(dst, '\n')
}

func appendExtension(dst []byte, r event.Extension) []byte {
	dst = append(dst, "EXTENSION\tName: "...)
	dst = append(dst, r.Name...)
	dst = append(dst, "\tState: "...)
	dst = append(dst, r.State...)
	dst = append(dst, "\tEvents: ["...)
	dst = appendList(dst, r.Events)
	dst = append(dst, ']')
	if r.ErrorType != "" {
		dst = append(dst, "\tError Type: "...)
		dst = append(dst, r.ErrorType...)
	}
	return append(dst, '\n')
}

func appendSubscription(dst []byte, r event.TelemetrySubscription) []byte {
	if r.LogsAPI {
		dst = append(dst, "LOGS\tName: "...)
	} else {
		dst = append(dst, "TELEMETRY\tName: "...)
	}
	dst = append(dst, r.Name...)
	dst = append(dst, "\tState: "...)
	dst = append(dst, r.State...)
	dst = append(dst, "\tTypes: ["...)
	begin := len(dst)
	dst = appendList(dst, r.Types)
	capitalise(dst[begin:])
	return append(dst, "]\n"...)
}

// capitalise turns "platform, function" into "Platform, Function", which is how
// this one line writes the types.
func capitalise(list []byte) {
	for i, c := range list {
		if (i == 0 || list[i-1] == ' ') && 'a' <= c && c <= 'z' {
			list[i] = c - ('a' - 'A')
		}
	}
}

// appendLogsDropped is Lambent's own line: AWS tells telemetry of dropped
// records and has no text for it.
func appendLogsDropped(dst []byte, r event.LogsDropped) []byte {
	dst = append(dst, "LOGS_DROPPED Records: "...)
	dst = strconv.AppendInt(dst, r.Records, 10)
	dst = append(dst, "\tBytes: "...)
	dst = strconv.AppendInt(dst, r.Bytes, 10)
	dst = append(dst, "\tReason: "...)
	dst = append(dst, r.Reason...)
	return append(dst, '\n')
}

// appendEnd writes END and REPORT, and before them the fault in the old style.
func appendEnd(dst []byte, ends []int, t time.Time, r event.Report, style Style) ([]byte, []int) {
	if style.OldFaults && r.FaultText != "" {
		dst = appendOldFault(dst, t, r)
		ends = append(ends, len(dst))
	}
	dst = append(dst, "END RequestId: "...)
	dst = append(dst, r.RequestID...)
	dst = append(dst, '\n')
	ends = append(ends, len(dst))
	dst = appendReport(dst, r, style)
	return dst, append(ends, len(dst))
}

func appendOldFault(dst []byte, t time.Time, r event.Report) []byte {
	if r.Status == event.Timeout {
		dst = t.UTC().AppendFormat(dst, timeLayout)
		dst = append(dst, ' ')
		dst = append(dst, r.RequestID...)
		dst = append(dst, ' ')
		dst = append(dst, r.FaultText...)
		return append(dst, "\n\n"...)
	}
	dst = append(dst, "RequestId: "...)
	dst = append(dst, r.RequestID...)
	dst = append(dst, " Error: "...)
	dst = append(dst, r.FaultText...)
	dst = append(dst, '\n')
	dst = append(dst, r.ErrorType...)
	return append(dst, '\n')
}

// appendReport ends a good invocation's line with a tab before the newline
// (F273) and a failed one's without, as recorded on AWS in September 2025.
func appendReport(dst []byte, r event.Report, style Style) []byte {
	dst = append(dst, "REPORT RequestId: "...)
	dst = append(dst, r.RequestID...)
	dst = append(dst, "\tDuration: "...)
	dst = appendMillis(dst, r.Duration)
	dst = append(dst, "\tBilled Duration: "...)
	dst = strconv.AppendInt(dst, r.Billed.Milliseconds(), 10)
	dst = append(dst, " ms\tMemory Size: "...)
	dst = strconv.AppendInt(dst, int64(r.MemorySize), 10)
	dst = append(dst, " MB\tMax Memory Used: "...)
	dst = strconv.AppendInt(dst, int64(r.MemoryUsed), 10)
	dst = append(dst, " MB\t"...)
	if r.Init > 0 {
		dst = append(dst, "Init Duration: "...)
		dst = appendMillis(dst, r.Init)
		dst = append(dst, '\t')
	}
	if r.Status != event.Success && !style.OldFaults {
		dst = append(dst, "Status: "...)
		dst = append(dst, r.Status...)
		if r.ErrorType != "" && r.Status != event.Timeout {
			dst = append(dst, "\tError Type: "...)
			dst = append(dst, r.ErrorType...)
		}
	}
	dst = append(dst, '\n')
	return appendXRay(dst, r.Trace)
}

// appendXRay adds the second line that the report of a sampled trace has.
func appendXRay(dst []byte, trace string) []byte {
	root := traceField(trace, "Root")
	if root == "" || traceField(trace, "Sampled") != "1" {
		return dst
	}
	dst = append(dst, "XRAY TraceId: "...)
	dst = append(dst, root...)
	dst = append(dst, "\tSegmentId: "...)
	dst = append(dst, traceField(trace, "Parent")...)
	return append(dst, "\tSampled: true\t\n"...)
}

// traceField reads a field of a tracing header, "Root=…;Parent=…;Sampled=1".
func traceField(trace, name string) string {
	for field := range strings.SplitSeq(trace, ";") {
		if key, value, ok := strings.Cut(field, "="); ok && key == name {
			return value
		}
	}
	return ""
}

func appendMillis(dst []byte, d time.Duration) []byte {
	dst = strconv.AppendFloat(dst, float64(d)/float64(time.Millisecond), 'f', 2, 64)
	return append(dst, " ms"...)
}

func appendList(dst []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, v...)
	}
	return dst
}
