package process

import (
	"bytes"
	"sync"
)

// namesakes remembers which sandbox's folder the environments of the host's
// processes name. Reading an environment is dear, there are many processes, and
// they are looked through at every freeze; but a process that was a sandbox's
// once is so for ever, and one that was nobody's will not be given one: who is
// born in a sandbox has its parent's environment to begin with.
type namesakes struct {
	prefix []byte // what all folders begin with

	mu    sync.Mutex
	known map[identity]string // mu; the folder's name, "" for none
}

func newNamesakes(sandboxes string) *namesakes {
	return &namesakes{prefix: []byte(sandboxes + "/"), known: map[identity]string{}}
}

// of gives the name of the folder that a process's environment names.
func (n *namesakes) of(e entry) string {
	n.mu.Lock()
	name, known := n.known[e.identity()]
	n.mu.Unlock()
	if known {
		return name
	}
	env := executedWith(e.pid)
	if _, after, found := bytes.Cut(env, n.prefix); found {
		if id, _, ends := bytes.Cut(after, []byte("/")); ends {
			name = string(id)
		}
	}
	if len(env) == 0 {
		return "" // it may be on its way through exec, when nothing can be read
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known[e.identity()] = name
	return name
}

// forget drops who is not among all any more, when that is worth it.
func (n *namesakes) forget(all []entry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.known) <= 2*len(all) {
		return
	}
	living := make(map[identity]string, len(all))
	for _, e := range all {
		if name, known := n.known[e.identity()]; known {
			living[e.identity()] = name
		}
	}
	n.known = living
}
