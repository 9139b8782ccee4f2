package retry

// Window is how many events of one function run at once. It opens slowly and
// closes quickly, as congestion control does: a function that is throttled is
// asked less often, so that its backlog waits in order in the queue instead of
// being refused event by event.
type Window struct {
	size    float64
	highest float64
}

// NewWindow is a window that is fully open.
func NewWindow(highest int) Window { return Window{float64(highest), float64(highest)} }

// Size is how many may run.
func (w Window) Size() int { return int(w.size) }

// After is the window after an attempt: half as large when it was refused, one
// larger after a whole window of attempts that were not. It never closes.
func (w Window) After(refused bool) Window {
	if refused {
		w.size = max(1, w.size/2)
	} else {
		w.size = min(w.highest, w.size+1/w.size)
	}
	return w
}
