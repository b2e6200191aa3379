// Package errs holds the errors of the product: their kinds, codes, messages
// and the field errors of an invalid input.
//
// Transports map a kind to a status in one table. It imports nothing of ours.
package errs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind is the class of an error.
type Kind string

// The kinds.
const (
	Invalid      Kind = "invalid"      // the caller's input is wrong
	Unauthorized Kind = "unauthorized" // the caller is not known
	Forbidden    Kind = "forbidden"    // the caller is known, but may not do this
	NotFound     Kind = "not_found"
	Conflict     Kind = "conflict"     // the state does not allow it
	Precondition Kind = "precondition" // the entity is no longer what the caller saw
	TooLarge     Kind = "too_large"    // over a size limit
	RateLimited  Kind = "rate_limited" // too many calls
	Unavailable  Kind = "unavailable"  // may work later, or after an operator's help
	NotOffered   Kind = "not_offered"  // published, but not part of this product
	Internal     Kind = "internal"     // a bug
)

// Codes that do not belong to one kind of entity. They are stable, and listed
// in the API reference. Codes of a kind are made by NotFoundCode and its like.
const (
	CodeInvalidRequest        = "invalid_request"
	CodeUnauthorized          = "unauthorized"
	CodeInsufficientScope     = "insufficient_scope"
	CodeRevisionNotFound      = "revision_not_found"
	CodeQuestionNotFound      = "question_not_found"
	CodeAPIKeyNotFound        = "api_key_not_found"
	CodeAgentNotFound         = "agent_not_found"
	CodePathNotFound          = "path_not_found"
	CodeMethodNotAllowed      = "method_not_allowed"
	CodeUnsupportedMediaType  = "unsupported_media_type"
	CodeBodyTooLarge          = "body_too_large"
	CodeKeyReused             = "idempotency_key_reused"
	CodeIdempotencyInProgress = "idempotency_in_progress"
	CodePageTooLarge          = "page_too_large"
	CodeRateLimited           = "rate_limited"
	CodeUnavailable           = "unavailable" // nothing was changed
	CodeOutcomeUnknown        = "outcome_unknown"
	CodeModelNotConfigured    = "model_not_configured"
	CodeModelBudget           = "model_budget_exhausted"
	CodeSourceUnreachable     = "source_unreachable"
	CodeNotOffered            = "not_offered"
	CodeBadSetting            = "bad_setting" // of a command; no API answer has it
	CodeInternal              = "internal"
)

// NotFoundCode returns the code for an entity that is not there. kind is its
// name: "use-case" makes "use_case_not_found".
func NotFoundCode(kind string) string { return codeOf(kind, "_not_found") }

// DeletedCode returns the code for an entity that is deleted.
func DeletedCode(kind string) string { return codeOf(kind, "_deleted") }

// ChangedCode returns the code for an entity that is no longer what If-Match
// names.
func ChangedCode(kind string) string { return codeOf(kind, "_changed") }

func codeOf(kind, suffix string) string { return strings.ReplaceAll(kind, "-", "_") + suffix }

// Error is an error for two readers: the caller sees Code, Message and Fields;
// the log also gets the chain that Error() spells out.
type Error struct {
	Kind Kind
	Code string
	// Message says in plain words what is wrong and what to do next.
	Message string
	// Fields lists every error of an invalid input.
	Fields []Field
	// ETag is the current one, where Kind is Precondition.
	ETag string
	// RetryAfter is how many seconds the caller should wait, where Kind is
	// Unavailable or RateLimited; 0 leaves the choice to the transport.
	RetryAfter int
	// Err is the cause, for the log alone.
	Err error
}

// Field is one error of an input.
type Field struct {
	// Path is where it is, such as "customFields[2].value[0]".
	Path    string
	Message string
	// More is how many errors this one stands for, where it is the last of a
	// list that leaves some out; 0 in all others.
	More int
}

// String is "path: message".
func (f Field) String() string { return f.Path + ": " + f.Message }

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

// CodeOf returns the code of the first Error in err's chain, and CodeInternal
// where there is none.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Invalidf returns an Invalid error without fields.
func Invalidf(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: CodeInvalidRequest, Message: fmt.Sprintf(format, args...)}
}

// BadSettingf returns an Invalid error for a setting of the program.
func BadSettingf(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Code: CodeBadSetting, Message: fmt.Sprintf(format, args...)}
}

// InvalidFields returns an Invalid error that lists fields, or nil where there
// are none.
func InvalidFields(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	message := "The request has an error: " + fields[0].String() + "."
	if len(fields) > 1 {
		message = fmt.Sprintf("The request has %d errors. The first is: %s. All are listed in error.fields.", len(fields), fields[0])
	}
	return &Error{Kind: Invalid, Code: CodeInvalidRequest, Message: message, Fields: fields}
}

// NotFoundf returns a NotFound error.
func NotFoundf(code, format string, args ...any) *Error {
	return &Error{Kind: NotFound, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Conflictf returns a Conflict error.
func Conflictf(code, format string, args ...any) *Error {
	return &Error{Kind: Conflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Unavailablef returns an Unavailable error with its cause.
func Unavailablef(err error, format string, args ...any) *Error {
	return &Error{Kind: Unavailable, Code: CodeUnavailable, Message: fmt.Sprintf(format, args...), Err: err}
}

// RevisionNotFound answers for an id that the workspace does not have.
func RevisionNotFound() *Error {
	return NotFoundf(CodeRevisionNotFound, "There is no revision with this id in the workspace of the API key. List the revisions with revision/list.")
}

// PageTooLarge answers for a page of more than limit bytes.
func PageTooLarge(limit int) *Error {
	return &Error{
		Kind: Invalid, Code: CodePageTooLarge, Message: fmt.Sprintf("The page would have more than %d MiB. Ask for fewer rows with limit.", limit>>20),
		Fields: []Field{{Path: "limit", Message: "is too large for entities of this size: use less"}},
	}
}

// MaxFields is how many errors of one input are listed; the rest are counted.
const MaxFields = 100

// List collects the errors of one input.
type List struct {
	fields  []Field
	dropped int
}

// Add notes an error.
func (l *List) Add(path, format string, args ...any) {
	if len(l.fields) == MaxFields {
		l.dropped++
		return
	}
	l.fields = append(l.fields, Field{Path: path, Message: fmt.Sprintf(format, args...)})
}

// AddAll notes errors that were listed before.
func (l *List) AddAll(fields []Field) {
	for _, f := range fields {
		switch {
		case f.More > 0:
			l.dropped += f.More
		case len(l.fields) == MaxFields:
			l.dropped++
		default:
			l.fields = append(l.fields, f)
		}
	}
}

// Fields returns the errors in the order in which they were added. Where there
// were more than MaxFields, a last one says how many are left out.
func (l *List) Fields() []Field {
	if l.dropped == 0 {
		return l.fields
	}
	last := l.fields[len(l.fields)-1]
	return append(l.fields[:len(l.fields):len(l.fields)], Field{
		Path: last.Path, Message: fmt.Sprintf("and %d more errors, which are not listed", l.dropped), More: l.dropped,
	})
}

// Err returns the errors as one, or nil where there are none.
func (l *List) Err() error { return InvalidFields(l.Fields()) }

// Join returns the errors of form, and those of content that do not follow from
// them: a value that could not be read is not judged a second time.
func Join(form, content []Field) []Field {
	var all List
	all.AddAll(form)
	for _, field := range content {
		follows := func(f Field) bool {
			return f.Path == "body" || within(field.Path, f.Path) || within(f.Path, field.Path)
		}
		if !slices.ContainsFunc(form, follows) {
			all.AddAll([]Field{field})
		}
	}
	return all.Fields()
}

// JoinAll returns all errors of several lists of one input.
func JoinAll(lists ...[]Field) []Field {
	var all List
	for _, list := range lists {
		all.AddAll(list)
	}
	return all.Fields()
}

// within tells whether the path field is outer or a part of it.
func within(field, outer string) bool {
	rest, ok := strings.CutPrefix(field, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Text notes what is wrong with a text that must have minimum to maximum
// characters (Unicode code points): its length, control characters other than
// tab and line ends, and bytes that are not UTF-8.
func (l *List) Text(path, s string, minimum, maximum int) {
	if len(s) < minimum {
		l.Add(path, "must not be empty")
		return
	}
	// A text has at most as many characters as bytes, so the count is needed
	// only near the limit.
	if len(s) > maximum {
		if n := utf8.RuneCountInString(s); n > maximum {
			l.Add(path, "has %d characters; the limit is %d", n, maximum)
		}
	}
	if i := strings.IndexFunc(s, isForbidden); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		l.Add(path, "has the control character U+%04X at byte %d: remove it", r, i)
	}
	if !utf8.ValidString(s) {
		l.Add(path, "is not valid UTF-8: send the text as UTF-8")
	}
}

// isForbidden tells the control characters that no text needs, and that some
// clients and databases refuse: all of ASCII's but tab, line feed and carriage
// return.
func isForbidden(r rune) bool {
	return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f
}

// CheckText returns what List.Text notes of one text.
func CheckText(path, s string, minimum, maximum int) []Field {
	var l List
	l.Text(path, s, minimum, maximum)
	return l.Fields()
}
