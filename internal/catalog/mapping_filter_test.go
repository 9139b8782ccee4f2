package catalog

import (
	"encoding/json"
	"testing"
)

// FuzzPattern: a pattern that is let in is a JSON object, and none makes the
// parser fall over.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{`{"a":["b"]}`, `{"$or":[{"a":[1]}]}`, `{"a":[{"numeric":[">",1]}]}`, `null`, `{"a":{}}`, `{"a":[{"anything-but":{"prefix":"x"}}]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if checkPattern(pattern) != nil {
			return
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(pattern), &object); err != nil || object == nil {
			t.Errorf("%q was let in and is no object: %v", pattern, err)
		}
	})
}
