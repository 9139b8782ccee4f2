package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"lambent/internal/lambda"
)

// waitActive lets the activators finish.
func waitActive(w *world) {
	w.t.Helper()
	synctest.Wait()
}

// F048, F091.
func TestCreateAndPublish(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		first := w.create("f", func(n *lambda.NewFunction) { n.Publish = true })
		if first.Number != "1" || first.State != lambda.Pending || first.StateReasonCode != "Creating" {
			t.Errorf("created: %s %s, want 1 Pending", first.Number, first.State)
		}
		waitActive(w)
		again := w.publish("f", "")
		if again.Number != "1" || again.State != lambda.Active || again.Update != lambda.UpdateSuccessful {
			t.Errorf("published again: %s %s %s, want 1 Active Successful", again.Number, again.State, again.Update)
		}
		latest := w.get("f", "$LATEST")
		if latest.Generation == again.Generation || latest.RevisionID == again.RevisionID {
			t.Error("version 1 and $LATEST share a generation or a RevisionId")
		}
	})
}

// F075.
func TestUpdateAndPublish(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("f")
		release := w.content.hold()
		defer release()
		v := w.update("f", lambda.CodeUpdate{Package: zip("two"), Publish: true})
		if v.Number != "1" || v.State != lambda.Pending || v.StateReason != "The function is being created." || v.Update != "" || v.UpdateReason != "" {
			t.Errorf("published: %+v, want version 1 Pending without an update status", v)
		}
		if latest := w.get("f", ""); latest.State != lambda.Active || latest.Update != lambda.UpdateInProgress || latest.Code != v.Code {
			t.Errorf("$LATEST: %s %s, want Active InProgress with the new code", latest.State, latest.Update)
		}
		_, err := w.Resolve("f", "1")
		refused(t, err, lambda.Conflict, "The operation cannot be performed at this time. The function is currently in the following state: Pending")
		release()
		waitActive(w)
		for _, qualifier := range []string{"", "1"} {
			if v := w.get("f", qualifier); v.State != lambda.Active || v.Update != lambda.UpdateSuccessful {
				t.Errorf("%q: %s %s, want Active Successful", qualifier, v.State, v.Update)
			}
		}
		same := w.update("f", lambda.CodeUpdate{Package: zip("two"), Publish: true})
		if same.Number != "1" {
			t.Errorf("publishing the same code made version %s, want 1", same.Number)
		}
	})
}

// F090, F092, F095, and what "nothing has changed" means.
func TestPublishVersion(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		latest := w.active("f", func(n *lambda.NewFunction) { n.Settings.Description = to("of latest") })
		_, err := w.PublishVersion(t.Context(), "f", "", "somenonexistentsha256", "")
		refused(t, err, lambda.InvalidParameter, "CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST ("+latest.Code.SHA256+"). "+
			"Please try again with the CodeSHA256 in $LATEST.")
		one := w.publish("f", "first")
		if one.Number != "1" || one.State != lambda.Active || one.Update != lambda.UpdateSuccessful || one.Description != "first" || one.RevisionID == latest.RevisionID {
			t.Errorf("published: %+v", one)
		}
		if after := w.get("f", ""); after.RevisionID == latest.RevisionID || after.RevisionID == one.RevisionID || after.Description != "of latest" || after.Generation != latest.Generation {
			t.Errorf("$LATEST after the publish: %+v; want only a new RevisionId", after)
		}
		publishes := []struct {
			change      func()
			description string
			want        string
		}{
			{func() {}, "", "1"},
			{func() {}, "another description", "1"},
			{func() { w.configure("f", lambda.Settings{Description: to("of latest")}) }, "", "2"}, // 1 had a description of its own
			{func() { w.configure("f", lambda.Settings{MemoryMB: to(128)}) }, "", "2"},
			{func() { w.configure("f", lambda.Settings{MemoryMB: to(256)}) }, "", "3"},
			{func() { w.configure("f", lambda.Settings{Description: to("new")}) }, "", "4"},
			{func() { w.update("f", lambda.CodeUpdate{Package: zip("other")}) }, "", "5"},
			{func() { _ = w.DeleteFunction(t.Context(), "f", "5") }, "", "6"},
		}
		for i, p := range publishes {
			p.change()
			waitActive(w)
			v := w.publish("f", p.description)
			if v.Number != p.want {
				t.Errorf("publish %d: version %s, want %s", i, v.Number, p.want)
			}
		}
		if v := w.get("f", "3"); v.MemoryMB != 256 || v.Description != "of latest" {
			t.Errorf("version 3 changed: %+v", v)
		}
	})
}

func TestDryRunKeepsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		before := w.active("f")
		v := w.update("f", lambda.CodeUpdate{Package: zip("new"), DryRun: true, Publish: true})
		if v.Code.SHA256 == before.Code.SHA256 {
			t.Error("the dry run did not show the new code")
		}
		waitActive(w)
		if after := w.get("f", ""); after.RevisionID != before.RevisionID || after.Code != before.Code {
			t.Error("the dry run changed the function")
		}
		if _, err := w.Function(t.Context(), "f", "1"); lambda.KindOf(err) != lambda.NotFound {
			t.Errorf("the dry run published: %v", err)
		}
		_, err := w.UpdateCode(t.Context(), "f", lambda.CodeUpdate{Package: zip("bad"), DryRun: true})
		refused(t, err, lambda.InvalidParameter, "Could not unzip uploaded file.")
	})
}

func TestUpdateCodeRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("f")
		_, err := w.UpdateCode(t.Context(), "f", lambda.CodeUpdate{Package: lambda.Package{Image: "i"}})
		refused(t, err, lambda.InvalidParameter, "Please don't provide ImageUri when updating a function with packageType Zip.") // F069
		_, err = w.UpdateCode(t.Context(), "f", lambda.CodeUpdate{})
		refused(t, err, lambda.InvalidParameter, "Please provide a source for function code.")
		_, err = w.UpdateCode(t.Context(), "f", lambda.CodeUpdate{Package: zip("x"), Architecture: to("arm64")})
		refused(t, err, lambda.InvalidParameter, "python3.13 for arm64 is not on this host; install it")
	})
}

func TestPackagesFromElsewhere(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.active("s3", func(n *lambda.NewFunction) { n.Package = lambda.Package{Bucket: "b", Key: "k", ObjectVersion: "v"} })
		if !w.content.has("from kv") {
			t.Error("the object was not kept")
		}
		v := w.active("live", func(n *lambda.NewFunction) { n.Package = lambda.Package{Bucket: "hot-reload", Key: "/src"} })
		if v.Code.Folder != "/src" {
			t.Errorf("hot reload code %+v, want folder /src", v.Code)
		}
	})
}

func TestOpenGivesCodeAndLayersInOrder(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.layer("b")
		w.layer("a")
		w.active("f", func(n *lambda.NewFunction) { n.Settings.Layers = &[]string{layerARN("b", 1), layerARN("a", 1)} })
		// Layers of a function outlive their deletion (F125).
		if err := w.DeleteLayerVersion(t.Context(), "a", 1); err != nil {
			t.Fatal(err)
		}
		v, err := w.Resolve("f", "")
		if err != nil {
			t.Fatal(err)
		}
		task, opt, release, err := w.Open(t.Context(), v)
		if err != nil || task != "/unpacked/code" || !slices.Equal(opt, []string{"/unpacked/layer b", "/unpacked/layer a"}) {
			t.Fatalf("Open: %s %v, %v", task, opt, err)
		}
		if w.content.open != 3 {
			t.Errorf("%d folders in use, want 3", w.content.open)
		}
		release()
		w.content.fail(fmt.Errorf("gone"))
		if _, _, _, err := w.Open(t.Context(), v); err == nil || !strings.Contains(err.Error(), "gone") {
			t.Errorf("Open of what is gone: %v", err)
		}
		if w.content.open != 0 {
			t.Errorf("%d folders in use after release, want 0", w.content.open)
		}
	})
}

