package api

import (
	"context"
	"errors"
	"net/http"

	"personae.dev/apitype"
	"personae.dev/internal/httpx"
	"personae.dev/internal/persona"
)

// methodNotAllowed is a kind of error that HTTP alone has.
const methodNotAllowed persona.Kind = "method_not_allowed"

// statusClientGone is for log and metrics, and never sent: the client hung up.
const statusClientGone = 499

// retryAfterUnavailable is how many seconds a client should wait when the
// database is away, and retryAfterBusy when there is too much to do.
const (
	retryAfterUnavailable = "5"
	retryAfterBusy        = "1"
)

// status maps the kinds of errors to HTTP.
func status(kind persona.Kind) int {
	switch kind {
	case persona.Invalid:
		return http.StatusBadRequest
	case persona.Unauthorized:
		return http.StatusUnauthorized
	case persona.Forbidden:
		return http.StatusForbidden
	case persona.NotFound:
		return http.StatusNotFound
	case methodNotAllowed:
		return http.StatusMethodNotAllowed
	case persona.Conflict:
		return http.StatusConflict
	case persona.Precondition:
		return http.StatusPreconditionFailed
	case unsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case persona.TooLarge:
		return http.StatusRequestEntityTooLarge
	case persona.RateLimited:
		return http.StatusTooManyRequests
	case persona.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// writeError answers err. What is ours alone, and what an operator is told of
// files and disks, is not shown: the log has it under the request's id.
func writeError(w *httpx.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		// It may still read, if it closed its own side only.
		err = persona.UnavailableError(err, "The request was given up.")
		defer w.LogStatus(statusClientGone)
	}
	shown := persona.Error{
		Kind: persona.Internal, Code: persona.CodeInternal,
		Message: "Something went wrong on the server. Try again, and tell its operator this requestId if it stays so.",
	}
	if known, ok := errors.AsType[*persona.Error](err); ok && status(known.Kind) != http.StatusInternalServerError {
		shown = *known
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store") // a cache would not see whose key it was
	header.Del("ETag")                      // of what was to be answered
	switch shown.Kind {
	case persona.Unauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="personae"`)
	case persona.Precondition:
		header.Set("ETag", shown.ETag)
	case persona.Unavailable:
		if errors.Is(err, httpx.ErrBusy) {
			header.Set("Retry-After", retryAfterBusy)
			break
		}
		header.Set("Retry-After", retryAfterUnavailable)
		if shown.Code == persona.CodeOutcomeUnknown {
			shown.Message = "The database did not tell whether the change was made. Read what it was for before you make it again; a create with an Idempotency-Key can be sent again as it is."
			break
		}
		shown.Message = "The server cannot reach its database at the moment. Try again in a few seconds."
	}
	fields := make([]apitype.FieldError, 0, len(shown.Fields))
	for _, f := range shown.Fields {
		fields = append(fields, apitype.FieldError{Field: f.Field, Message: f.Message})
	}
	answer := apitype.ErrorResponse{
		Metadata: httpx.Metadata(w, shown.Message),
		Message:  shown.Message,
		Error:    apitype.Error{Code: shown.Code, Fields: fields},
	}
	if err := httpx.WriteJSON(w, status(shown.Kind), answer); err != nil {
		w.Err = errors.Join(w.Err, err)
	}
}
