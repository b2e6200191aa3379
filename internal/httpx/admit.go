package httpx

import (
	"context"
	"io"
	"net/http"

	"personae.dev/internal/overload"
	"personae.dev/internal/persona"
)

// ErrBusy refuses what is more than the server can do.
var ErrBusy error = &persona.Error{
	Kind: persona.Unavailable, Code: persona.CodeUnavailable,
	Message: "The server has more to do than it can at the moment. Try again in a second.",
}

// Bounds are what the requests of a server share.
type Bounds struct {
	// Bodies and Answers are the bytes that come from and go to slow clients.
	Bodies, Answers *overload.Budget
	// Refused is told why a request got ErrBusy.
	Refused func(Refusal)
}

// Refusal is why a request got ErrBusy.
type Refusal string

// The refusals.
const (
	RefusedConnection Refusal = "connections" // it came on a connection over the limit
	RefusedWork       Refusal = "in_flight"   // too many are in work
	RefusedBody       Refusal = "bodies"      // too many bytes of bodies have come in
	RefusedAnswer     Refusal = "answers"     // too many bytes of answers are on their way
)

// Bound gives requests their bounds, and ends a connection over the limit after
// its first answer.
func Bound(bounds *Bounds) Middleware {
	return func(next Handler) Handler {
		return func(w *ResponseWriter, r *http.Request) error {
			w.bounds, w.reads = bounds, !mayHaveBody(r.Method) && r.Method != http.MethodDelete
			if w.overLimit = overload.Begin(r.Context()); w.overLimit {
				w.Header().Set("Connection", "close")
			}
			return next(w, r)
		}
	}
}

// Admit lets requests into next through a gate. They are inside while they are
// worked on, and not while they wait for the client: neither as its body comes
// in, nor as the answer goes out.
func Admit(gate *overload.Gate, next Handler) Handler {
	return func(w *ResponseWriter, r *http.Request) error {
		if w.overLimit {
			return w.busy(RefusedConnection)
		}
		if err := w.enter(r.Context(), gate); err != nil {
			return err
		}
		defer w.leave()
		if r.Body != http.NoBody {
			body := &admittedBody{ReadCloser: r.Body, w: w, r: r}
			r.Body = body
			defer func() { w.bounds.Bodies.Give(body.taken) }()
		}
		return next(w, r)
	}
}

// enter enters a gate. Who hung up before the gate was not refused.
func (w *ResponseWriter) enter(ctx context.Context, gate *overload.Gate) error {
	if gate.Enter(ctx) {
		w.gate = gate
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.busy(RefusedWork)
}

func (w *ResponseWriter) busy(why Refusal) error {
	w.bounds.Refused(why)
	return ErrBusy
}

// leave leaves the gate, if the request is inside.
func (w *ResponseWriter) leave() {
	if w.gate != nil {
		w.gate.Leave()
		w.gate = nil
	}
}

// admittedBody is outside the gate until the body is there.
type admittedBody struct {
	io.ReadCloser
	w     *ResponseWriter
	r     *http.Request
	gate  *overload.Gate // to go back to
	taken int64
}

// Read implements io.Reader.
func (b *admittedBody) Read(p []byte) (int, error) {
	if b.w.gate != nil {
		b.gate = b.w.gate
		b.w.leave()
	}
	n, err := b.ReadCloser.Read(p)
	if !b.w.bounds.Bodies.Take(int64(n)) {
		return n, b.w.busy(RefusedBody)
	}
	b.taken += int64(n)
	if err != nil && b.gate != nil {
		if err := b.w.enter(b.r.Context(), b.gate); err != nil {
			return n, err
		}
		b.gate = nil
	}
	return n, err
}
