package catalog_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"lambent/internal/lambda"
)

// Those who reserve at the same time get no more than there is.
func TestReservingAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const callers, each = 12, 100
		for i := range callers {
			w.create(fmt.Sprint("f", i))
		}
		var all sync.WaitGroup
		var got atomic.Int64
		for i := range callers {
			all.Go(func() {
				if err := w.Reserve(t.Context(), fmt.Sprint("f", i), each); err == nil {
					got.Add(1)
				}
			})
		}
		all.Wait()
		usage, err := w.Usage(t.Context())
		if want := (lambda.DefaultConcurrency - lambda.UnreservedFloor) / each; err != nil || got.Load() != int64(want) || usage.Reserved != want*each {
			t.Errorf("%d callers reserved %d together (%v), want %d callers", got.Load(), usage.Reserved, err, want)
		}
	})
}

// What belongs to a function and to its versions survives a restart, and goes
// with what it belongs to.
func TestWhatBelongsToAFunction(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.versions("f")
		ctx := t.Context()
		config, err := w.CreateCodeSigningConfig(ctx, lambda.CodeSigningChange{Publishers: &[]string{"p"}, Tags: map[string]string{"a": "b"}})
		if err != nil {
			t.Fatal(err)
		}
		permission := lambda.Permission{StatementID: "s", Action: "lambda:InvokeFunction", Principal: "*"}
		url, err := w.CreateURL(ctx, "f", "", lambda.FunctionURLChange{AuthType: to("NONE")})
		if err != nil {
			t.Fatal(err)
		}
		_, permit := w.AddPermission(ctx, "f", "1", permission)
		for act, err := range map[string]error{
			"reserve": w.Reserve(ctx, "f", 3), "loop": w.SetRecursiveLoop(ctx, "f", "Allow"), "attach": w.AttachCodeSigningConfig(ctx, "f", config.ARN),
			"runtime": w.SetRuntimeUpdate(ctx, "f", "2", lambda.RuntimeUpdate{Mode: "FunctionUpdate"}), "permit": permit,
		} {
			if err != nil {
				t.Fatalf("%s: %v", act, err)
			}
		}
		w.restart()
		if n, set := w.Reserved("f"); n != 3 || !set {
			t.Errorf("reserved %d %v, want 3", n, set)
		}
		if loop, err := w.RecursiveLoop(ctx, "f"); loop != "Allow" {
			t.Errorf("loop %q %v, want Allow", loop, err)
		}
		if arn, err := w.AttachedCodeSigningConfig(ctx, "f"); arn != config.ARN {
			t.Errorf("config %q %v, want %q", arn, err, config.ARN)
		}
		if got, err := w.CodeSigningConfig(ctx, config.ARN); err != nil || fmt.Sprint(got) != fmt.Sprint(config) {
			t.Errorf("config %+v %v, want %+v", got, err, config)
		}
		if u, err := w.RuntimeUpdate(ctx, "f", "2"); u.Mode != "FunctionUpdate" {
			t.Errorf("runtime update %+v %v, want FunctionUpdate", u, err)
		}
		if target, ok := w.URLByID(url.ID); !ok || target.Function != "f" || target.URL.AuthType != "NONE" {
			t.Errorf("URL %s leads to %+v %v", url.ID, target, ok)
		}
		if p, err := w.Policy(ctx, "f", "1"); err != nil || len(p.Statements) != 1 {
			t.Errorf("policy of version 1: %+v %v", p, err)
		}
		if err := w.DeleteFunction(ctx, "f", ""); err != nil {
			t.Fatal(err)
		}
		if target, ok := w.URLByID(url.ID); ok {
			t.Errorf("the URL of a deleted function leads to %+v", target)
		}
		w.versions("f")
		_, err = w.Policy(ctx, "f", "1")
		refused(t, err, lambda.NotFound, "The resource you requested does not exist.")
		if n, set := w.Reserved("f"); set {
			t.Errorf("a new function has the %d reserved of its predecessor", n)
		}
	})
}
