package stream

import "time"

// Rate is how quickly a response may leave its function. The zero Rate is no limit.
type Rate struct {
	Burst     int64 // bytes that go at once; what was used of them comes back with time
	PerSecond int64
}

// AWS is AWS's own rate: 6 MB at once, then 2 MB a second (developer guide,
// "Response streaming for Lambda functions").
func AWS() Rate { return Rate{Burst: 6 << 20, PerSecond: 2 << 20} }

// PerSecond is AWS's burst followed by so many bytes a second; 0 is no limit.
func PerSecond(bytes int64) Rate {
	if bytes <= 0 {
		return Rate{}
	}
	return Rate{Burst: AWS().Burst, PerSecond: bytes}
}

// bucket holds what may go now.
type bucket struct {
	rate Rate
	left int64
	at   time.Time // of left
}

func newBucket(r Rate, now time.Time) bucket { return bucket{rate: r, left: r.Burst, at: now} }

// refill is how long what comes back is gathered: AWS does it in such steps, and
// many small pieces would cost more than they are worth.
const refill = 125 * time.Millisecond

// take gives how many of n bytes may go now; when none may, how long to wait.
func (b *bucket) take(now time.Time, n int) (int, time.Duration) {
	if b.rate.PerSecond <= 0 {
		return n, 0
	}
	if steps := int64(now.Sub(b.at) / refill); steps > 0 {
		b.left = min(b.left+steps*b.rate.PerSecond/int64(time.Second/refill), b.rate.Burst)
		b.at = b.at.Add(time.Duration(steps) * refill)
	}
	if b.left == 0 {
		return 0, b.at.Add(refill).Sub(now)
	}
	took := min(int64(n), b.left)
	b.left -= took
	return int(took), 0
}
