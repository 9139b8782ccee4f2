package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"lambent/internal/store"
	"lambent/internal/store/sqlite"
)

// BenchmarkEnqueue is a durable event, with 64 senders.
func BenchmarkEnqueue(b *testing.B) {
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "lambent.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	payload := []byte(`{"key1":"value1","key2":"value2","key3":"value3"}`)
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			now := time.Now()
			e := store.Event{
				RequestID: "8a1e5b1c-0f0f-4c9a-9d55-2f0f6c1f8a11", Function: "f", Payload: payload, Accepted: now, Due: now,
				Trace: "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=0",
			}
			if err := s.Enqueue(b.Context(), &e); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
