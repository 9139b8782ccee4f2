package telemetry

import (
	"encoding/json"
	"time"

	"lambent/internal/event"
	"lambent/internal/logline"
)

// The records of the Logs API, which knows fewer events than the Telemetry API
// and other members of some (docs/environment.md §4.5).
type (
	logsRecord struct {
		Time   string `json:"time"`
		Type   string `json:"type"`
		Record any    `json:"record"`
	}
	logsStart struct {
		RequestID string `json:"requestId"`
		Version   string `json:"version"`
	}
	logsEnd struct {
		RequestID string `json:"requestId"`
	}
	logsDone struct {
		RequestID string `json:"requestId"`
		Status    string `json:"status"`
	}
	logsReport struct {
		RequestID string       `json:"requestId"`
		Metrics   logsMetrics  `json:"metrics"`
		Tracing   *logsTracing `json:"tracing,omitempty"`
	}
	logsMetrics struct {
		Duration   float64 `json:"durationMs"`
		Billed     int64   `json:"billedDurationMs"`
		MemorySize int     `json:"memorySizeMB"`
		MemoryUsed int     `json:"maxMemoryUsedMB"`
		Init       float64 `json:"initDurationMs,omitempty"`
	}
	logsTracing struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
)

// logsRecords makes the records of an event. A report is two or three: the
// fault, the end and the report.
func logsRecords(e event.Event, schema string) [][]byte {
	switch r := e.Record.(type) {
	case event.Line, event.Extension, event.TelemetrySubscription, event.LogsDropped:
		return [][]byte{logline.AppendStringRecord(nil, e)}
	case event.Start:
		return [][]byte{logsEncode(e.Time, "platform.start", logsStart{r.RequestID, r.Version})}
	case event.RuntimeDone:
		if schema != "2021-03-18" {
			return nil
		}
		return [][]byte{logsEncode(e.Time, "platform.runtimeDone", logsDone{r.RequestID, string(r.Status)})}
	case event.Report:
		return logsReports(e.Time, r)
	}
	return nil
}

func logsReports(at time.Time, r event.Report) (records [][]byte) {
	if r.FaultText != "" {
		records = append(records, logsEncode(at, "platform.fault", r.FaultText))
	}
	report := logsReport{RequestID: r.RequestID, Metrics: logsMetrics{
		Duration: millis(r.Duration), Billed: r.Billed.Milliseconds(),
		MemorySize: r.MemorySize, MemoryUsed: r.MemoryUsed, Init: millis(r.Init),
	}}
	if r.Trace != "" {
		report.Tracing = &logsTracing{"X-Amzn-Trace-Id", r.Trace}
	}
	return append(records,
		logsEncode(at, "platform.end", logsEnd{r.RequestID}),
		logsEncode(at, "platform.report", report))
}

func logsEncode(at time.Time, kind string, record any) []byte {
	b, err := json.Marshal(logsRecord{at.UTC().Format("2006-01-02T15:04:05.000Z"), kind, record})
	if err != nil {
		return nil // structs of numbers and strings can be written
	}
	return b
}

// millis is a duration in milliseconds, to the hundredth.
func millis(d time.Duration) float64 { return float64(d.Round(10*time.Microsecond)) / 1e6 }
