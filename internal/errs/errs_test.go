package errs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"personae.dev/internal/errs"
)

func TestErrorChain(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	err := fmt.Errorf("here: %w", errs.Unavailablef(cause, "The file %s burns.", "x.db"))
	if errs.KindOf(err) != errs.Unavailable || !errors.Is(err, cause) {
		t.Errorf("%v is of kind %s", err, errs.KindOf(err))
	}
	if got, want := err.Error(), "here: The file x.db burns.: disk on fire"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	for _, err := range []error{nil, cause} {
		if kind := errs.KindOf(err); kind != errs.Internal {
			t.Errorf("KindOf(%v) = %s, want %s", err, kind, errs.Internal)
		}
	}
}

func TestInvalidFields(t *testing.T) {
	t.Parallel()
	if err := errs.InvalidFields(nil); err != nil {
		t.Errorf("no faults are an error: %v", err)
	}
	one := errs.InvalidFields([]errs.Field{{Path: "name", Message: "must not be empty"}})
	if errs.KindOf(one) != errs.Invalid || !strings.Contains(one.Error(), "The request has an error: name: must not be empty.") {
		t.Errorf("one fault: %v", one)
	}
	two := errs.InvalidFields([]errs.Field{{Path: "name", Message: "a"}, {Path: "oId", Message: "b"}})
	domain, ok := errors.AsType[*errs.Error](two)
	if !ok || len(domain.Fields) != 2 || !strings.Contains(domain.Message, "2 errors") {
		t.Errorf("two faults: %v", two)
	}
}
