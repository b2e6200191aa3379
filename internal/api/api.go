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
	"personae.dev/internal/overload"
	"personae.dev/internal/ratelimit"
)

// Limits of requests.
const (
	// MaxBodyBytes is how large the body of a request may be.
	MaxBodyBytes = 1 << 20
	// ValidatePerMinute is how often a key may be validated.
	ValidatePerMinute = 1000

	// DefaultMaxInFlight is how many lists are in work at once where nothing else is
	// said. docs/limits.md has the measurement.
	DefaultMaxInFlight = 16
	// ShortInFlight is how many gets, and how many changes, are in work for each
	// list: on SQLite gets are read together, and changes wait for the disk together.
	ShortInFlight = 4
	// MaxWaiting is how many more wait to be worked on, each QueueTimeout at
	// most.
	MaxWaiting   = 1024
	QueueTimeout = time.Second
	// MaxBodiesBytes is how much of all bodies together is in memory while they
	// come in, and MaxAnswersBytes of large answers while they go out.
	MaxBodiesBytes  = 64 << 20
	MaxAnswersBytes = 256 << 20
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
	// MaxInFlight is how many lists are in work at once, and ShortInFlight times as
	// many gets, and changes; 0 stands for DefaultMaxInFlight.
	MaxInFlight int
	// Refused, if set, is told of every request that was too many.
	Refused func(httpx.Refusal)
}

// API is the contract's routes.
type API struct {
	library  *library.Library
	metrics  http.Handler
	validate *ratelimit.Limiter
	// Changes wait for one another and lists take long, and who only gets what
	// is mostly in a cache shall wait for neither.
	gets, lists, changes *overload.Gate
}

// New returns the handler of all routes behind the stages that every request
// passes.
func New(cfg Config) http.Handler {
	if cfg.MaxInFlight == 0 {
		cfg.MaxInFlight = DefaultMaxInFlight
	}
	if cfg.Refused == nil {
		cfg.Refused = func(httpx.Refusal) {}
	}
	a := &API{
		library: cfg.Library, metrics: cfg.Metrics, validate: ratelimit.New(ValidatePerMinute),
		gets:    overload.NewGate(ShortInFlight*cfg.MaxInFlight, MaxWaiting, QueueTimeout),
		lists:   overload.NewGate(cfg.MaxInFlight, MaxWaiting, QueueTimeout),
		changes: overload.NewGate(ShortInFlight*cfg.MaxInFlight, MaxWaiting, QueueTimeout),
	}
	bounds := &httpx.Bounds{
		Bodies: overload.NewBudget(MaxBodiesBytes), Answers: overload.NewBudget(MaxAnswersBytes), Refused: cfg.Refused,
	}
	routes := a.routes()
	mux := httpx.NewMux(unmatched(routes))
	for _, route := range routes {
		mux.Handle(route.method, route.path, route.handler)
	}
	return httpx.Adapt(httpx.Chain(mux.Serve,
		httpx.Bound(bounds),
		httpx.RequestIDs,
		httpx.AccessLog(cfg.Log),
		httpx.Observe(cfg.Observe),
		httpx.Errors(writeError),
		httpx.Recover,
		httpx.LimitBody(MaxBodyBytes),
	))
}
