package awsapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of a connection. There is no limit for a whole request: net/http's
// ReadTimeout would cancel an invocation that runs longer, and one may run for
// 15 minutes.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute // longer than the SDKs keep an idle connection
	maxHeaderBytes = 1 << 20
)

// Serve answers requests until ctx ends. Then it takes no more, lets those in
// progress finish for as long as grace, and breaks off what is left. While nobody
// calls it is one goroutine, that of its caller: many environments have one.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, bounds Bounds, grace time.Duration, log *slog.Logger) error {
	handler = tidily(bounds.bound(ctx, handler))
	server := &http.Server{
		Handler:           tellSecured(handler),
		ConnContext:       noteSecured,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	q := &quick{handler: handler, log: log, others: newHandedOver(listener, server.Serve), seats: newSeats(bounds.Connections), open: map[*quickConn]bool{}}
	unlisten := context.AfterFunc(ctx, func() { listener.Close() })
	defer unlisten()
	failed := q.accept(ctx, listener)
	if ctx.Err() != nil {
		failed = nil // it was told to
	} else {
		failed = fmt.Errorf("serve %s: %w", listener.Addr(), failed)
	}
	listener.Close()
	return errors.Join(failed, drainServer(server, q, grace))
}

func drainServer(server *http.Server, q *quick, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		q.drain(ctx)
		close(drained)
	}()
	err := server.Shutdown(ctx)
	q.others.Close()
	<-drained
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	q.others.serving.Wait()
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
