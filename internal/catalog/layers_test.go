package catalog_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lambent/internal/lambda"
)

func sleepPastGrace() { time.Sleep(2 * grace) }

func layerNames(all []lambda.LayerVersion) string {
	var names []string
	for _, v := range all {
		names = append(names, fmt.Sprintf("%s:%d", v.Layer, v.Number))
	}
	return strings.Join(names, " ")
}

// F116, F118, F119, F120, F121.
func TestLayerLife(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		first := w.layer("l", func(n *lambda.NewLayerVersion) {
			n.Description, n.License, n.Runtimes, n.Architectures = "d", "MIT", []lambda.Runtime{"python3.13"}, []string{}
		})
		want := lambda.LayerVersion{
			Account: account, Region: region, Layer: "l", Number: 1, Description: "d", License: "MIT",
			Runtimes: []lambda.Runtime{"python3.13"}, Architectures: []string{}, Code: first.Code, CreatedAt: time.Now().UTC(),
		}
		if !reflect.DeepEqual(first, want) || first.Code.Size != 7 {
			t.Errorf("published %+v, want %+v", first, want)
		}
		w.layer("l")
		if got, err := w.LayerVersion(ctx, "l", 1); err != nil || !reflect.DeepEqual(got, first) {
			t.Errorf("get: %+v, %v; want %+v", got, err, first)
		}
		for range 2 { // the second time it is gone already
			for _, number := range []int64{1, 2, 77} {
				if err := w.DeleteLayerVersion(ctx, "l", number); err != nil {
					t.Errorf("delete %d: %v", number, err)
				}
			}
		}
		if err := w.DeleteLayerVersion(ctx, "unknown", 1); err != nil {
			t.Errorf("delete of an unknown layer: %v", err)
		}
		w.restart() // numbers are remembered by the store, not by us
		if got := w.layer("l").Number; got != 3 {
			t.Errorf("after deleting 1 and 2 the next is %d, want 3", got)
		}
		for _, number := range []int64{1, 2, 4} {
			_, err := w.LayerVersion(ctx, "l", number)
			refused(t, err, lambda.NotFound, "The resource you requested does not exist.")
		}
		_, err := w.LayerVersion(ctx, "unknown", 1)
		refused(t, err, lambda.NotFound, "The resource you requested does not exist.")
		for _, number := range []int64{0, -1} {
			_, err := w.LayerVersion(ctx, "l", number)
			refused(t, err, lambda.InvalidParameter, "Layer Version Cannot be less than 1")
			refused(t, w.DeleteLayerVersion(ctx, "l", number), lambda.InvalidParameter, "Layer Version Cannot be less than 1")
		}
		if all, next, err := w.LayerVersions(ctx, "unknown", lambda.LayerFilter{}); err != nil || len(all) != 0 || next != "" {
			t.Errorf("versions of an unknown layer: %v %q %v, want none", all, next, err)
		}
	})
}

func TestLayerLists(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for runtime := range strings.SplitSeq("python3.13 nodejs22.x python3.13", " ") {
			w.layer("a", func(n *lambda.NewLayerVersion) { n.Runtimes = []lambda.Runtime{lambda.Runtime(runtime)} })
		}
		w.layer("b", func(n *lambda.NewLayerVersion) { n.Architectures = []string{"arm64"} })
		w.layer("c")
		w.layer("c")
		if err := w.DeleteLayerVersion(ctx, "c", 2); err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			filter lambda.LayerFilter
			want   string
		}{
			{lambda.LayerFilter{}, "a:3 b:1 c:1"},
			{lambda.LayerFilter{Runtime: "nodejs22.x"}, "a:2"},
			{lambda.LayerFilter{Architecture: "arm64"}, "b:1"},
			{lambda.LayerFilter{Runtime: "ruby3.4"}, ""},
			{lambda.LayerFilter{Max: 2}, "a:3 b:1"},
		}
		for _, test := range tests {
			if all, _, err := w.Layers(ctx, test.filter); err != nil || layerNames(all) != test.want {
				t.Errorf("layers of %+v: %q, %v; want %q", test.filter, layerNames(all), err, test.want)
			}
		}
		_, next, _ := w.Layers(ctx, lambda.LayerFilter{Max: 2})
		if all, _, err := w.Layers(ctx, lambda.LayerFilter{Marker: next}); err != nil || layerNames(all) != "c:1" {
			t.Errorf("second page of layers: %q, %v; want c:1", layerNames(all), err)
		}
		all, next, err := w.LayerVersions(ctx, "a", lambda.LayerFilter{Max: 2})
		if err != nil || layerNames(all) != "a:3 a:2" {
			t.Errorf("versions of a: %q, %v; want newest first", layerNames(all), err)
		}
		if all, next, err = w.LayerVersions(ctx, "a", lambda.LayerFilter{Max: 2, Marker: next}); err != nil || layerNames(all) != "a:1" || next != "" {
			t.Errorf("second page of versions: %q, %q, %v; want a:1", layerNames(all), next, err)
		}
	})
}

func TestPackageOfDeletedLayerStaysForItsFunctions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.layer("used")
		w.layer("unused")
		w.active("f", func(n *lambda.NewFunction) { n.Settings.Layers = &[]string{layerARN("used", 1)} })
		sleepPastGrace()
		for _, name := range []string{"used", "unused"} {
			if err := w.DeleteLayerVersion(t.Context(), name, 1); err != nil {
				t.Fatal(err)
			}
		}
		waitActive(w)
		if !w.content.has("layer used") || w.content.has("layer unused") {
			t.Errorf("have used %t and unused %t, want only used", w.content.has("layer used"), w.content.has("layer unused"))
		}
		if got := w.get("f", "").Layers; !slices.Equal(got, []lambda.LayerUse{{ARN: layerARN("used", 1), Code: got[0].Code}}) {
			t.Errorf("layers of f: %+v", got)
		}
	})
}

func TestLayerRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for _, p := range []lambda.Package{zip("bad"), {}, {Bucket: "none", Key: "k"}} {
			if _, err := w.PublishLayer(t.Context(), lambda.NewLayerVersion{Layer: "l", Package: p}); lambda.KindOf(err) != lambda.InvalidParameter {
				t.Errorf("publish of %+v: %v, want InvalidParameter", p, err)
			}
		}
		if all, _, _ := w.Layers(t.Context(), lambda.LayerFilter{}); len(all) != 0 {
			t.Errorf("layers %v after refusals, want none", all)
		}
	})
}
