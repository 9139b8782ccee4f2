package fleet

import (
	"lambent/internal/admission"
	"lambent/internal/lambda"
)

// owner is the function that concurrency is counted for.
type owner struct{ account, name string }

// share is one invocation's part of the concurrency; the zero value is none. It
// is taken with the admission and given back when the environment is done, not
// when the caller has its answer.
type share struct {
	owner    owner
	reserved bool // counts against the function's reservation, not against what all others share
	taken    bool
}

// tally is the concurrency in use.
type tally struct {
	functions  map[owner]int
	unreserved int
}

func (t *tally) enter(s share) {
	if t.functions == nil {
		t.functions = map[owner]int{}
	}
	t.functions[s.owner]++
	if !s.reserved {
		t.unreserved++
	}
}

func (t *tally) leave(s share) {
	if !s.taken {
		return
	}
	if t.functions[s.owner]--; t.functions[s.owner] == 0 {
		delete(t.functions, s.owner)
	}
	if !s.reserved {
		t.unreserved--
	}
}

// admit takes a share of the concurrency for an invocation. mu is held.
func (f *Fleet) admit(v *lambda.Version) (share, error) {
	s := share{owner: owner{v.Account, v.Function}, taken: true}
	l := admission.Limits{Account: f.config.Account}
	if f.config.Reserve != nil {
		l.Reserved, l.HasReserved = f.config.Reserve.Reserved(v.Function)
		l.ReservedTotal = f.config.Reserve.ReservedTotal()
	}
	s.reserved = l.HasReserved
	reason := admission.Decide(l, admission.Usage{Function: f.running.functions[s.owner], Unreserved: f.running.unreserved})
	if reason != admission.Admitted {
		return share{}, tooMany(reason)
	}
	f.running.enter(s)
	return s, nil
}

// done notes that an environment has finished, and gives back its share. mu is held.
func (f *Fleet) done(m *member) {
	f.running.leave(m.share)
	m.share = share{}
	delete(m.pool.settled, m)
}
