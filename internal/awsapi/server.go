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
// progress finish for as long as grace, and breaks off what is left.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, grace time.Duration, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	return drainServer(server, grace, stopped)
}

func drainServer(server *http.Server, grace time.Duration, stopped <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	<-stopped // http.ErrServerClosed: it was told to
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
