package asyncq

import (
	"container/heap"
	"time"

	"lambent/internal/retry"
)

// turn is how many events one turn of a lane claims at most.
const turn = 16

// lane is the events of one function. All its fields belong to the queue's mu.
type lane struct {
	function string
	due      time.Time // no waiting event is due earlier; zero: none waits
	resume   time.Time // nothing is begun before; set when the function is throttled
	woken    time.Time // the moment in the agenda; zero: not there
	listed   bool      // in ready
	claiming bool      // dispatch reads its events
	running  int
	window   retry.Window
}

// lane finds or makes a function's lane. It needs mu.
func (q *Queue) lane(function string) *lane {
	l := q.lanes[function]
	if l == nil {
		l = &lane{function: function, window: retry.NewWindow(max(1, q.config.Concurrency/2))}
		q.lanes[function] = l
	}
	return l
}

// reserve takes room for one event that is about to come, when it can be run as
// it comes: none of its lane waits, and no other lane waits for room. Its room
// counts in attempts.
func (q *Queue) reserve(function string, now time.Time) *lane {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lane(function)
	backlog := l.listed || l.claiming || !l.due.IsZero() && !l.due.After(now)
	full := len(q.ready) > 0 || q.running >= q.config.Concurrency
	if q.stopped || backlog || l.resume.After(now) || l.running >= l.window.Size() || full && l.running > 0 {
		q.forget(l)
		return nil
	}
	l.running++
	q.running++
	q.attempts.Add(1)
	return l
}

// release gives room back. It needs mu.
func (q *Queue) release(l *lane, n int) {
	l.running -= n
	q.running -= n
	q.list(l)
	q.forget(l)
	if len(q.ready) > 0 {
		q.poke()
	}
}

// expect notes that an event of a lane is due then. It needs mu.
func (q *Queue) expect(l *lane, due time.Time) {
	if due.IsZero() {
		return
	}
	if l.due.IsZero() || due.Before(l.due) {
		l.due = due
	}
	q.list(l)
}

// list puts a lane where it belongs: among those that are ready, or into the
// agenda. It needs mu.
func (q *Queue) list(l *lane) {
	if l.due.IsZero() || l.listed || l.claiming || l.running >= l.window.Size() {
		return
	}
	at := l.due
	if l.resume.After(at) {
		at = l.resume
	}
	if !at.After(time.Now()) {
		l.listed = true
		q.ready = append(q.ready, l)
		q.poke()
		return
	}
	if l.woken.IsZero() || at.Before(l.woken) {
		l.woken = at
		heap.Push(&q.later, appointment{at, l})
		q.poke()
	}
}

// forget drops a lane of which nothing is known. It needs mu.
func (q *Queue) forget(l *lane) {
	if l.running == 0 && l.due.IsZero() && !l.listed && !l.claiming && l.woken.IsZero() && !l.resume.After(time.Now()) {
		delete(q.lanes, l.function)
	}
}

func (q *Queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// dispatch gives the lanes their turns.
func (q *Queue) dispatch() {
	for {
		l, n, wait := q.next()
		if l != nil {
			q.feed(l, n)
			continue
		}
		var alarm <-chan time.Time
		if wait > 0 {
			alarm = time.After(wait)
		}
		select {
		case <-q.wake:
		case <-alarm:
		case <-q.stop:
			return
		}
	}
}

// next takes room for a turn of a lane: for n events. When there is no lane to
// give a turn to, it tells how long that stays so; 0 means until a poke.
func (q *Queue) next() (l *lane, n int, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return nil, 0, 0
	}
	now := time.Now()
	for len(q.later) > 0 && !q.later[0].at.After(now) {
		a := heap.Pop(&q.later).(appointment)
		if a.at.Equal(a.lane.woken) {
			a.lane.woken = time.Time{}
			q.list(a.lane)
			q.forget(a.lane)
		}
	}
	for i, l := range q.ready {
		room := q.config.Concurrency - q.running
		if room <= 0 && l.running > 0 {
			continue
		}
		n := min(turn, l.window.Size()-l.running, max(1, room))
		q.ready = append(q.ready[:i:i], q.ready[i+1:]...)
		l.listed = false
		if n <= 0 { // its window has closed since it was listed; its next release lists it again
			return q.skip()
		}
		l.running += n
		q.running += n
		q.attempts.Add(n)
		l.claiming = true
		l.due = time.Time{} // what is learnt from now on counts
		return l, n, 0
	}
	if len(q.later) > 0 {
		return nil, 0, q.later[0].at.Sub(now)
	}
	return nil, 0, 0
}

// skip makes dispatch ask again.
func (q *Queue) skip() (*lane, int, time.Duration) {
	q.poke()
	return nil, 0, 0
}

// claimAgain is when a lane is tried again whose events could not be read.
const claimAgain = time.Second

// feed claims events for a turn and runs them.
func (q *Queue) feed(l *lane, n int) {
	events, next, err := q.config.Store.Claim(q.life, l.function, time.Now(), n)
	if err != nil {
		q.config.Log.Error("claim events", "function", l.function, "err", err)
		next = time.Now().Add(claimAgain)
	}
	for _, e := range events {
		go q.run(l, e)
	}
	unused := n - len(events)
	q.mu.Lock()
	l.claiming = false
	q.expect(l, next)
	q.release(l, unused)
	q.mu.Unlock()
	q.attempts.Add(-unused)
}

// agenda is lanes by the moment when they have something to do.
type agenda []appointment

type appointment struct {
	at   time.Time
	lane *lane
}

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push is container/heap's.
func (a *agenda) Push(x any) { *a = append(*a, x.(appointment)) }

// Pop is container/heap's.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
