package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"personae.dev/apitype"
)

// Error is an answer that is not a success. Find it with errors.As:
//
//	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Code == "insufficient_scope" {
type Error struct {
	// StatusCode is the HTTP status. It is 200 where the status is a success, but
	// the body is not an answer of the API.
	StatusCode int
	// Code is the API's, such as "persona_not_found". It is stable; the API
	// reference lists them. Empty where some other program answered, a proxy
	// for one.
	Code string
	// Message says for a person what is wrong and what to do.
	Message string
	// Fields lists every error of the request.
	Fields []apitype.FieldError
	// RequestID finds the request in the server's log. It is empty where the answer
	// has none.
	RequestID string
	// RetryAfter is how long the server asks to wait before another try, 0
	// where it does not.
	RetryAfter time.Duration
}

// Error shows everything but RetryAfter in one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client: %d", e.StatusCode)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	b.WriteString(": " + e.Message)
	if len(e.Fields) > 1 { // the message has a single one
		for _, f := range e.Fields {
			fmt.Fprintf(&b, " [%s: %s]", f.Field, f.Message)
		}
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// ErrNotModified is the error of a get with IfChanged where the caller's version
// is the current one.
var ErrNotModified = errors.New("client: not modified: the caller has the current version")

// ErrAnswerTooLarge is in the error of a call whose answer has more than
// MaxAnswerBytes, or more than the server gives in one page. Ask for a smaller
// page; All does so by itself.
var ErrAnswerTooLarge = errors.New("client: the answer is too large")

// Codes of the API that the client acts on.
const (
	codePageTooLarge = "page_too_large"          // a page has more bytes than the server answers
	codeUnavailable  = "unavailable"             // nothing was changed
	codeInProgress   = "idempotency_in_progress" // a request with the same key has not ended
	codePathNotFound = "path_not_found"          // the server does not have the path
)

// Is lets errors.Is find ErrAnswerTooLarge.
func (e *Error) Is(target error) bool {
	return target == ErrAnswerTooLarge && e.Code == codePageTooLarge
}

// IsNotFound tells whether err is the API's answer that an entity, a question or
// a revision does not exist in the key's workspace. A 404 of some other program,
// or for a path that the server does not know, is not such an answer.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusNotFound && e.Code != "" && e.Code != codePathNotFound
}

// IsPreconditionFailed tells whether err is the answer that the entity is no
// longer the version that IfMatch names. Read it again, and repeat the change on
// its current version.
func IsPreconditionFailed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusPreconditionFailed && e.Code != ""
}
