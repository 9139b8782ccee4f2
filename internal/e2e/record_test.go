package e2e

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lambent/internal/logs"
)

// stream is a log stream: what one environment wrote.
type stream struct {
	name  string
	lines []string
}

// text is the stream with every message on lines of its own.
func (s stream) text() string {
	var all strings.Builder
	for _, line := range s.lines {
		all.WriteString(strings.TrimSuffix(line, "\n"))
		all.WriteByte('\n')
	}
	return all.String()
}

// streams reads what the server has written of a function, the oldest first.
func (s *server) streams(t *testing.T, group string) []stream {
	t.Helper()
	reader, err := logs.Open(logs.Config{Folder: filepath.Join(s.dir, "logs")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	ctx := context.WithoutCancel(t.Context())
	listed, err := reader.Streams(ctx, group)
	if errors.Is(err, logs.ErrNoGroup) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []stream
	for _, one := range slices.Backward(listed) {
		page, err := reader.Read(ctx, group, one.Name, logs.Query{})
		if errors.Is(err, logs.ErrNoStream) {
			continue // the server was about to write its first record
		}
		if err != nil {
			t.Fatal(err)
		}
		read := stream{name: one.Name}
		for _, r := range page.Records {
			read.lines = append(read.lines, r.Message)
		}
		all = append(all, read)
	}
	return all
}

// log is all that the server has written of a function.
func (s *server) log(t *testing.T, name string) string {
	t.Helper()
	var all strings.Builder
	for _, one := range s.streams(t, "/aws/lambda/"+name) {
		all.WriteString(one.text())
	}
	return all.String()
}

// patience is how long a test waits for what must come; it decides nothing when
// things are well.
const patience = 2 * time.Minute

// eventually waits until the server has come to something that it does not tell
// anybody about.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// waitLog waits until a function's log has the text, and gives the log.
func (s *server) waitLog(t *testing.T, name, text string) string {
	t.Helper()
	var log string
	end := time.Now().Add(patience)
	for log = s.log(t, name); !strings.Contains(log, text); log = s.log(t, name) {
		if time.Now().After(end) {
			t.Fatalf("the log of %s never has %q:\n%s\nserver: %s", name, text, log, s.said)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return log
}

var (
	reportLine = regexp.MustCompile(`(?m)^REPORT RequestId: (` + uuid + `)\tDuration: (\d+\.\d\d) ms\tBilled Duration: (\d+) ms\t` +
		`Memory Size: (\d+) MB\tMax Memory Used: (\d+) MB\t(?:Init Duration: (\d+\.\d\d) ms\t)?(?:Status: (\w+)(?:\tError Type: ([\w.]+))?)?$`)
)

const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

// report is a REPORT line.
type report struct {
	requestID                string
	duration                 float64 // ms
	billed, memory, used     int
	init                     float64 // ms; 0 without
	status, errorType, whole string
}

// reports finds the REPORT lines of a log.
func reports(t *testing.T, log string) []report {
	t.Helper()
	var all []report
	for _, m := range reportLine.FindAllStringSubmatch(log, -1) {
		all = append(all, report{
			requestID: m[1], duration: decimal(t, m[2]), billed: int(decimal(t, m[3])), memory: int(decimal(t, m[4])),
			used: int(decimal(t, m[5])), init: decimal(t, or(m[6], "0")), status: m[7], errorType: m[8], whole: m[0],
		})
	}
	return all
}

// report is the one REPORT line of the call's log tail.
func (r reply) report(t *testing.T) report {
	t.Helper()
	all := reports(t, r.log)
	if len(all) != 1 {
		t.Fatalf("%d REPORT lines in\n%s", len(all), r.log)
	}
	return all[0]
}

func decimal(t *testing.T, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
