// Package httpx is what every route of an HTTP transport shares: handlers that
// return errors, and the stages that a request passes on its way to one.
//
// It knows no route, no rule and no status of a domain error: those are api's.
package httpx

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"personae.dev/internal/overload"
	"personae.dev/internal/persona"
)

// Handler answers a request, or returns an error and has written nothing.
type Handler func(w *ResponseWriter, r *http.Request) error

// Middleware is a stage before a handler.
type Middleware func(Handler) Handler

// Chain returns h behind the stages, the first of them outermost.
func Chain(h Handler, stages ...Middleware) Handler {
	for i := len(stages) - 1; i >= 0; i-- {
		h = stages[i](h)
	}
	return h
}

// ResponseWriter is the answer to one request, and what is known of it for log
// and metrics. It must not be kept when the handler has returned.
type ResponseWriter struct {
	http.ResponseWriter

	// RequestID is ours; the caller's own is only logged and sent back.
	RequestID string
	// Began is when the request came in.
	Began time.Time
	// Route is the pattern of the route, "" where none matched.
	Route string
	// KeyOID and WorkspaceOID are set once the caller is known.
	KeyOID, WorkspaceOID string
	// Err is why the request failed, for the log.
	Err error

	status  int
	written int64

	// values are of headers that were Set: made together, and left to whoever
	// has the headers.
	values []string
	attrs  [12]slog.Attr // room for those of the log

	bounds    *Bounds
	gate      *overload.Gate // that it is inside of, nil for none
	overLimit bool           // of connections
	reads     bool           // and changes nothing
}

// Status returns the status that was answered, 200 where none was said.
func (w *ResponseWriter) Status() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// LogStatus sets the status for log and metrics after another one was sent.
func (w *ResponseWriter) LogStatus(status int) { w.status = status }

// Wrote tells whether the answer has begun.
func (w *ResponseWriter) Wrote() bool { return w.status != 0 }

// Set sets a header, as that of http.Header does; its key must be canonical.
func (w *ResponseWriter) Set(key, value string) {
	if w.values == nil {
		w.values = make([]string, 0, 4)
	}
	n := len(w.values)
	w.values = append(w.values, value)
	w.Header()[key] = w.values[n : n+1 : n+1]
}

// WriteHeader implements http.ResponseWriter.
func (w *ResponseWriter) WriteHeader(status int) {
	w.leave()
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *ResponseWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.leave()
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.written += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *ResponseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Adapt makes an http.Handler of h. Each request gets its id here. h must
// answer errors itself (see Errors).
func Adapt(h Handler) http.Handler {
	pool := sync.Pool{New: func() any { return new(ResponseWriter) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := pool.Get().(*ResponseWriter)
		*rw = ResponseWriter{ResponseWriter: w, RequestID: persona.NewID(persona.RequestPrefix), Began: time.Now()}
		defer func() {
			*rw = ResponseWriter{}
			pool.Put(rw)
		}()
		_ = h(rw, r) // Errors has answered it
	})
}

// Mux finds the handler of a request by its exact path and method. A path that is
// encoded in another way than need be, as with %2F for a slash, is no route's. It is no
// http.ServeMux, which costs more than a hot answer's key check, and redirects
// what is nearly a path.
type Mux struct {
	routes    map[string]map[string]*route // by path and method
	otherwise Handler
}

type route struct {
	pattern string // its method and path, for log and metrics
	handler Handler
}

// NewMux returns a mux where otherwise answers what no route matches.
func NewMux(otherwise Handler) *Mux {
	return &Mux{routes: map[string]map[string]*route{}, otherwise: otherwise}
}

// Handle registers h for a method and a path. What is for GET answers HEAD too.
func (m *Mux) Handle(method, path string, h Handler) {
	if m.routes[path] == nil {
		m.routes[path] = map[string]*route{}
	}
	r := &route{method + " " + path, h}
	m.routes[path][method] = r
	if method == http.MethodGet {
		m.routes[path][http.MethodHead] = r
	}
}

// Serve is the Handler of the mux.
func (m *Mux) Serve(w *ResponseWriter, r *http.Request) error {
	found := m.routes[r.URL.Path][r.Method]
	if found == nil || r.URL.RawPath != "" {
		return m.otherwise(w, r)
	}
	w.Route = found.pattern
	return found.handler(w, r)
}
