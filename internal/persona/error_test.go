package persona_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"personae.dev/internal/persona"
)

func TestErrorChain(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk on fire")
	err := fmt.Errorf("room: %w", persona.UnavailableError(cause, "The file %s burns.", "x.db"))
	if persona.KindOf(err) != persona.Unavailable || !errors.Is(err, cause) {
		t.Errorf("%v is of kind %s", err, persona.KindOf(err))
	}
	if got, want := err.Error(), "room: The file x.db burns.: disk on fire"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	for _, err := range []error{nil, cause} {
		if kind := persona.KindOf(err); kind != persona.Internal {
			t.Errorf("KindOf(%v) = %s, want %s", err, kind, persona.Internal)
		}
	}
}

func TestInvalidFields(t *testing.T) {
	t.Parallel()
	if err := persona.InvalidFields(nil); err != nil {
		t.Errorf("no faults are an error: %v", err)
	}
	one := persona.InvalidFields([]persona.Fault{{Field: "name", Message: "must not be empty"}})
	if persona.KindOf(one) != persona.Invalid || !strings.Contains(one.Error(), "The request has a fault: name: must not be empty.") {
		t.Errorf("one fault: %v", one)
	}
	two := persona.InvalidFields([]persona.Fault{{Field: "name", Message: "a"}, {Field: "oId", Message: "b"}})
	domain, ok := errors.AsType[*persona.Error](two)
	if !ok || len(domain.Fields) != 2 || !strings.Contains(domain.Message, "2 faults") {
		t.Errorf("two faults: %v", two)
	}
}
