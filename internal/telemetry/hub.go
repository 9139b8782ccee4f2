package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"lambent/internal/event"
	"lambent/internal/lambda"
	"lambent/internal/logline"
)

const (
	// maxBacklogRecords and maxBacklogBytes bound what is kept during Init for
	// those who have yet to subscribe.
	maxBacklogRecords = 10_000
	maxBacklogBytes   = 1 << 20
)

// Dialer reaches listeners inside the environment.
type Dialer interface {
	// Dial connects to host:port as seen from inside.
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// Config is what a Hub needs. Dialer and Name are required.
type Config struct {
	Dialer Dialer
	// Name tells the name of an extension, or a *lambda.Refusal when nobody
	// has the identifier.
	Name func(identifier string) (string, error)
	// Subscribed publishes that an extension has subscribed; nil tells nobody.
	Subscribed func(event.TelemetrySubscription)
	Log        *slog.Logger // nil: nothing is logged
}

// Hub is the subscriptions of one environment. It is an event.Sink.
type Hub struct {
	cfg  Config
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup

	// deaf says that nobody subscribed and nobody can, which is so for most
	// environments most of the time.
	deaf atomic.Bool

	mu      sync.Mutex
	open    bool
	closed  bool
	backlog []event.Event // since InitStart, while open
	size    int           // of the backlog's lines
	subs    map[string]*subscriber
}

// New makes a Hub without subscribers; subscribing is closed.
func New(cfg Config) *Hub {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{cfg: cfg, subs: map[string]*subscriber{}}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.deaf.Store(true)
	return h
}

// Publish hands an event to those who want it.
func (h *Hub) Publish(e event.Event) {
	if _, begins := e.Record.(event.InitStart); h.deaf.Load() && !begins {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.follow(e)
	if logline.Type(e.Record) == "" {
		return
	}
	h.keep(e)
	for _, s := range h.subs {
		s.add(e)
	}
}

// follow does what an event of the environment's life asks for. Called with mu
// held.
func (h *Hub) follow(e event.Event) {
	switch e.Record.(type) {
	case event.InitStart:
		h.drop()
		h.open = true
		h.deaf.Store(false)
	case event.InitRuntimeDone:
		h.open, h.backlog, h.size = false, nil, 0
		h.deaf.Store(len(h.subs) == 0)
	case event.Frozen:
		h.each((*subscriber).freeze)
	case event.Thawed:
		h.each((*subscriber).thaw)
	case event.Reset, event.Ending:
		h.each((*subscriber).flush)
	case event.Gone:
		h.drop()
		h.open = false
		h.deaf.Store(true)
	}
}

func (h *Hub) each(do func(*subscriber)) {
	for _, s := range h.subs {
		do(s)
	}
}

// drop ends every subscription and forgets the backlog. Called with mu held.
func (h *Hub) drop() {
	for id, s := range h.subs {
		s.cancel()
		delete(h.subs, id)
	}
	h.backlog, h.size = nil, 0
}

// keep remembers an event for later subscribers. Called with mu held.
func (h *Hub) keep(e event.Event) {
	if !h.open {
		return
	}
	if line, ok := e.Record.(event.Line); ok {
		h.size += len(line.Text)
		if h.size <= maxBacklogBytes && len(h.backlog) < maxBacklogRecords {
			line.Text = bytes.Clone(line.Text) // the publisher's, and only for now
			e.Record = line
		}
	}
	if h.size <= maxBacklogBytes && len(h.backlog) < maxBacklogRecords {
		h.backlog = append(h.backlog, e)
	}
}

// Subscribe takes a subscription, which replaces an earlier one of the same
// extension. It returns a *lambda.Refusal for an extension that nobody knows
// and outside of Init.
func (h *Hub) Subscribe(identifier string, sub lambda.Subscription) error {
	name, err := h.cfg.Name(identifier)
	if err != nil {
		return err
	}
	if err := h.subscribe(identifier, sub); err != nil {
		return err
	}
	if h.cfg.Subscribed != nil {
		h.cfg.Subscribed(event.TelemetrySubscription{Name: name, State: "Subscribed", Types: sub.Types, LogsAPI: sub.LogsAPI})
	}
	return nil
}

func (h *Hub) subscribe(identifier string, sub lambda.Subscription) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open || h.closed {
		return closedTo(sub.LogsAPI)
	}
	if old := h.subs[identifier]; old != nil {
		if old.sub.LogsAPI != sub.LogsAPI {
			return &lambda.Refusal{Type: "ValidationError", Message: "an extension can subscribe to either the Telemetry API or the Logs API"}
		}
		old.cancel()
	}
	s := newSubscriber(h.ctx, h.cfg, sub)
	h.subs[identifier] = s
	for _, e := range h.backlog {
		s.add(e)
	}
	h.wg.Go(s.run)
	return nil
}

// Flush has what an extension subscribed to delivered at once, and returns when
// it is, or when ctx ends.
func (h *Hub) Flush(ctx context.Context, identifier string) {
	h.mu.Lock()
	s := h.subs[identifier]
	h.mu.Unlock()
	if s != nil {
		s.drain(ctx)
	}
}

func closedTo(logsAPI bool) *lambda.Refusal {
	if logsAPI {
		return &lambda.Refusal{Type: "Logs.SubscriptionClosed", Message: "Logs API subscription is closed"}
	}
	return &lambda.Refusal{Type: "Telemetry.SubscriptionClosed", Message: "Telemetry API subscription is closed"}
}

// Close delivers what is left for as long as ctx allows, and returns when no
// goroutine of the Hub runs. Events that come later are forgotten.
func (h *Hub) Close(ctx context.Context) {
	h.mu.Lock()
	h.closed = true
	h.deaf.Store(true)
	h.each((*subscriber).finish)
	h.mu.Unlock()
	defer context.AfterFunc(ctx, h.stop)()
	h.wg.Wait()
	h.stop()
}

// attemptTimeout is how long an extension may take for one delivery, not
// counting the time that it is frozen.
const attemptTimeout = time.Second
