package placement

import "slices"

// stock is the provisioned environments of one version.
type stock struct {
	function Function
	target   int
	wait     bool // none may be tried now
	starting []Environment
	ready    []Environment // idle or busy, oldest first
	old      int           // of those, the ones to be replaced
}

// keep brings provisioned environments to their targets: counts those that are
// missing and stops those that are too many.
func (d *decider) keep() {
	d.held, d.missing = map[string]bool{}, map[string]int{}
	stocks, keys := d.stocks()
	short := map[Function]bool{}
	for _, s := range stocks {
		short[s.function] = short[s.function] || len(s.ready) < s.target
	}
	for _, key := range keys {
		s := stocks[key]
		if !s.wait {
			d.missing[key] = s.missing()
		}
		d.shrink(s, short[s.function] && len(s.ready) >= s.target)
	}
}

// stocks sorts what there is by version.
func (d *decider) stocks() (stocks map[string]*stock, keys []string) {
	stocks = map[string]*stock{}
	at := func(key string, f Function) *stock {
		if stocks[key] == nil {
			stocks[key] = &stock{function: f}
			keys = append(keys, key)
		}
		return stocks[key]
	}
	for _, v := range d.Versions {
		if v.Provisioned > 0 {
			s := at(v.Key, v.Function)
			s.target, s.wait = v.Provisioned, v.NotBefore.After(d.Now)
		}
	}
	for _, e := range d.Environments {
		if !e.Provisioned || e.Ending || e.Retired {
			continue
		}
		s := at(e.Key, e.Function)
		if e.Starting {
			s.starting = append(s.starting, e)
			continue
		}
		s.ready = append(s.ready, e)
		if d.due(e) {
			s.old++
		}
	}
	for _, s := range stocks {
		slices.SortStableFunc(s.ready, func(a, b Environment) int { return a.Born.Compare(b.Born) })
	}
	return stocks, keys
}

// due tells whether an environment is to be replaced.
func (d *decider) due(e Environment) bool {
	return d.Limits.Lifetime > 0 && d.Now.Sub(e.Born) >= d.Limits.Renewal()
}

// replaced is how many environments may be replaced at the same time.
func (s *stock) replaced() int { return min(s.old, max(1, s.target/8)) }

// missing is how many are to be started: what lacks, or what is to take the
// place of old ones.
func (s *stock) missing() int {
	have := len(s.starting) + len(s.ready)
	if have < s.target {
		return s.target - have
	}
	return max(0, s.target+s.replaced()-have)
}

// shrink stops what is beyond the target, the oldest first; those that are busy,
// when they are done. With hold the initialised ones stay as long as there is room.
func (d *decider) shrink(s *stock, hold bool) {
	reason := ReasonSurplus
	if s.old > 0 {
		reason = ReasonRenewed
	}
	for _, e := range s.starting[:min(len(s.starting), max(0, len(s.starting)+len(s.ready)-s.target-s.replaced()))] {
		d.stop(e.ID, reason)
	}
	for _, e := range s.ready[:max(0, len(s.ready)-s.target)] {
		switch {
		case hold:
			d.held[e.ID] = true
		case e.Idle:
			d.stop(e.ID, reason)
		default:
			d.leave(e.ID, reason)
		}
	}
}
