// Package api serves the persona contract over HTTP: which paths there are, how
// a request is read, and how an answer or an error is written.
//
// It decides nothing: rules stand in library. routes.go lists every route.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"personae.dev/internal/httpx"
	"personae.dev/internal/library"
	"personae.dev/internal/ratelimit"
)

// Limits of requests.
const (
	// MaxBodyBytes is how large the body of a request may be.
	MaxBodyBytes = 1 << 20
	// ValidatePerMinute is how often a key may be validated.
	ValidatePerMinute = 1000
)

// Config says what an API works with.
type Config struct {
	Library *library.Library
	Log     *slog.Logger
	// Metrics answers /metrics.
	Metrics http.Handler
	// Observe is told of every request: the pattern of its route ("" where none
	// matched), its status, and how long it took.
	Observe func(route string, status int, took time.Duration)
}

// API is the contract's routes.
type API struct {
	library  *library.Library
	metrics  http.Handler
	validate *ratelimit.Limiter
}

// New returns the handler of all routes behind the stages that every request
// passes.
func New(cfg Config) http.Handler {
	a := &API{library: cfg.Library, metrics: cfg.Metrics, validate: ratelimit.New(ValidatePerMinute)}
	routes := a.routes()
	mux := httpx.NewMux(unmatched(routes))
	for _, route := range routes {
		mux.Handle(route.method+" "+route.path, route.handler)
	}
	return httpx.Adapt(httpx.Chain(mux.Serve,
		httpx.RequestIDs,
		httpx.AccessLog(cfg.Log),
		httpx.Observe(cfg.Observe),
		httpx.Errors(writeError),
		httpx.Recover,
		httpx.LimitBody(MaxBodyBytes),
	))
}
