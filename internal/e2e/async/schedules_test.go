package async

import (
	_ "embed"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/rules.py
var rulesCode string

//go:embed testdata/schedules.py
var schedulesCode string

// TestRules makes rules with boto3 and waits for a minute to come.
func TestRules(t *testing.T) {
	t.Parallel()
	s := own(t)
	rec := s.deploy(t, "f", nil)
	boto3(t, s, rulesCode, arn+"f")
	eventually(t, "a tick", func() bool { return len(rec.runs()) >= 3 })
	for _, r := range rec.runs()[:3] {
		var event struct {
			Source, Time, Account, Region string
			DetailType                    string `json:"detail-type"`
			Resources                     []string
		}
		if err := json.Unmarshal([]byte(r.payload), &event); err != nil {
			t.Errorf("payload %s: %v", r.payload, err)
		}
		switch {
		case r.n == 2 && r.payload == `{"n": 2}`:
		case r.n == 3 && strings.HasSuffix(event.Time, ":00Z"):
		case r.n == 0 && event.Source == "aws.events" && event.DetailType == "Scheduled Event" && strings.HasSuffix(event.Time, ":00Z") &&
			event.Account == "000000000000" && event.Region == "us-east-1" && len(event.Resources) == 1 &&
			event.Resources[0] == "arn:aws:events:us-east-1:000000000000:rule/minutely":
		default:
			t.Errorf("the function got %s", r.payload)
		}
	}
}

// TestScheduleSurvivesKill makes schedules with boto3 and kills the server before
// the one is due: it comes once all the same, and is gone then.
func TestScheduleSurvivesKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := launch(t, dir)
	rec := s.deploy(t, "f", nil)
	boto3(t, s, schedulesCode, arn+"f", "3")
	s.kill()
	s = launch(t, dir)
	defer func() { s.stop() }()
	eventually(t, "the schedule", func() bool { return len(rec.runs()) > 0 })
	s.kill()
	s = launch(t, dir)
	// What else were due would come before an event of now.
	mustSend(t, s, "f", `{"n": 8}`)
	eventually(t, "another event", func() bool { return rec.runs()[len(rec.runs())-1].n == 8 })
	runs := rec.runs()
	var event struct{ At, Of string }
	if err := json.Unmarshal([]byte(runs[0].payload), &event); err != nil || event.Of != "arn:aws:scheduler:us-east-1:000000000000:schedule/default/once" {
		t.Errorf("the function got %s", runs[0].payload)
	}
	if _, err := time.Parse(time.RFC3339, event.At); err != nil || len(runs) > 3 {
		// The kill may have come between the function's answer and its being known.
		t.Errorf("at %q; runs: %+v", event.At, runs)
	}
	for _, r := range runs[:len(runs)-1] {
		if r.id != runs[0].id {
			t.Errorf("two ticks: %+v", runs)
		}
	}
}
