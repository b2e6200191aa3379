package wire

import (
	"slices"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
)

// Reference is the body of the small calls: what they act on, and for a
// question what it shall be. Fields that were not sent are zero; of a question,
// null is "".
type Reference struct {
	OID, RevisionOID, QuestionOID string
	Question, Rationale           *string
	FitType                       *persona.FitType
	Weight                        *persona.Weight
}

// DecodeReference reads a body that may have the named fields of a Reference.
func DecodeReference(data []byte, names ...string) (ref Reference, unknown []string, faults []persona.Fault) {
	d := &decoder{}
	member := func(name, path string) bool {
		if !slices.Contains(names, name) {
			return false
		}
		switch name {
		case "oId":
			d.text(path, &ref.OID)
		case "revisionOId":
			d.text(path, &ref.RevisionOID)
		case "questionOId":
			d.text(path, &ref.QuestionOID)
		case "question":
			given(d, path, &ref.Question)
		case "rationale":
			given(d, path, &ref.Rationale)
		case "fitType":
			given(d, path, &ref.FitType)
		case "weight":
			given(d, path, &ref.Weight)
		}
		return true
	}
	if !d.read(string(data), true, func() { d.object("", member) }) {
		ref = Reference{}
	}
	return ref, d.unknown, d.List()
}

func given[T ~string](d *decoder, path string, into **T) {
	var text string
	d.text(path, &text)
	*into = new(T(text))
}

// Key returns k as the API answers it, without what it could be guessed from.
func Key(k persona.APIKey) apitype.APIKey {
	wire := apitype.APIKey{
		OID: k.OID, Name: k.Name, Scopes: []string{}, UserOID: k.UserOID, CreatedAt: apitype.NewTime(k.CreatedAt),
		ExpiresAt: Time(k.ExpiresAt), RevokedAt: Time(k.RevokedAt), LastUsedAt: Time(k.LastUsedAt),
	}
	for _, scope := range k.Scopes {
		wire.Scopes = append(wire.Scopes, string(scope))
	}
	return wire
}

// Time returns t as the API answers it, nil for none.
func Time(t *time.Time) *apitype.Time {
	if t == nil {
		return nil
	}
	wire := apitype.NewTime(*t)
	return &wire
}