// F087, F088.
func TestLists(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for _, name := range []string{"b", "a", "c"} {
			w.active(name, func(n *lambda.NewFunction) { n.Publish = true })
		}
		for i := range 11 {
			w.update("b", lambda.CodeUpdate{Package: zip(fmt.Sprint(i)), Publish: true})
			waitActive(w)
		}
		if err := w.DeleteFunction(t.Context(), "b", "5"); err != nil {
			t.Fatal(err)
		}
		list := func(all bool, size int) (names []string) {
			marker := ""
			for {
				page, next, err := w.Functions(t.Context(), lambda.FunctionFilter{AllVersions: all, Marker: marker, Max: size})
				if err != nil {
					t.Fatal(err)
				}
				if len(page) > size {
					t.Errorf("a page of %d, want at most %d", len(page), size)
				}
				for _, v := range page {
					names = append(names, v.Function+":"+v.Number)
				}
				if marker = next; marker == "" {
					return names
				}
			}
		}
		latest := []string{"a:$LATEST", "b:$LATEST", "c:$LATEST"}
		versions := strings.Fields("a:$LATEST a:1 b:$LATEST b:1 b:2 b:3 b:4 b:6 b:7 b:8 b:9 b:10 b:11 b:12 c:$LATEST c:1")
		for _, size := range []int{1, 2, 3, 5, 50} {
			if got := list(false, size); !slices.Equal(got, latest) {
				t.Errorf("pages of %d: %v, want %v", size, got, latest)
			}
			if got := list(true, size); !slices.Equal(got, versions) {
				t.Errorf("pages of %d: %v, want %v", size, got, versions)
			}
		}
		page, next, err := w.Versions(t.Context(), "b", "", 2)
		if err != nil || len(page) != 2 || next == "" {
			t.Fatalf("versions: %d, %q, %v", len(page), next, err)
		}
		// What the marker points at may go in the meantime.
		if err := w.DeleteFunction(t.Context(), "b", "1"); err != nil {
			t.Fatal(err)
		}
		rest, _, err := w.Versions(t.Context(), "b", next, 0)
		if err != nil || len(rest) != 10 || rest[0].Number != "2" {
			t.Errorf("versions after 1: %d beginning with %s, %v; want 10 beginning with 2", len(rest), rest[0].Number, err)
		}
		for _, bad := range []string{"garbage!", "Z2FyYmFnZQ"} {
			if _, _, err := w.Functions(t.Context(), lambda.FunctionFilter{Marker: bad}); lambda.KindOf(err) != lambda.InvalidParameter {
				t.Errorf("marker %q: %v, want InvalidParameter", bad, err)
			}
		}
	})
}

func TestPageIsNeverLargerThanAWSs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for i := range 60 {
			w.create(fmt.Sprintf("f%02d", i))
		}
		for _, asked := range []int{0, 51, 10000} {
			page, next, err := w.Functions(t.Context(), lambda.FunctionFilter{Max: asked})
			if err != nil || len(page) != 50 || next == "" {
				t.Errorf("asked for %d: %d, %q, %v; want 50 and a marker", asked, len(page), next, err)
			}
		}
	})
}

