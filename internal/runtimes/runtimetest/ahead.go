package runtimetest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// SameAhead runs the job afresh and started ahead, and compares how both went.
// In the answers the folders of each run are called TASK and LAYER.
func SameAhead(t *testing.T, job Job) (fresh, ahead Outcome) {
	t.Helper()
	fresh = Run(t, job)
	job.Ahead = true
	ahead = Run(t, job)
	fresh.rename()
	ahead.rename()
	if fresh.Exit != ahead.Exit || fresh.Stdout != ahead.Stdout || fresh.Stderr != ahead.Stderr || len(fresh.Frames) != len(ahead.Frames) {
		t.Errorf("%s afresh: %s, stdout %q, stderr %q, frames %v; ahead: %s, stdout %q, stderr %q, frames %v", job.Runtime,
			fresh.Exit, fresh.Stdout, fresh.Stderr, fresh.Frames, ahead.Exit, ahead.Stdout, ahead.Stderr, ahead.Frames)
	}
	if len(fresh.Answers) != len(ahead.Answers) {
		t.Fatalf("%s afresh posted %v, ahead %v", job.Runtime, fresh.Answers, ahead.Answers)
	}
	for i, f := range fresh.Answers {
		if a := ahead.Answers[i]; a.Path != f.Path {
			t.Errorf("%s ahead posted to %s, want %s", job.Runtime, a.Path, f.Path)
		}
	}
	return fresh, ahead
}

func (o *Outcome) rename() {
	names := strings.NewReplacer(o.Task, "TASK", o.Layer, "LAYER")
	for i := range o.Answers {
		o.Answers[i].Body = names.Replace(o.Answers[i].Body)
	}
}

// Views compares answers that are JSON objects of what a function sees, name by
// name. differ lists those that must differ.
func Views(t *testing.T, fresh, ahead string, differ ...string) {
	t.Helper()
	var f, a map[string]any
	if err := json.Unmarshal([]byte(fresh), &f); err != nil {
		t.Fatalf("answer %q: %v", fresh, err)
	}
	if err := json.Unmarshal([]byte(ahead), &a); err != nil {
		t.Fatalf("answer %q: %v", ahead, err)
	}
	other := map[string]bool{}
	for _, name := range differ {
		other[name] = true
	}
	for name := range a {
		if _, has := f[name]; !has {
			t.Errorf("%s is there only when started ahead: %v", name, a[name])
		}
	}
	for name, want := range f {
		if same := reflect.DeepEqual(want, a[name]); same == other[name] {
			t.Errorf("%s: afresh %v, ahead %v; the same: %v, want %v", name, want, a[name], same, !other[name])
		}
	}
}
