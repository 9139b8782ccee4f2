package asyncq

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// TestFire: what a tick asks for is run, at its moment, and over a restart too; what
// has no function becomes a dead letter with the attributes of who asked.
func TestFire(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		rules := w.store.(store.Rules)
		if err := rules.PutRule(ctx, lambda.Rule{Name: "r"}); err != nil {
			t.Fatal(err)
		}
		due := func(id, function string, in time.Duration) lambda.Due {
			return lambda.Due{
				Function: lambda.Reference{Name: function}, At: time.Now().Add(in),
				Invocation: lambda.Invocation{RequestID: id, Payload: []byte(`"` + id + `"`)},
			}
		}
		lost := due("lost", "gone", 0)
		lost.Undeliverable = &lambda.DeadLetter{Code: 404, Message: "not here"}
		lost.DeadLetter, lost.Attributes = "arn:aws:sqs:us-east-1:111111111111:q", map[string]string{"RULE_ARN": "r"}
		tick := store.Tick{Key: store.RuleKey("r"), At: time.Now()}
		if fired, err := w.queue.Fire(ctx, tick, []lambda.Due{due("now", "f", 0), due("later", "f", time.Minute), lost}); err != nil || !fired {
			t.Fatalf("Fire: %v, %v", fired, err)
		}
		time.Sleep(time.Second)
		w.shut(time.Second)
		w.open()
		time.Sleep(2 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.calls) != 2 || w.calls[0].inv.RequestID != "now" || w.calls[0].at != 0 || w.calls[1].inv.RequestID != "later" || w.calls[1].at != time.Minute {
			t.Errorf("calls %+v, want one now and one after a minute", w.calls)
		}
		if len(w.delivered) != 1 {
			t.Fatalf("delivered %+v, want one dead letter", w.delivered)
		}
		if w.counts["accepted"] != 2 {
			t.Errorf("%d accepted, want those that have a function", w.counts["accepted"])
		}
		d := w.delivered[0]
		if d.Target != lost.DeadLetter || string(d.Body) != `"lost"` || fmt.Sprint(d.Attributes) != "map[RULE_ARN:r]" {
			t.Errorf("delivered %+v", d)
		}
	})
}

// TestLateDeadLetter: a dead letter that is due in half a day, as the last of a flexible
// window is, is tried as long as others from then on.
func TestLateDeadLetter(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		if err := w.store.(store.Rules).PutRule(t.Context(), lambda.Rule{Name: "r"}); err != nil {
			t.Fatal(err)
		}
		down := w.start.Add(13 * time.Hour)
		w.deliver = func(lambda.Delivery) error {
			if time.Now().Before(down) {
				return errors.New("down")
			}
			return nil
		}
		lost := lambda.Due{
			Function: lambda.Reference{Name: "gone"}, At: time.Now().Add(12 * time.Hour), Invocation: lambda.Invocation{RequestID: "lost", Payload: []byte("1")},
			Undeliverable: &lambda.DeadLetter{Code: 404}, DeadLetter: "arn:aws:sqs:us-east-1:111111111111:q", Attributes: map[string]string{"RULE_ARN": "r"},
		}
		if fired, err := w.queue.Fire(t.Context(), store.Tick{Key: store.RuleKey("r"), At: time.Now()}, []lambda.Due{lost}); err != nil || !fired {
			t.Fatalf("Fire: %v, %v", fired, err)
		}
		w.wait(14 * time.Hour)
		w.wantLeft(0, 0)
		if len(w.counts) != 0 {
			t.Errorf("counted %v for a function that is not there", w.counts)
		}
	})
}

// TestFireOfNothing: a rule that was deleted meanwhile makes no events.
func TestFireOfNothing(t *testing.T) {
	t.Parallel()
	play(t, func(t *testing.T, w *world) {
		fired, err := w.queue.Fire(t.Context(), store.Tick{Key: store.RuleKey("gone"), At: time.Now()}, []lambda.Due{{Function: lambda.Reference{Name: "f"}}})
		if fired || err != nil {
			t.Errorf("Fire: %v, %v", fired, err)
		}
		time.Sleep(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.calls) != 0 {
			t.Errorf("calls %+v, want none", w.calls)
		}
	})
}
