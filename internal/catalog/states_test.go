package catalog_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"

	"lambent/internal/lambda"
)

// F035, F036, F037.
func TestCreatedFunctionIsPendingThenActive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		release := w.content.hold()
		defer release()
		created := w.create("f")
		want := [...]string{"Pending", "The function is being created.", "Creating", ""}
		if got := [...]string{string(created.State), created.StateReason, created.StateReasonCode, string(created.Update)}; got != want {
			t.Errorf("created: %q, want %q", got, want)
		}
		synctest.Wait()
		if got := w.get("f", ""); !reflect.DeepEqual(got, created) {
			t.Errorf("get while Pending: %+v, want what was created: %+v", got, created)
		}
		_, err := w.Resolve("f", "")
		refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. The function is currently in the following state: Pending")
		_, err = w.UpdateCode(t.Context(), "f", lambda.CodeUpdate{Package: zip("x")})
		refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. The function is currently in the following state: Pending")
		release()
		synctest.Wait()
		active := w.get("f", "")
		want = [...]string{"Active", "", "", "Successful"}
		if got := [...]string{string(active.State), active.StateReason, active.StateReasonCode, string(active.Update)}; got != want {
			t.Errorf("active: %q, want %q", got, want)
		}
		if active.RevisionID == created.RevisionID {
			t.Error("RevisionId is the same after activation")
		}
		if active.Generation != created.Generation {
			t.Error("activation changed the generation")
		}
	})
}

// F070, F071, F073, and invocations go on with what was there before.
func TestUpdateInProgress(t *testing.T) {
	updates := map[string]func(*world) (lambda.Version, error){
		"code": func(w *world) (lambda.Version, error) {
			return w.UpdateCode(w.t.Context(), "f", lambda.CodeUpdate{Package: zip("new")})
		},
		"settings": func(w *world) (lambda.Version, error) {
			return w.UpdateSettings(w.t.Context(), "f", lambda.Settings{Handler: to("new.handler")}, "")
		},
	}
	for name, update := range updates {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				before := w.active("f")
				release := w.content.hold()
				defer release()
				updated, err := update(w)
				if err != nil {
					t.Fatal(err)
				}
				want := [...]string{"Active", "InProgress", "The function is being created.", "Creating"}
				if got := [...]string{string(updated.State), string(updated.Update), updated.UpdateReason, updated.UpdateReasonCode}; got != want {
					t.Errorf("updated: %q, want %q", got, want)
				}
				synctest.Wait()
				if got := w.get("f", ""); !reflect.DeepEqual(got, updated) {
					t.Errorf("get while InProgress differs from the answer: %+v, want %+v", got, updated)
				}
				for _, again := range updates {
					_, err := again(w)
					refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. An update is in progress for resource: "+functionARN("f"))
				}
				_, err = w.PublishVersion(t.Context(), "f", "", "", "")
				refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. An update is in progress for resource: "+functionARN("f"))
				if v, err := w.Resolve("f", lambda.Latest); err != nil || !reflect.DeepEqual(*v, before) {
					t.Errorf("resolve while InProgress: %+v, %v; want %+v", v, err, before)
				}
				if got := w.observer.take(); len(got) != 0 {
					t.Errorf("retired while InProgress: %v", got)
				}
				release()
				synctest.Wait()
				after := w.get("f", "")
				if after.Update != lambda.UpdateSuccessful || after.UpdateReason != "" || after.UpdateReasonCode != "" || after.RevisionID == updated.RevisionID {
					t.Errorf("after the update: %+v; want Successful with a new RevisionId", after)
				}
				if v, err := w.Resolve("f", ""); err != nil || v.Generation != updated.Generation {
					t.Errorf("resolve after the update: %+v, %v; want generation %s", v, err, updated.Generation)
				}
				if got := w.observer.take(); !slices.Equal(got, []string{before.Generation}) {
					t.Errorf("retired %v, want %s", got, before.Generation)
				}
			})
		})
	}
}

// F072.
func TestRedundantUpdateIsAnUpdate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.active("f")
		after := w.update("f", lambda.CodeUpdate{Package: zip("code")})
		if after.Update != lambda.UpdateInProgress || after.RevisionID == before.RevisionID || after.Generation == before.Generation {
			t.Errorf("redundant update: %+v, want InProgress, a new RevisionId and generation", after)
		}
	})
}

