package httpx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"personae.dev/internal/errs"
	"personae.dev/internal/limit"
)

// answerGrace is how long an answer may be on its way after Route.Timeout.
const answerGrace = 10 * time.Second

// serve returns the handler of a route: its steps, and the answer of its errors.
func (t *transport) serve(route Route, observe Observer) http.Handler {
	gate := t.gates[route.Class]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := exchangeIn(r.Context())
		e.observe, e.fail, e.counted = observe, route.Fail, route.Class == ClassGet
		if err := t.run(e, w, r, &route, gate); err != nil {
			fail(w, r, err)
		}
	})
}

func (t *transport) run(e *exchange, w http.ResponseWriter, r *http.Request, route *Route, gate *limit.Gate) error {
	if gate != nil && limit.OverLimit(r.Context()) {
		return t.busy(RefusedConnection)
	}
	if route.Scope != "" {
		if err := t.authenticate(r.Context(), e, r.Header, route.Scope); err != nil {
			return err
		}
	}
	if r.Body != http.NoBody {
		body, err := t.readBody(e, r, route.BodyLimit)
		defer body.release()
		if err != nil {
			return err
		}
	}
	if gate != nil {
		if !gate.Enter(r.Context()) {
			if err := r.Context().Err(); err != nil {
				return err // the client left, and was not refused
			}
			return t.busy(RefusedWork)
		}
		e.gate.Store(gate)
		defer e.leave()
	}
	switch {
	case route.Stream:
		return t.stream(w, r, route.Handler)
	case route.Timeout > 0:
		return withTimeout(w, r, route)
	}
	return route.Handler(w, r)
}

// stream serves an answer that has no end: no timeout cuts it off, and its
// context ends with the server, too.
func (t *transport) stream(w http.ResponseWriter, r *http.Request, h Handler) error {
	setDeadlines(w, time.Time{})
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(t.Stopping, cancel)()
	return h(w, r.WithContext(ctx))
}

func withTimeout(w http.ResponseWriter, r *http.Request, route *Route) error {
	setDeadlines(w, time.Now().Add(route.Timeout+answerGrace))
	ctx, cancel := context.WithTimeout(r.Context(), route.Timeout)
	defer cancel()
	err := route.Handler(w, r.WithContext(ctx))
	if _, known := errors.AsType[*errs.Error](err); !known && errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return &errs.Error{
			Kind: errs.Unavailable, Code: errs.CodeUnavailable, RetryAfter: retryAfter, Err: err,
			Message: fmt.Sprintf("The request took longer than %s and was given up. Try again later, or ask for less.", route.Timeout),
		}
	}
	return err
}

// setDeadlines replaces those of the server. The one for reading counts as well:
// once it is over, net/http ends the context of the request.
func setDeadlines(w http.ResponseWriter, deadline time.Time) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(deadline)  // a recorder of tests has none
	_ = control.SetWriteDeadline(deadline) // the same
}

// readBody reads the body of a request whole, and refuses one of more than
// bodyLimit bytes or one that does not come to its end. The caller must release
// what it returns, errors or not. With bodyLimit 0 the body is dropped.
func (t *transport) readBody(e *exchange, r *http.Request, bodyLimit int64) (*countedBody, error) {
	counted := &countedBody{budget: t.bodies}
	ignore := bodyLimit == 0
	if ignore {
		bodyLimit = MaxIgnoredBody
	}
	if r.ContentLength > bodyLimit {
		return counted, bodyTooLarge(bodyLimit)
	}
	counted.Reader = http.MaxBytesReader(e.ResponseWriter, r.Body, bodyLimit)
	var err error
	if ignore {
		// Whether a body in chunks ends, only its reader finds out.
		_, err = io.Copy(io.Discard, counted.Reader)
	} else {
		e.body, err = io.ReadAll(counted)
		r.Body = io.NopCloser(bytes.NewReader(e.body))
	}
	tooLarge, isTooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case err == nil:
		return counted, nil
	case isTooLarge:
		return counted, bodyTooLarge(tooLarge.Limit)
	case errors.Is(err, errBodiesFull):
		return counted, t.busy(RefusedBody)
	}
	return counted, &errs.Error{
		Kind: errs.Invalid, Code: errs.CodeInvalidRequest, Err: err,
		Message: "The body cannot be read to its end: send it whole, with its Content-Length or in chunks.",
		Fields:  []errs.Field{{Path: "body", Message: "cannot be read to its end"}},
	}
}

var errBodiesFull = errors.New("httpx: all bodies together are too large")

// countedBody takes what was read of a body from a budget. What a client has
// only promised to send costs nothing.
type countedBody struct {
	io.Reader
	budget *semaphore.Weighted
	taken  int64
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if n > 0 {
		if !b.budget.TryAcquire(int64(n)) {
			return 0, errBodiesFull
		}
		b.taken += int64(n)
	}
	return n, err
}

// release gives the bytes back.
func (b *countedBody) release() { b.budget.Release(b.taken) }

func bodyTooLarge(bodyLimit int64) error {
	return &errs.Error{
		Kind: errs.TooLarge, Code: errs.CodeBodyTooLarge,
		Message: fmt.Sprintf("The body is larger than %d bytes: send less at a time.", bodyLimit),
	}
}

// JSONBody returns the body of a request that must be JSON. A request without a
// Content-Type is read as JSON, too.
func JSONBody(r *http.Request) ([]byte, error) {
	if contentType := r.Header.Get("Content-Type"); contentType != "" && contentType != "application/json" {
		mediaType, _, err := mime.ParseMediaType(contentType)
		if err != nil || mediaType != "application/json" && !strings.HasSuffix(mediaType, "+json") {
			return nil, &errs.Error{
				Kind: UnsupportedMediaType, Code: errs.CodeUnsupportedMediaType,
				Message: "The body must be JSON: send it with the header Content-Type: application/json.",
			}
		}
	}
	return Body(r), nil
}
