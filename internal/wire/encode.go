package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"personae.dev/apitype"
	"personae.dev/internal/persona"
)

// EncodePersona returns p as the API answers it, a JSON object without
// "_metadata".
func EncodePersona(p *persona.Persona) ([]byte, error) {
	return encode(wirePersona(p, false))
}

// EncodePersonaWithQuestionIDs is EncodePersona where qualifying questions have
// their ids, which the published shape lacks.
func EncodePersonaWithQuestionIDs(p *persona.Persona) ([]byte, error) {
	return encode(wirePersona(p, true))
}

func wirePersona(p *persona.Persona, questionIDs bool) apitype.Persona {
	return apitype.Persona{
		OID:          p.OID,
		Name:         &p.Name,
		InternalName: p.InternalName,
		Description:  p.Description,
		CreatedAt:    Time(&p.CreatedAt),
		DeletedAt:    Time(p.DeletedAt),
		ArchivedAt:   Time(p.ArchivedAt),
		UpdatedAt:    Time(&p.UpdatedAt),
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
		QualifyingQuestions: wireQuestions(p.QualifyingQuestions, questionIDs),
		User:                WireUser(p.Author),
		Workspace:           apitype.WorkspaceRef{OID: p.WorkspaceOID},
	}
}

// WireUser returns u as the API answers it.
func WireUser(u persona.User) apitype.User {
	return apitype.User{OID: u.OID, FirstName: u.FirstName, LastName: u.LastName}
}

// EncodeRecord returns p as a line of an export, without the line's end.
// DecodeRecord reads it back; workspace and author are no part of it.
func EncodeRecord(p *persona.Persona) ([]byte, error) { return encode(Record(p)) }

// Record returns p as a line of an export has it.
func Record(p *persona.Persona) apitype.PersonaRecord {
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
		QualifyingQuestions:     wireQuestions(p.QualifyingQuestions, true),
		PrimaryOfferingOID:      p.Links.PrimaryOfferingOID,
		PlaybookOIDs:            p.Links.PlaybookOIDs,
		Unrecognized:            p.Unrecognized,
		Rejected:                p.Rejected,
		CreatedAt:               Time(&p.CreatedAt),
		UpdatedAt:               Time(&p.UpdatedAt),
		ArchivedAt:              Time(p.ArchivedAt),
		DeletedAt:               Time(p.DeletedAt),
	}
	if !p.Active {
		r.Active = &p.Active
	}
	if p.Links.Offerings != persona.OfferingsNone {
		r.LinkingStrategy = &apitype.LinkingStrategy{Mode: string(p.Links.Offerings), OfferingOIDs: p.Links.OfferingOIDs}
	}
	return r
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

// wireFields returns nil for no fields.
func wireFields(custom []persona.CustomField) []apitype.CustomField {
	var wire []apitype.CustomField
	for _, f := range custom {
		wire = append(wire, apitype.CustomField{Title: f.Title, Value: orEmpty(f.Value)})
	}
	return wire
}

// wireQuestions returns nil for no questions.
func wireQuestions(questions []persona.QualifyingQuestion, withIDs bool) []apitype.QualifyingQuestion {
	var wire []apitype.QualifyingQuestion
	for _, q := range questions {
		if !withIDs {
			q.OID = ""
		}
		wire = append(wire, apitype.QualifyingQuestion{
			OID: q.OID, Question: q.Question, Rationale: q.Rationale, FitType: string(q.FitType), Weight: string(q.Weight), ArchivedAt: Time(q.ArchivedAt),
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
