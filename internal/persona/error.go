package persona

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is the class of an error. Transports map it to a status, in one table.
type Kind string

// The kinds.
const (
	Invalid      Kind = "invalid"      // the caller's input is wrong
	Unauthorized Kind = "unauthorized" // who is calling is not known
	Forbidden    Kind = "forbidden"    // the caller is known, and may not
	NotFound     Kind = "not_found"
	Conflict     Kind = "conflict"     // the state does not allow it
	Precondition Kind = "precondition" // it is no longer what the caller saw
	TooLarge     Kind = "too_large"    // more than a limit allows
	RateLimited  Kind = "rate_limited" // too many calls
	Unavailable  Kind = "unavailable"  // may work later, or after an operator's help
	Internal     Kind = "internal"     // our fault
)

// The codes that the domain answers; stable, and documented in the API
// reference.
const (
	CodeInvalidRequest    = "invalid_request"
	CodeUnauthorized      = "unauthorized"
	CodeInsufficientScope = "insufficient_scope"
	CodePersonaNotFound   = "persona_not_found"
	CodeRevisionNotFound  = "revision_not_found"
	CodeQuestionNotFound  = "question_not_found"
	CodePersonaDeleted    = "persona_deleted"
	CodePersonaChanged    = "persona_changed"
	CodeKeyReused         = "idempotency_key_reused"
	CodePageTooLarge      = "page_too_large"
	CodeRateLimited       = "rate_limited"
	CodeUnavailable       = "unavailable" // nothing was changed
	CodeOutcomeUnknown    = "outcome_unknown"
	CodeBadSetting        = "bad_setting" // of a command; no API answer has it
	CodeInternal          = "internal"
)

// Error is an error with two faces: the caller is shown Code, Message and
// Fields, the log is shown the chain that Error() spells out.
type Error struct {
	Kind Kind
	Code string
	// Message says in plain words what is wrong and what to do next.
	Message string
	// Fields lists every fault of an invalid input.
	Fields []Fault
	// ETag is the present one, where Kind is Precondition.
	ETag string
	// Err is the cause, for the log alone.
	Err error
}

// Fault is one thing that is wrong with an input.
type Fault struct {
	// Field is the path of the fault, such as "customFields[2].value[0]".
	Field   string
	Message string
	// More is how many faults this one stands for, where it is the last of a list
	// that leaves some out; 0 in all others.
	More int
}

// String is "field: message".
func (f Fault) String() string { return f.Field + ": " + f.Message }

// Error spells out the whole chain.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for _, f := range e.Fields {
		b.WriteString("; ")
		b.WriteString(f.String())
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's chain, and Internal where
// there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Invalidf returns an Invalid error without fields.
func Invalidf(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: CodeInvalidRequest, Message: fmt.Sprintf(format, args...)}
}

// BadSettingf returns an Invalid error for a setting of the program.
func BadSettingf(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: CodeBadSetting, Message: fmt.Sprintf(format, args...)}
}

// InvalidFields returns an Invalid error that lists faults, nil where there are
// none.
func InvalidFields(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	message := "The request has a fault: " + faults[0].String() + "."
	if len(faults) > 1 {
		message = fmt.Sprintf("The request has %d faults, the first: %s. All are listed in error.fields.", len(faults), faults[0])
	}
	return &Error{Kind: Invalid, Code: CodeInvalidRequest, Message: message, Fields: faults}
}

// NotFoundf returns a NotFound error.
func NotFoundf(code, format string, args ...any) *Error {
	return &Error{Kind: NotFound, Code: code, Message: fmt.Sprintf(format, args...)}
}

// PersonaNotFound answers for an id that the workspace does not have, whether
// another one has it or not.
func PersonaNotFound() *Error {
	return NotFoundf(CodePersonaNotFound, "There is no persona with this oId in the workspace of the API key. Check the oId, and that the key is of the right workspace.")
}

// RevisionNotFound answers for an id that the workspace does not have.
func RevisionNotFound() *Error {
	return NotFoundf(CodeRevisionNotFound, "There is no revision with this oId in the workspace of the API key. The call revision/list shows which there are.")
}

// PageTooLarge answers for a page whose personas have more than limit bytes.
func PageTooLarge(limit int) *Error {
	return &Error{
		Kind: Invalid, Code: CodePageTooLarge, Message: fmt.Sprintf("The page would have more than %d MiB: ask for fewer at once with limit.", limit>>20),
		Fields: []Fault{{Field: "limit", Message: "is too large for personas of this size: use less"}},
	}
}

// Conflictf returns a Conflict error.
func Conflictf(code, format string, args ...any) *Error {
	return &Error{Kind: Conflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// UnavailableError returns an Unavailable error with its cause.
func UnavailableError(err error, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, Code: CodeUnavailable, Message: fmt.Sprintf(format, args...), Err: err}
}

// MaxFaults is how many faults of one input are listed; the rest are counted.
const MaxFaults = 100

// Faults collects the faults of one input.
type Faults struct {
	list    []Fault
	dropped int
}

// Add notes a fault.
func (f *Faults) Add(field, format string, args ...any) {
	if len(f.list) == MaxFaults {
		f.dropped++
		return
	}
	f.list = append(f.list, Fault{Field: field, Message: fmt.Sprintf(format, args...)})
}

// AddAll notes faults that were listed before.
func (f *Faults) AddAll(faults []Fault) {
	for _, fault := range faults {
		switch {
		case fault.More > 0:
			f.dropped += fault.More
		case len(f.list) == MaxFaults:
			f.dropped++
		default:
			f.list = append(f.list, fault)
		}
	}
}

// List returns the faults in the order in which they were added. Where there
// were more than MaxFaults, a last one tells how many are left out.
func (f *Faults) List() []Fault {
	if f.dropped == 0 {
		return f.list
	}
	last := f.list[len(f.list)-1]
	return append(f.list[:len(f.list):len(f.list)], Fault{
		Field: last.Field, Message: fmt.Sprintf("and %d more faults, which are not listed", f.dropped), More: f.dropped,
	})
}
