// Package httpx is what every HTTP transport of the server shares: routes as
// data, the steps that a request passes before its handler, JSON answers and
// errors.
//
// A request passes, in this order: its id, the access log, metrics, recovery
// from panics, the rules for pages of other origins, the mux, the check of its key
// and scope, the reading of its body, the gate of its class, and the route's
// timeout.
package httpx

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/limit"
)

// Handler answers a request, or returns an error, which is then answered as
// JSON. An error that comes after the first byte of the answer cuts it off.
type Handler func(w http.ResponseWriter, r *http.Request) error

// FromHTTP returns the Handler of an http.Handler, which answers its errors
// itself.
func FromHTTP(h http.Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// Route is one method of one path.
type Route struct {
	// Method is GET, which answers HEAD too, or another one. Path is as in
	// http.ServeMux: a segment may be {name}, and the last one {name...}. A path
	// without wildcards matches its own spelling alone. Paths with a trailing
	// slash match nothing.
	Method, Path string
	// Class says which gate the request passes.
	Class Class
	// Scope is what the key of the caller must allow; "" needs no key.
	Scope account.Scope
	// BodyLimit is how many bytes the body may have. The body is read before the
	// gate: see Body. With 0 a body is ignored.
	BodyLimit int64
	// Timeout is how long the handler may take. It takes the place of the
	// server's timeouts, and may be longer. 0 leaves those.
	Timeout time.Duration
	// Stream is for answers that go on: there is no timeout, and the context ends
	// when the server stops.
	Stream  bool
	Handler Handler
	// Fail, if set, answers errors in place of JSON: those of the handler, and
	// those of the steps before it.
	Fail func(w http.ResponseWriter, r *http.Request, status int, shown *errs.Error)
}

// Class is a group of routes that share a gate.
type Class int

// The classes. Changes wait for one another and lists take long; gets are mostly
// answered from a cache, and shall wait for neither.
const (
	ClassNone  Class = iota // no gate
	ClassGet                // one thing is read
	ClassList               // many are read
	ClassWrite              // something is changed
	ClassModel              // a language model is asked, which takes seconds or minutes
)

// Bounds of requests. docs/limits.md lists them.
const (
	// DefaultMaxInFlight is how many lists are answered at once where
	// Config.MaxInFlight is 0, and ShortInFlight how many gets, and how many
	// changes, for each of them.
	DefaultMaxInFlight = 16
	ShortInFlight      = 4
	// MaxWaiting is how many requests wait for each gate, QueueTimeout at most.
	MaxWaiting   = 1024
	QueueTimeout = time.Second
	// DefaultBodiesBytes bounds all bodies together while they are in memory, and
	// DefaultAnswersBytes all large answers to gets while they are sent. Lists have
	// a budget of their own, in package library.
	DefaultBodiesBytes  = 64 << 20
	DefaultAnswersBytes = 64 << 20
	// MaxIgnoredBody is how large the body may be of a request that needs none.
	MaxIgnoredBody = 1 << 20
)

// Refusal is why a request was answered with ErrBusy.
type Refusal string

// The refusals.
const (
	RefusedConnection Refusal = "connections" // it came on a connection over the limit
	RefusedWork       Refusal = "in_flight"   // the queue of its gate is full, or it waited too long
	RefusedBody       Refusal = "bodies"      // all bodies together are too large
	RefusedAnswer     Refusal = "answers"     // all answers together are too large
)

// Observer is told of a request that has ended.
type Observer func(status int, took time.Duration)

// Config is what New needs.
type Config struct {
	Routes []Route
	// Authenticate returns whom a token belongs to. The token is "" where the
	// request has none.
	Authenticate func(ctx context.Context, token string) (*account.Principal, error)
	// NotFound returns the error for a path that no route has, and nil for the
	// usual one. May be nil.
	NotFound func(path string) error
	Log      *slog.Logger
	// Observe returns the observer of a route, by its pattern such as
	// "GET /healthz", and of what no route matches, "". New calls it. May be nil.
	Observe func(route string) Observer
	// Refused is told of every request that is too many. May be nil.
	Refused func(Refusal)
	// MaxInFlight is how many lists are answered at once; 0 is
	// DefaultMaxInFlight.
	MaxInFlight int
	// BodiesBytes and AnswersBytes bound what all bodies, and all large answers to
	// gets, have in memory; 0 is DefaultBodiesBytes and DefaultAnswersBytes.
	BodiesBytes, AnswersBytes int64
	// Stopping ends the contexts of streams when it is done: the server shuts
	// down. May be nil.
	Stopping context.Context
	// Draining reports that the server will shut down soon. Answers then ask their
	// clients to connect again, which leads them to another server. May be nil.
	Draining func() bool
	// Proxies are those whose X-Forwarded-For is believed, for the access log.
	Proxies Proxies
	// Origins are those of the pages whose scripts may read answers, as
	// ParseOrigins returns them.
	Origins []string
	// Now and NewID, if set, take the place of account.Now and account.NewID in
	// what is answered.
	Now   func() time.Time
	NewID func(prefix string) string
}

// transport is what the requests of a server share.
type transport struct {
	Config
	gates           map[Class]*limit.Gate
	bodies, answers *semaphore.Weighted
}

// New returns the handler of all routes.
func New(cfg Config) http.Handler {
	cfg.MaxInFlight = cmp.Or(cfg.MaxInFlight, DefaultMaxInFlight)
	cfg.BodiesBytes = cmp.Or(cfg.BodiesBytes, DefaultBodiesBytes)
	cfg.AnswersBytes = cmp.Or(cfg.AnswersBytes, DefaultAnswersBytes)
	if cfg.Observe == nil {
		cfg.Observe = func(string) Observer { return func(int, time.Duration) {} }
	}
	if cfg.NotFound == nil {
		cfg.NotFound = func(string) error { return nil }
	}
	if cfg.Refused == nil {
		cfg.Refused = func(Refusal) {}
	}
	if cfg.Stopping == nil {
		cfg.Stopping = context.Background()
	}
	if cfg.Draining == nil {
		cfg.Draining = func() bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = account.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = account.NewID
	}
	short := ShortInFlight * cfg.MaxInFlight
	t := &transport{
		Config: cfg,
		gates: map[Class]*limit.Gate{
			ClassGet:   limit.NewGate(short, MaxWaiting, QueueTimeout),
			ClassList:  limit.NewGate(cfg.MaxInFlight, MaxWaiting, QueueTimeout),
			ClassWrite: limit.NewGate(short, MaxWaiting, QueueTimeout),
			ClassModel: limit.NewGate(short, MaxWaiting, QueueTimeout),
		},
		bodies: semaphore.NewWeighted(cfg.BodiesBytes), answers: semaphore.NewWeighted(cfg.AnswersBytes),
	}
	return t.begin(t.accessLog(t.observe(t.recoverPanics(t.cors(t.mux())))))
}
