package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"personae.dev/apitype"
	"personae.dev/internal/errs"
)

// Kinds of errors that HTTP alone has.
const (
	MethodNotAllowed     errs.Kind = "method_not_allowed"
	UnsupportedMediaType errs.Kind = "unsupported_media_type"
)

// statusClientGone is for log and metrics, and never sent: the client left.
const statusClientGone = 499

// retryAfter is how many seconds a client should wait where the error does not
// say, and retryAfterBusy where the server has too much to do.
const (
	retryAfter     = 5
	retryAfterBusy = 1
)

// ErrBusy refuses what is more than the server can do at once.
var ErrBusy error = &errs.Error{
	Kind: errs.Unavailable, Code: errs.CodeUnavailable, RetryAfter: retryAfterBusy,
	Message: "The server has more to do than it can at the moment. Try again in a second.",
}

// busy notes a refusal and returns ErrBusy.
func (t *transport) busy(why Refusal) error {
	t.Refused(why)
	return ErrBusy
}

// statusOf maps the kinds of errors to HTTP.
func statusOf(kind errs.Kind) int {
	switch kind {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.Unauthorized:
		return http.StatusUnauthorized
	case errs.Forbidden:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case errs.Conflict:
		return http.StatusConflict
	case errs.Precondition:
		return http.StatusPreconditionFailed
	case UnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case errs.TooLarge:
		return http.StatusRequestEntityTooLarge
	case errs.RateLimited:
		return http.StatusTooManyRequests
	case errs.NotOffered:
		return http.StatusNotImplemented
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// fail ends a request with an error: it is answered as JSON, or cuts the answer
// off where that has begun, so that nobody takes a part for the whole.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	e := exchangeIn(r.Context())
	e.err = err
	if e.wrote() {
		panic(http.ErrAbortHandler)
	}
	shown, gone := present(err, r.Context().Err() != nil)
	writeError(w, r, shown)
	e.gone = gone
}

// present returns what the caller is shown of err. Internal causes are only
// logged, with the id of the request. gone reports that the request was given up
// because the client closed its connection; it may still read if it closed its
// own side alone.
func present(err error, ended bool) (shown *errs.Error, gone bool) {
	known, ok := errors.AsType[*errs.Error](err)
	switch {
	case ended && errors.Is(err, context.Canceled) && (!ok || known.Kind == errs.Unavailable && known.Code != errs.CodeOutcomeUnknown):
		return &errs.Error{
			Kind: errs.Unavailable, Code: errs.CodeUnavailable, RetryAfter: retryAfterBusy,
			Message: "The request was given up because its connection was closed before the answer. Send it again, and keep the connection open until the answer is there.",
		}, true
	case !ok || statusOf(known.Kind) == http.StatusInternalServerError:
		return &errs.Error{
			Kind: errs.Internal, Code: errs.CodeInternal,
			Message: "Something went wrong on the server. Try again, and give its operator this requestId if it happens again.",
		}, false
	case forOperators(known):
		return withoutSecrets(known), false
	}
	return known, false
}

// forOperators reports whether the message of an error is for operators: that of a
// database that fails names files, disks and addresses. An error that says when to
// try again is for callers.
func forOperators(known *errs.Error) bool {
	return known.Kind == errs.Unavailable && known.RetryAfter == 0
}

// withoutSecrets returns what a caller is shown of an error for operators.
func withoutSecrets(known *errs.Error) *errs.Error {
	shown := *known
	switch known.Code {
	case errs.CodeUnavailable:
		shown.Message = "The server cannot work on its database at the moment. Try again in a few seconds, and tell its operator if it happens again."
	case errs.CodeOutcomeUnknown:
		shown.Message = "The database did not tell whether the change was made. Read what it was for before you make it again; a create with an Idempotency-Key can be sent again as it is."
	}
	return &shown
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, r *http.Request, shown *errs.Error) {
	header := w.Header()
	header.Set("Cache-Control", "no-store") // a cache does not know whose key it was
	for _, name := range []string{"ETag", "Last-Modified", "Content-Encoding"} {
		header.Del(name) // of the answer that there is not
	}
	switch shown.Kind {
	case errs.Unauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="personae"`)
	case errs.Precondition:
		header.Set("ETag", shown.ETag)
	case errs.Unavailable, errs.RateLimited:
		switch {
		case shown.RetryAfter > 0:
			header.Set("Retry-After", strconv.Itoa(shown.RetryAfter))
		case header.Get("Retry-After") == "":
			header.Set("Retry-After", strconv.Itoa(retryAfter))
		}
	}
	if e := exchangeIn(r.Context()); e.fail != nil {
		e.fail(w, r, statusOf(shown.Kind), shown)
		return
	}
	fields := make([]apitype.FieldError, 0, len(shown.Fields))
	for _, f := range shown.Fields {
		fields = append(fields, apitype.FieldError{Field: f.Path, Message: f.Message})
	}
	_ = WriteJSON(w, statusOf(shown.Kind), apitype.ErrorResponse{ // its encoding cannot fail
		Metadata: Metadata(r, shown.Message),
		Message:  shown.Message,
		Error:    apitype.Error{Code: shown.Code, Fields: fields},
	})
}

// recoverPanics answers a panic as an internal error.
func (t *transport) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			switch p {
			case nil:
			case http.ErrAbortHandler: //nolint:errorlint // net/http compares it like this, too
				panic(p)
			default:
				fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}
