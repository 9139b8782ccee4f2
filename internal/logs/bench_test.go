package logs

import (
	"testing"
	"time"

	"lambent/internal/event"
)

// BenchmarkPublish is what an event costs the invocation that it is published on
// the way of, when nothing is dropped.
func BenchmarkPublish(b *testing.B) {
	for name, record := range map[string]event.Record{
		"line":  event.Line{Text: []byte("2026-01-10T00:00:15.064Z\t6d68ca91-49c9-448d-89b8-7ca3e6dc66aa\tINFO\thello\n")},
		"start": event.Start{RequestID: "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa", Version: "$LATEST"},
		"ours":  event.Frozen{},
	} {
		b.Run(name, func(b *testing.B) {
			l, err := Open(Config{Folder: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			e := event.Event{Time: time.Now(), Origin: origin("s"), Record: record}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%1000 == 999 {
					b.StopTimer()
					_ = l.Sync(b.Context())
					b.StartTimer()
				}
				l.Publish(e)
			}
		})
	}
}
