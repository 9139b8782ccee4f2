package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

var errPattern = errors.New("not a filter pattern")

// checkPattern judges a filter: an object whose leaves are lists of alternatives,
// each a plain value or one comparison, as in EventBridge's patterns.
func checkPattern(pattern string) error {
	d := json.NewDecoder(strings.NewReader(pattern))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return errPattern
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errPattern
	}
	object, ok := tree.(map[string]any)
	if !ok || !fitsObject(object) {
		return errPattern
	}
	return nil
}

func fitsObject(object map[string]any) bool {
	for key, value := range object {
		switch v := value.(type) {
		case map[string]any:
			if len(v) == 0 || !fitsObject(v) {
				return false
			}
		case []any:
			if len(v) == 0 || !fitsList(key, v) {
				return false
			}
		default:
			return false // a leaf must be a list
		}
	}
	return true
}

func fitsList(key string, list []any) bool {
	if key == "$or" {
		return !slices.ContainsFunc(list, func(v any) bool {
			object, ok := v.(map[string]any)
			return !ok || !fitsObject(object)
		})
	}
	for _, alternative := range list {
		switch v := alternative.(type) {
		case []any:
			return false
		case map[string]any:
			if len(v) != 1 || !fitsComparison(v) {
				return false
			}
		}
	}
	return true
}

func fitsComparison(comparison map[string]any) bool {
	for name, v := range comparison {
		switch name {
		case "exists":
			return is[bool](v)
		case "prefix", "suffix":
			return is[string](v) || fitsFold(v)
		case "equals-ignore-case", "wildcard", "cidr":
			return is[string](v)
		case "anything-but":
			return fitsAnythingBut(v)
		case "numeric":
			return fitsNumeric(v)
		}
	}
	return false
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

// fitsFold is {"equals-ignore-case": "…"} inside a prefix or suffix.
func fitsFold(v any) bool {
	object, ok := v.(map[string]any)
	return ok && len(object) == 1 && is[string](object["equals-ignore-case"])
}

func fitsAnythingBut(v any) bool {
	switch v := v.(type) {
	case string, json.Number:
		return true
	case []any:
		return len(v) > 0 && !slices.ContainsFunc(v, func(e any) bool { return !is[string](e) && !is[json.Number](e) })
	case map[string]any:
		return len(v) == 1 && (v["prefix"] != nil || v["suffix"] != nil || v["equals-ignore-case"] != nil || v["wildcard"] != nil)
	}
	return false
}

// fitsNumeric is one comparison with a number, or two that bound a range.
func fitsNumeric(v any) bool {
	list, ok := v.([]any)
	if !ok || len(list) != 2 && len(list) != 4 {
		return false
	}
	for i := 0; i < len(list); i += 2 {
		operator, ok := list[i].(string)
		if !ok || !bytes.Contains([]byte(" < <= = > >= "), []byte(" "+operator+" ")) || !is[json.Number](list[i+1]) {
			return false
		}
	}
	return true
}
