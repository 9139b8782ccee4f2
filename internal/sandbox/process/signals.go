package process

import (
	"os"
	"os/signal"
	"syscall"
)

// catchIgnored keeps from functions what this process ignores: a child inherits an
// ignored signal, which is why nothing below a daemon under nohup(1) would end by
// SIGHUP, and gets the usual effect of one that its parent catches. Nobody reads what
// is caught, so here it has no effect, as before.
func catchIgnored() {
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT} { // Go leaves no others ignored
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}
