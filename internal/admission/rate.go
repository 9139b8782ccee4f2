package admission

import "time"

// Rate is so many in a time. They may come at once; what is taken comes back
// steadily, and never adds up to more.
type Rate struct {
	Count int
	Per   time.Duration
}

// Requests is the rate of synchronous requests that so much concurrency may
// serve: ten a second for each (docs/environment.md §8.1).
func Requests(concurrency int) Rate { return Rate{10 * concurrency, time.Second} }

// Growth is how quickly a function gets new environments: 1,000 every ten
// seconds, refilled all the time (docs/environment.md §8.1).
func Growth() Rate { return Rate{1000, 10 * time.Second} }

// Meter is what has been taken of a rate: the moment at which all will have come
// back. Its owner's clock must never go back. The zero Meter is untouched.
type Meter time.Duration

// Take takes one if there is one.
func (r Rate) Take(m *Meter, now time.Duration) bool {
	if r.Left(*m, now) <= 0 {
		return false
	}
	*m = Meter(now + r.taken(*m, now) + r.each())
	return true
}

// Left is how many may be taken now.
func (r Rate) Left(m Meter, now time.Duration) int {
	if r.Count <= 0 {
		return 0
	}
	return int((r.Per - r.taken(m, now)) / r.each())
}

// each is the time in which one comes back.
func (r Rate) each() time.Duration { return max(1, r.Per/time.Duration(r.Count)) }

// taken is the time in which all comes back; not more than that of a whole Rate,
// which was larger when the meter was used last.
func (r Rate) taken(m Meter, now time.Duration) time.Duration {
	return min(max(time.Duration(m)-now, 0), r.Per)
}
