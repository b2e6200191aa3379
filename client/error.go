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
	// StatusCode is the HTTP status. It is 200 where the server said so, and
	// what followed was not an answer of the API.
	StatusCode int
	// Code is the API's, such as "persona_not_found". It is stable; the API
	// reference lists them. Empty where some other program answered, a proxy
	// for one.
	Code string
	// Message says for a person what is wrong and what to do.
	Message string
	// Fields lists every fault of the request, if the request has any.
	Fields []apitype.FieldError
	// RequestID finds the request in the server's log. Empty where the answer
	// has none.
	RequestID string
	// RetryAfter is how long the server asks to wait before another try, 0
	// where it does not.
	RetryAfter time.Duration
}

// Error shows all of it in one line, apart from RetryAfter.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client: %d", e.StatusCode)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	b.WriteString(": " + e.Message)
	if len(e.Fields) > 1 { // a single one stands in the message
		for _, fault := range e.Fields {
			fmt.Fprintf(&b, " [%s: %s]", fault.Field, fault.Message)
		}
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", e.RequestID)
	}
	return b.String()
}

// ErrNotModified is returned by GetPersonaIfChanged where the caller's version
// is the current one.
var ErrNotModified = errors.New("client: not modified: the version that the caller has is the current one")

// ErrAnswerTooLarge is in the error of a call whose answer has more than
// MaxAnswerBytes, or more than the server gives in one page. Ask for a smaller
// page; Personas and Revisions do so by themselves.
var ErrAnswerTooLarge = errors.New("client: the answer is too large")

// codePageTooLarge is the API's word for a page with more than it gives at once.
const codePageTooLarge = "page_too_large"

// Is lets errors.Is find ErrAnswerTooLarge.
func (e *Error) Is(target error) bool {
	return target == ErrAnswerTooLarge && e.Code == codePageTooLarge
}

// codeUnavailable is the API's word for a call of which nothing was done. Of a
// call with another code, or none, that is not known.
const codeUnavailable = "unavailable"

// codePathNotFound is the API's word for a path that it does not have.
const codePathNotFound = "path_not_found"

// IsNotFound tells whether err is the API's answer that what was asked for does
// not exist in the key's workspace. A 404 of some other program, or for a path
// that the server does not know, is a mistake of another kind, and no such
// answer.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusNotFound && e.Code != "" && e.Code != codePathNotFound
}

// IsPreconditionFailed tells whether err is the answer that the persona is no
// longer what IfMatch names. Read it again, and repeat the change on what it is
// now.
func IsPreconditionFailed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.StatusCode == http.StatusPreconditionFailed && e.Code != ""
}
