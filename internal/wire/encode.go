package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"personae.dev/apitype"
	"personae.dev/internal/jsontext"
	"personae.dev/internal/persona"
)

// AppendPersona appends p as the API answers it, a JSON object without
// "_metadata".
func AppendPersona(b []byte, p *persona.Persona) ([]byte, error) {
	return appendPersona(b, p, false), nil
}

// EncodePersonaWithQuestionIDs returns what AppendPersona appends, where qualifying
// questions have their ids, which the published shape lacks.
func EncodePersonaWithQuestionIDs(p *persona.Persona) ([]byte, error) {
	return appendPersona(nil, p, true), nil
}

// appendPersona writes what encode makes of an apitype.Persona, to the byte
// (TestAppendPersonaIsItsType): it is what a get that misses the cache does.
func appendPersona(b []byte, p *persona.Persona, questionIDs bool) []byte {
	b = slices.Grow(b, size(p))
	b = appendText(b, `{"oId":`, p.OID)
	b = appendText(b, `,"name":`, p.Name)
	b = appendOptional(b, `,"internalName":`, p.InternalName)
	b = appendOptional(b, `,"description":`, p.Description)
	b = appendTime(b, `,"createdAt":`, &p.CreatedAt)
	b = appendTime(b, `,"deletedAt":`, p.DeletedAt)
	b = appendTime(b, `,"archivedAt":`, p.ArchivedAt)
	b = appendTime(b, `,"updatedAt":`, &p.UpdatedAt)
	b = appendBool(b, `,"unrecognized":`, p.Unrecognized)
	b = appendBool(b, `,"rejected":`, p.Rejected)
	b = appendBool(b, `,"active":`, p.Active)
	b = appendText(b, `,"data":{"internalName":`, orZero(p.InternalName))
	b = appendTexts(b, `,"primaryResponsibilities":`, p.PrimaryResponsibilities)
	b = appendTexts(b, `,"painPoints":`, p.PainPoints)
	b = appendTexts(b, `,"keyConcerns":`, p.KeyConcerns)
	b = appendTexts(b, `,"keyObjectives":`, p.KeyObjectives)
	b = appendTexts(b, `,"commonJobTitles":`, p.CommonJobTitles)
	b = appendTexts(b, `,"whyTheyMatterToUs":`, p.WhyTheyMatterToUs)
	b = appendTexts(b, `,"whyWeMatterToThem":`, p.WhyWeMatterToThem)
	b = append(b, `,"customFields":[`...)
	for i, f := range p.CustomFields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, `{"title":`, f.Title)
		b = append(appendTexts(b, `,"value":`, f.Value), '}')
	}
	b = append(b, ']')
	if len(p.BuyingRole) > 0 {
		b = appendTexts(b, `,"buyingRole":`, p.BuyingRole)
	}
	b = append(b, `},"qualifyingQuestions":`...)
	b = appendQuestions(b, p.QualifyingQuestions, questionIDs)
	b = appendText(b, `,"user":{"oId":`, p.Author.OID)
	b = appendText(b, `,"firstName":`, p.Author.FirstName)
	b = appendText(b, `,"lastName":`, p.Author.LastName)
	b = appendText(b, `},"workspace":{"oId":`, p.WorkspaceOID)
	return append(b, "}}"...)
}

func appendQuestions(b []byte, questions []persona.QualifyingQuestion, withIDs bool) []byte {
	if len(questions) == 0 {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range questions {
		q := &questions[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if withIDs && q.OID != "" {
			b = append(appendText(b, `"oId":`, q.OID), ',')
		}
		b = appendText(b, `"question":`, q.Question)
		b = appendText(b, `,"rationale":`, q.Rationale)
		b = appendText(b, `,"fitType":`, string(q.FitType))
		b = appendText(b, `,"weight":`, string(q.Weight))
		b = append(appendTime(b, `,"archivedAt":`, q.ArchivedAt), '}')
	}
	return append(b, ']')
}

// size is about how many bytes p takes, but for what is to be escaped, so that the
// answer grows once.
func size(p *persona.Persona) int {
	const (
		names    = 560 // of all members, with dates
		text     = 3   // quotes and comma
		field    = 24
		question = 112
	)
	n := names + len(p.OID) + len(p.Name) + 2*len(orZero(p.InternalName)) + len(orZero(p.Description)) +
		len(p.Author.OID) + len(p.Author.FirstName) + len(p.Author.LastName) + len(p.WorkspaceOID)
	texts := func(list []string) {
		for _, item := range list {
			n += len(item) + text
		}
	}
	for _, list := range [...][]string{
		p.PrimaryResponsibilities, p.PainPoints, p.KeyConcerns, p.KeyObjectives, p.CommonJobTitles, p.WhyTheyMatterToUs, p.WhyWeMatterToThem, p.BuyingRole,
	} {
		texts(list)
	}
	for _, f := range p.CustomFields {
		n += field + len(f.Title)
		texts(f.Value)
	}
	for i := range p.QualifyingQuestions {
		q := &p.QualifyingQuestions[i]
		n += question + len(q.OID) + len(q.Question) + len(q.Rationale) + len(q.Weight)
	}
	return n
}

func appendText(b []byte, name, text string) []byte {
	return jsontext.AppendString(append(b, name...), text)
}

func appendOptional(b []byte, name string, text *string) []byte {
	if text == nil {
		return append(append(b, name...), "null"...)
	}
	return appendText(b, name, *text)
}

func appendTime(b []byte, name string, t *time.Time) []byte {
	b = append(b, name...)
	if t == nil {
		return append(b, "null"...)
	}
	return append(apitype.AppendTime(append(b, '"'), *t), '"')
}

func appendBool(b []byte, name string, v bool) []byte {
	return strconv.AppendBool(append(b, name...), v)
}

func appendTexts(b []byte, name string, list []string) []byte {
	b = append(append(b, name...), '[')
	for i, text := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsontext.AppendString(b, text)
	}
	return append(b, ']')
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