// F108, F109, F110, F111.
func TestTags(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		v := w.active("f", func(n *lambda.NewFunction) { n.Tags = map[string]string{"a": "1"} })
		tag := func(want map[string]string, change func() error) {
			t.Helper()
			before := w.get("f", "").RevisionID
			if err := change(); err != nil {
				t.Error(err)
			}
			got, err := w.Tags(t.Context(), "f")
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("tags %v, %v; want %v", got, err, want)
			}
			if w.get("f", "").RevisionID == before {
				t.Error("the RevisionId did not change")
			}
		}
		tag(map[string]string{"a": "2", "b": "3"}, func() error { return w.Tag(t.Context(), "f", map[string]string{"a": "2", "b": "3"}) })
		tag(map[string]string{"a": "2"}, func() error { return w.Untag(t.Context(), "f", []string{"b", "unknown"}) })
		tag(map[string]string{}, func() error { return w.Untag(t.Context(), "f", []string{"a"}) })
		if err := w.Untag(t.Context(), "f", []string{"unknown"}); err != nil {
			t.Errorf("untag of unknown keys: %v", err)
		}
		many := map[string]string{}
		for i := range 50 {
			many[fmt.Sprint(i)] = "v"
		}
		tag(many, func() error { return w.Tag(t.Context(), "f", many) })
		refused(t, w.Tag(t.Context(), "f", map[string]string{"one more": ""}), lambda.InvalidParameter, "Number of tags exceeds resource tag limit.")
		tag(func() map[string]string { m := maps.Clone(many); m["7"] = "w"; return m }(), func() error { return w.Tag(t.Context(), "f", map[string]string{"7": "w"}) })
		if got := w.get("f", ""); got.Generation != v.Generation || got.LastModified != v.LastModified {
			t.Error("tagging changed the generation or LastModified")
		}
		w.restart()
		if got, err := w.Tags(t.Context(), "f"); err != nil || len(got) != 50 {
			t.Errorf("%d tags after the restart, %v; want 50", len(got), err)
		}
	})
}

// F196, F197.
func TestUsage(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		usage := func(want lambda.AccountUsage) {
			want.Concurrency = lambda.DefaultConcurrency
			t.Helper()
			if got, err := w.Usage(t.Context()); err != nil || got != want {
				t.Errorf("usage %+v, %v; want %+v", got, err, want)
			}
		}
		usage(lambda.AccountUsage{})
		w.active("f")
		usage(lambda.AccountUsage{CodeSize: 4, Functions: 1})
		w.update("f", lambda.CodeUpdate{Package: zip("code"), Publish: true})
		usage(lambda.AccountUsage{CodeSize: 8, Functions: 1})
		w.layer("l")
		w.layer("l")
		usage(lambda.AccountUsage{CodeSize: 8 + 14, Functions: 1})
		if err := w.DeleteLayerVersion(t.Context(), "l", 1); err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteFunction(t.Context(), "f", ""); err != nil {
			t.Fatal(err)
		}
		usage(lambda.AccountUsage{CodeSize: 7})
	})
}

func TestDeletingTellsAndCollects(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		latest := w.active("f", func(n *lambda.NewFunction) { n.Publish = true })
		w.active("other", func(n *lambda.NewFunction) { n.Package = zip("other") })
		one := w.get("f", "1")
		sleepPastGrace()
		if err := w.DeleteFunction(t.Context(), "f", "1"); err != nil {
			t.Fatal(err)
		}
		if got := w.observer.take(); !slices.Equal(got, []string{one.Generation}) {
			t.Errorf("retired %v, want version 1's %s", got, one.Generation)
		}
		waitActive(w)
		if !w.content.has("code") {
			t.Error("the package that $LATEST needs was collected")
		}
		if err := w.DeleteFunction(t.Context(), "f", ""); err != nil {
			t.Fatal(err)
		}
		if got := w.observer.take(); !slices.Equal(got, []string{latest.Generation}) {
			t.Errorf("retired %v, want %s", got, latest.Generation)
		}
		waitActive(w)
		if w.content.has("code") || !w.content.has("other") {
			t.Errorf("have code %t and other %t, want only other", w.content.has("code"), w.content.has("other"))
		}
		w.restart()
		if _, err := w.Function(t.Context(), "f", ""); lambda.KindOf(err) != lambda.NotFound {
			t.Errorf("after the restart: %v, want NotFound", err)
		}
	})
}
