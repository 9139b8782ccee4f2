package java

import (
	"testing"

	"lambent/internal/lambda"
	"lambent/internal/runtimes"
)

// Wherever there is a locale to make it of, functions have AWS's.
func TestLocales(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f runtimes.Found) {
		if speaksUTF8(t.Context(), f, "") {
			t.Skip("this host has " + locale)
		}
		folder := t.TempDir()
		if err := writeLocales(t.Context(), f, folder); err != nil {
			t.Fatal(err)
		}
		p, err := Family{}.Program(&lambda.Version{Runtime: f.Runtime, MemoryMB: 512}, f, runtimes.Dirs{Bootstrap: folder})
		if err != nil {
			t.Fatal(err)
		}
		last := p.Mounts[len(p.Mounts)-1]
		if last.Target != locales {
			t.Skip("this host has no locale to make " + locale + " of")
		}
		if !speaksUTF8(t.Context(), f, last.Source) {
			t.Errorf("the virtual machine does not take the locale in %s", last.Source)
		}
		if err := writeLocales(t.Context(), f, folder); err != nil {
			t.Errorf("once more: %v", err)
		}
	})
}
