package storetest

import (
	"cmp"
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"lambent/internal/lambda"
	"lambent/internal/store"
)

// write makes one acknowledged write on a store of its own, then closes it.
func write(t *testing.T, open Open, do func(context.Context, Store) error) {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	must(t, do(t.Context(), s))
}

func readFunctions(t *testing.T, open Open) map[string]store.FunctionChange {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	all := map[string]store.FunctionChange{}
	must(t, s.EachFunction(t.Context(), func(f store.Function, versions []lambda.Version) error {
		if _, twice := all[f.Name]; twice {
			t.Errorf("function %s visited twice", f.Name)
		}
		all[f.Name] = store.FunctionChange{Function: f, Versions: sorted(versions)}
		return nil
	}))
	return all
}

func readLayers(t *testing.T, open Open) []lambda.LayerVersion {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []lambda.LayerVersion
	must(t, s.EachLayerVersion(t.Context(), func(v lambda.LayerVersion) error {
		all = append(all, v)
		return nil
	}))
	slices.SortFunc(all, func(a, b lambda.LayerVersion) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

func readSignings(t *testing.T, open Open) []lambda.CodeSigningConfig {
	t.Helper()
	s := open(t)
	defer closeStore(t, s)
	var all []lambda.CodeSigningConfig
	must(t, s.EachCodeSigningConfig(t.Context(), func(c lambda.CodeSigningConfig) error {
		all = append(all, c)
		return nil
	}))
	slices.SortFunc(all, func(a, b lambda.CodeSigningConfig) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func closeStore(t *testing.T, s Store) {
	t.Helper()
	must(t, s.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.MarshalIndent(got, "", " ")
		w, _ := json.MarshalIndent(want, "", " ")
		t.Fatalf("%s:\ngot  %s\nwant %s", what, g, w)
	}
}

func sorted(versions []lambda.Version) []lambda.Version {
	copied := slices.Clone(versions)
	slices.SortFunc(copied, func(a, b lambda.Version) int { return cmp.Compare(a.Number, b.Number) })
	return copied
}

// fullChange has $LATEST first and then the numbered versions.
func fullChange(name string, numbers ...string) store.FunctionChange {
	change := store.FunctionChange{Function: fullFunction(name), Versions: []lambda.Version{fullVersion(name, lambda.Latest)}}
	for _, number := range numbers {
		change.Versions = append(change.Versions, fullVersion(name, number))
	}
	return change
}

// fullFunction has every member set, like fullVersion.
func fullFunction(name string) store.Function {
	var f store.Function
	fill(reflect.ValueOf(&f).Elem())
	f.Name, f.Serving, f.NextID = name, nil, 8
	f.Tags = map[string]string{"team": "blue", "ключ": "значение"}
	return f
}

// fullVersion has every member set to something other than its zero value; the
// reflection below keeps it so when the noun grows.
func fullVersion(function, number string) lambda.Version {
	var v lambda.Version
	fill(reflect.ValueOf(&v).Elem())
	v.Function, v.Number = function, number
	return v
}

func fullLayer(name string, number int64) lambda.LayerVersion {
	var v lambda.LayerVersion
	fill(reflect.ValueOf(&v).Elem())
	v.Layer, v.Number = name, number
	return v
}

func fullSigning(id string) lambda.CodeSigningConfig {
	var c lambda.CodeSigningConfig
	fill(reflect.ValueOf(&c).Elem())
	c.ID = id
	return c
}

func moment() time.Time { return time.Date(2026, 11, 20, 23, 59, 58, 987654321, time.UTC) }

// fill sets every exported member, however deep, to a value that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("\"quoted\" \\ <b> & ünï \u2028 \x00.")
	case reflect.Uint8:
		v.SetUint(0xfe)
	case reflect.Int, reflect.Int64:
		v.SetInt(1<<40 + 7)
	case reflect.Float64:
		v.SetFloat(0.1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(moment()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	default:
		panic("storetest: no filling for " + v.Type().String())
	}
}
