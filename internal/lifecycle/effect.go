package lifecycle

import (
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
)

// Effect is something that the owner must do, in the order given.
type Effect interface{ effect() }

// Start runs a process of the current incarnation. Its outcome comes back as
// StartFailed or, in the end, Exited.
type Start struct {
	Incarnation int
	Process     Process
}

// Signal sends SIGTERM, or SIGKILL when Kill is set, to a process's group.
type Signal struct {
	Process Process
	Kill    bool
}

// Offer hands the runtime its event, as the answer to its parked Next.
type Offer struct{ Invocation *lambda.Invocation }

// OfferExtension hands an extension its event.
type OfferExtension struct {
	ID    string
	Event lambda.ExtensionEvent
}

// Settle gives the caller its answer. There is exactly one per invocation. Back
// is how soon the environment should be able to take another: a caller who calls
// again at once had better wait so long than cause a cold start, all the more
// after a reset, which keeps /tmp for it (F269).
type Settle struct {
	Result lambda.Result
	Back   time.Duration
}

// SettleWith gives the caller an error instead: the fault is ours.
type SettleWith struct{ Err error }

// Arm sets a timer, Disarm stops it.
type (
	Arm struct {
		Timer Timer
		At    time.Time
	}
	Disarm struct{ Timer Timer }
)

// Drain waits until all that the processes have written so far has become
// events, so that lines of an invocation come before its end.
type Drain struct{}

// Attribute says which invocation log lines belong to from here on; empty for none.
type Attribute struct{ RequestID, Tenant string }

// Publish tells the event stream. The owner fills in what only the sandbox
// knows: a report's memory.
type Publish struct{ Record event.Record }

// Thaw lets the processes go on; they must run when it returns.
type Thaw struct{}

// Rest tells the fleet that the environment can take an invocation, and
// freezes it unless the fleet has one at once.
type Rest struct{}

// KillAll ends every process; Killed comes back when none is left.
type KillAll struct{ Incarnation int }

// Destroy ends the sandbox; Destroyed comes back.
type Destroy struct{}

// Leave tells the fleet that the environment will never take an invocation again.
type Leave struct{ Reason string }

func (Start) effect()          {}
func (Signal) effect()         {}
func (Offer) effect()          {}
func (OfferExtension) effect() {}
func (Settle) effect()         {}
func (SettleWith) effect()     {}
func (Arm) effect()            {}
func (Disarm) effect()         {}
func (Drain) effect()          {}
func (Attribute) effect()      {}
func (Publish) effect()        {}
func (Thaw) effect()           {}
func (Rest) effect()           {}
func (KillAll) effect()        {}
func (Destroy) effect()        {}
func (Leave) effect()          {}
