package functionurl

import (
	"net/http"
	"time"

	"lambent/internal/lambda"
)

// Observer hears of requests that were answered, those too that were refused.
type Observer interface {
	Answered(function lambda.Reference, status int, took time.Duration)
}

// Observed is the handler with somebody who hears of its answers. Requests for URLs
// that are not there belong to no function, and are not told.
func (h *Handler) Observed(observer Observer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := h.address(r)
		target, ok := h.URLs.URLByID(id)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		began, noted := time.Now(), &answered{ResponseWriter: w}
		defer func() {
			observer.Answered(lambda.Reference{Name: target.Function, Qualifier: target.Qualifier}, noted.status, time.Since(began))
		}()
		h.ServeHTTP(noted, r)
	})
}

// answered remembers the status of an answer; zero: there was none.
type answered struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answered) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answered) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.NewResponseController.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
