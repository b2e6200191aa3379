package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
)

// EncodePersona returns p as the API answers it, a JSON object without
// "_metadata".
func EncodePersona(p *persona.Persona) ([]byte, error) {
	return encode(apitype.Persona{
		OID:          p.OID,
		Name:         &p.Name,
		InternalName: p.InternalName,
		Description:  p.Description,
		CreatedAt:    wireTime(&p.CreatedAt),
		DeletedAt:    wireTime(p.DeletedAt),
		ArchivedAt:   wireTime(p.ArchivedAt),
		UpdatedAt:    wireTime(&p.UpdatedAt),
		Unrecognized: &p.Unrecognized,
		Rejected:     &p.Rejected,
		Active:       p.Active,
		Data: apitype.PersonaData{
			InternalName:            orZero(p.InternalName),
			PrimaryResponsibilities: orEmpty(p.PrimaryResponsibilities),
			PainPoints:              orEmpty(p.PainPoints),
			KeyConcerns:             orEmpty(p.KeyConcerns),
			KeyObjectives:           orEmpty(p.KeyObjectives),
			CommonJobTitles:         orEmpty(p.CommonJobTitles),
			WhyTheyMatterToUs:       orEmpty(p.WhyTheyMatterToUs),
			WhyWeMatterToThem:       orEmpty(p.WhyWeMatterToThem),
			CustomFields:            orEmpty(wireFields(p.CustomFields)),
			BuyingRole:              p.BuyingRole,
		},
		QualifyingQuestions: wireQuestions(p.QualifyingQuestions),
		User:                apitype.User{OID: p.Author.OID, FirstName: p.Author.FirstName, LastName: p.Author.LastName},
		Workspace:           apitype.WorkspaceRef{OID: p.WorkspaceOID},
	})
}

// EncodeRecord returns p as a line of an export, without the line's end.
// DecodeRecord reads it back; workspace and author are no part of it.
func EncodeRecord(p *persona.Persona) ([]byte, error) {
	r := apitype.PersonaRecord{
		OID:                     p.OID,
		Name:                    p.Name,
		InternalName:            p.InternalName,
		Description:             p.Description,
		PrimaryResponsibilities: p.PrimaryResponsibilities,
		PainPoints:              p.PainPoints,
		KeyConcerns:             p.KeyConcerns,
		KeyObjectives:           p.KeyObjectives,
		CommonJobTitles:         p.CommonJobTitles,
		WhyTheyMatterToUs:       p.WhyTheyMatterToUs,
		WhyWeMatterToThem:       p.WhyWeMatterToThem,
		CustomFields:            wireFields(p.CustomFields),
		BuyingRole:              p.BuyingRole,
		QualifyingQuestions:     wireQuestions(p.QualifyingQuestions),
		Unrecognized:            p.Unrecognized,
		Rejected:                p.Rejected,
		CreatedAt:               wireTime(&p.CreatedAt),
		UpdatedAt:               wireTime(&p.UpdatedAt),
		ArchivedAt:              wireTime(p.ArchivedAt),
		DeletedAt:               wireTime(p.DeletedAt),
	}
	if !p.Active {
		r.Active = &p.Active
	}
	return encode(r)
}

// encode is json.Marshal without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("wire: encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func wireTime(t *time.Time) *apitype.Time {
	if t == nil {
		return nil
	}
	wire := apitype.NewTime(*t)
	return &wire
}

// wireFields returns nil for no fields.
func wireFields(custom []persona.CustomField) []apitype.CustomField {
	var wire []apitype.CustomField
	for _, f := range custom {
		wire = append(wire, apitype.CustomField{Title: f.Title, Value: orEmpty(f.Value)})
	}
	return wire
}

// wireQuestions returns nil for no questions.
func wireQuestions(questions []persona.QualifyingQuestion) []apitype.QualifyingQuestion {
	var wire []apitype.QualifyingQuestion
	for _, q := range questions {
		wire = append(wire, apitype.QualifyingQuestion{
			Question: q.Question, Rationale: q.Rationale, FitType: string(q.FitType), Weight: string(q.Weight), ArchivedAt: wireTime(q.ArchivedAt),
		})
	}
	return wire
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}