func TestRestartFinishesWhatWasUnderWay(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.active("updated")
		release := w.content.hold()
		w.create("created", func(n *lambda.NewFunction) { n.Publish = true })
		w.update("updated", lambda.CodeUpdate{Package: zip("new"), Publish: true})
		synctest.Wait()
		w.restart()
		// Still held: nothing is lost, nothing is ahead of time.
		if v, err := w.Resolve("updated", ""); err != nil || !reflect.DeepEqual(*v, before) {
			t.Errorf("resolve after the restart: %+v, %v; want %+v", v, err, before)
		}
		if got := w.get("created", "").State; got != lambda.Pending {
			t.Errorf("created is %s after the restart, want Pending", got)
		}
		release()
		synctest.Wait()
		for _, name := range []string{"updated", "created"} {
			for _, qualifier := range []string{lambda.Latest, "1"} {
				v := w.get(name, qualifier)
				if v.State != lambda.Active || v.Update != lambda.UpdateSuccessful {
					t.Errorf("%s:%s is %s %s, want Active Successful", name, qualifier, v.State, v.Update)
				}
			}
		}
		if v, err := w.Resolve("updated", ""); err != nil || v.Generation == before.Generation {
			t.Errorf("resolve after the update: %+v, %v; want the new generation", v, err)
		}
	})
}

func TestPackageThatCannotBeUnpacked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.active("updated")
		w.content.fail(errors.New("disk on fire"))
		w.create("created")
		w.update("updated", lambda.CodeUpdate{Package: zip("new")})
		synctest.Wait()
		if v := w.get("created", ""); v.State != lambda.Failed || v.StateReasonCode != "InternalError" {
			t.Errorf("created: %s %s, want Failed InternalError", v.State, v.StateReasonCode)
		}
		_, err := w.Resolve("created", "")
		refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. The function is currently in the following state: Failed")
		if v := w.get("updated", ""); v.State != lambda.Active || v.Update != lambda.UpdateFailed || v.UpdateReasonCode != "InternalError" {
			t.Errorf("updated: %s %s %s, want Active Failed InternalError", v.State, v.Update, v.UpdateReasonCode)
		}
		if v, err := w.Resolve("updated", ""); err != nil || v.Generation != before.Generation {
			t.Errorf("resolve after a failed update: %v, %v; want what ran before", v, err)
		}
		if _, err := w.PublishVersion(t.Context(), "updated", "", "", ""); lambda.KindOf(err) != lambda.Conflict {
			t.Errorf("publish after a failed update: %v, want Conflict", err)
		}
		// The next update mends both.
		w.content.fail(nil)
		for _, name := range []string{"created", "updated"} {
			w.update(name, lambda.CodeUpdate{Package: zip("newer")})
		}
		synctest.Wait()
		for _, name := range []string{"created", "updated"} {
			if v, err := w.Resolve(name, ""); err != nil || v.State != lambda.Active || v.StateReason != "" || v.Update != lambda.UpdateSuccessful {
				t.Errorf("resolve %s after mending: %+v, %v", name, v, err)
			}
		}
	})
}

func TestDeletedAndMadeAgainWhilePending(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		release := w.content.hold()
		defer release()
		first := w.create("f")
		synctest.Wait()
		if err := w.DeleteFunction(t.Context(), "f", ""); err != nil {
			t.Fatal(err)
		}
		second := w.create("f") // F049
		release()
		synctest.Wait()
		v := w.get("f", "")
		if v.Generation != second.Generation || v.State != lambda.Active {
			t.Errorf("f: generation %s %s, want %s Active", v.Generation, v.State, second.Generation)
		}
		if got := w.observer.take(); !slices.Equal(got, []string{first.Generation}) {
			t.Errorf("retired %v, want %s", got, first.Generation)
		}
	})
}

func TestManyAtOnceAllBecomeActive(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		release := w.content.hold()
		defer release()
		for i := range 20 {
			w.create(string(rune('a' + i)))
		}
		release()
		synctest.Wait()
		all, _, err := w.Functions(t.Context(), lambda.FunctionFilter{})
		if err != nil || len(all) != 20 {
			t.Fatalf("%d functions, %v; want 20", len(all), err)
		}
		for _, v := range all {
			if v.State != lambda.Active {
				t.Errorf("%s is %s, want Active", v.Function, v.State)
			}
		}
		if w.content.open != 0 {
			t.Errorf("%d folders not released", w.content.open)
		}
	})
}
