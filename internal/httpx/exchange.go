package httpx

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"personae.dev/internal/account"
	"personae.dev/internal/errs"
	"personae.dev/internal/limit"
)

// exchange is one request and its answer: what is known of the request, which is
// in its context, and the recorder of the answer.
type exchange struct {
	http.ResponseWriter
	transport *transport

	id        string
	began     time.Time
	observe   Observer // of the route
	fail      func(w http.ResponseWriter, r *http.Request, status int, shown *errs.Error)
	principal *account.Principal
	body      []byte
	gate      atomic.Pointer[limit.Gate] // that the request is inside of, or nil
	counted   bool                       // its answer counts against AnswersBytes

	// ended is set when the handler has returned. Buffers of net/http may then
	// belong to another request.
	ended atomic.Bool

	status  int   // that was sent, 0 before
	written int64 // bytes of the body
	err     error // why the request failed
	gone    bool  // the client left before the answer
}

var errEnded = errors.New("httpx: the handler has returned")

type exchangeKey struct{}

// exchangeIn returns the exchange of a request, by its context.
func exchangeIn(ctx context.Context) *exchange {
	e, ok := ctx.Value(exchangeKey{}).(*exchange)
	if !ok {
		return &exchange{}
	}
	return e
}

// exchangeOf returns the exchange that w writes to, or nil.
func exchangeOf(w http.ResponseWriter) *exchange {
	for {
		if e, ok := w.(*exchange); ok {
			return e
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = wrapper.Unwrap()
	}
}

// RequestID returns the id of the request with ctx.
func RequestID(ctx context.Context) string { return exchangeIn(ctx).id }

// Principal returns whom the key of the request belongs to, or nil on a route
// without a scope.
func Principal(ctx context.Context) *account.Principal { return exchangeIn(ctx).principal }

// Body returns the body of a request whose route has a BodyLimit.
func Body(r *http.Request) []byte { return exchangeIn(r.Context()).body }

// now returns the present, as the server has it.
func (e *exchange) now() time.Time {
	if e.transport == nil {
		return account.Now()
	}
	return e.transport.Now()
}

// wrote reports whether the answer has begun.
func (e *exchange) wrote() bool { return e.status != 0 }

// loggedStatus is the status for log and metrics: statusClientGone where nobody
// was there to read the answer.
func (e *exchange) loggedStatus() int {
	switch {
	case e.gone:
		return statusClientGone
	case e.status == 0:
		return http.StatusOK
	}
	return e.status
}

// begin notes that the answer begins. From then on the request waits for its
// client, and holds up no other.
func (e *exchange) begin(status int) {
	if e.status == 0 {
		e.leave()
		e.status = status
	}
}

// leave leaves the gate, if the request is inside.
func (e *exchange) leave() {
	if gate := e.gate.Swap(nil); gate != nil {
		gate.Leave()
	}
}

// WriteHeader implements http.ResponseWriter.
func (e *exchange) WriteHeader(status int) {
	if e.ended.Load() {
		return
	}
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		e.begin(status)
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (e *exchange) Write(b []byte) (int, error) {
	if e.ended.Load() {
		return 0, errEnded
	}
	e.begin(http.StatusOK)
	n, err := e.ResponseWriter.Write(b)
	e.written += int64(n)
	return n, err
}

// FlushError sends what was written so far.
func (e *exchange) FlushError() error {
	if e.ended.Load() {
		return errEnded
	}
	e.begin(http.StatusOK)
	return http.NewResponseController(e.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (e *exchange) Flush() { _ = e.FlushError() } // http.Flusher has no error

// Unwrap is for http.ResponseController.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }
