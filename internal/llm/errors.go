package llm

import (
	"context"
	"errors"
	"fmt"

	"personae.dev/internal/errs"
)

// The codes of what goes wrong with a model.
const (
	CodeRefused     = "model_refused"     // the model does not want to answer
	CodeFiltered    = "model_filtered"    // the provider's filter took the answer
	CodeCutOff      = "model_cut_off"     // the answer is longer than allowed
	CodeBadAnswer   = "model_bad_answer"  // the answer is wrong, also after repair
	CodeUnreachable = "model_unreachable" // no answer, or none that can be read
	CodeRejected    = "model_rejected"    // the server does not accept the request: a setting is wrong
)

// fail returns an error that can be shown. The cause is for the log.
func fail(code string, cause error, format string, args ...any) *errs.Error {
	return &errs.Error{Kind: errs.Unavailable, Code: code, Message: fmt.Sprintf(format, args...), Err: cause}
}

// refused says that the model does not want to answer.
func refused(words string) *errs.Error {
	if words == "" {
		return fail(CodeRefused, nil, "The model refuses to answer. Change the sources, or ask another model.")
	}
	return fail(CodeRefused, nil, "The model refuses to answer: %s", shorten(words))
}

// filtered says that a filter of the provider took the answer.
func filtered() *errs.Error {
	return fail(CodeFiltered, nil, "The provider's content filter withholds the answer. Change the sources, or ask another model.")
}

// cutOff says that the answer did not end.
func cutOff() *errs.Error {
	return fail(CodeCutOff, nil, "The model's answer was cut off, as it is longer than allowed. Send shorter sources.")
}

// interrupted says that there was no time for an answer.
func interrupted(ctx context.Context) *errs.Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fail(CodeUnreachable, ctx.Err(), "The request ended before the model had answered.")
	}
	return fail(CodeUnreachable, ctx.Err(), "The model did not answer in time. Try again, or allow it more time.")
}
