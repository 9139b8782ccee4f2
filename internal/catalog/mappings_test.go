package catalog_test

import (
	"testing"
	"time"

	"lambent/internal/lambda"
)

// TestMappingsSurvive: a mapping outlives the process, and what was on its way
// when it ended comes to rest in the next.
func TestMappingsSurvive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("f")
		made := func(queue string) lambda.EventSourceMapping {
			m, err := w.CreateMapping(t.Context(), lambda.NewMapping{
				Function: lambda.Reference{Name: "f"}, Source: lambda.EventSource{ARN: "arn:aws:sqs:eu-west-1:123456789012:" + queue},
			})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		rested, leaving, passing := made("rested"), made("leaving"), made("passing")
		time.Sleep(time.Second)
		if _, err := w.DeleteMapping(t.Context(), leaving.UUID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UpdateMapping(t.Context(), passing.UUID, lambda.MappingChange{Enabled: to(false)}); err != nil {
			t.Fatal(err)
		}
		w.restart()
		time.Sleep(time.Second)
		for id, want := range map[string]string{rested.UUID: lambda.MappingEnabled, passing.UUID: lambda.MappingDisabled} {
			if m, err := w.Mapping(t.Context(), id); err != nil || m.State != want {
				t.Errorf("after a restart the mapping is %s (%v), want %s", m.State, err, want)
			}
		}
		_, err := w.Mapping(t.Context(), leaving.UUID)
		refused(t, err, lambda.NotFound, "The resource you requested does not exist.")
	})
}
