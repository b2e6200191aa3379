package document_test

import (
	"encoding/json"
	"fmt"
	"time"

	"personae.dev/internal/persona"
)

// What the documents of the first versions were written and read with stands
// here, by encoding/json: what is in databases is of it, and every byte and every
// reading stays.

// oldDocument is the part of a persona that is kept as JSON. Its names are stable:
// what was written once must be read for ever.
type oldDocument struct {
	PrimaryResponsibilities []string      `json:"primaryResponsibilities,omitempty"`
	PainPoints              []string      `json:"painPoints,omitempty"`
	KeyConcerns             []string      `json:"keyConcerns,omitempty"`
	KeyObjectives           []string      `json:"keyObjectives,omitempty"`
	CommonJobTitles         []string      `json:"commonJobTitles,omitempty"`
	WhyTheyMatterToUs       []string      `json:"whyTheyMatterToUs,omitempty"`
	WhyWeMatterToThem       []string      `json:"whyWeMatterToThem,omitempty"`
	CustomFields            []customField `json:"customFields,omitempty"`
	BuyingRole              []string      `json:"buyingRole,omitempty"`
	QualifyingQuestions     []question    `json:"qualifyingQuestions,omitempty"`
	OfferingOIDs            []string      `json:"offeringOIds,omitempty"`
	PlaybookOIDs            []string      `json:"playbookOIds,omitempty"`
}

type customField struct {
	Title string   `json:"title"`
	Value []string `json:"value,omitempty"`
}

type question struct {
	OID       string          `json:"oId,omitempty"`
	Question  string          `json:"question"`
	Rationale string          `json:"rationale,omitempty"`
	FitType   persona.FitType `json:"fitType"`
	Weight    persona.Weight  `json:"weight"`
	// ArchivedAt is in microseconds.
	ArchivedAt *int64 `json:"archivedAt,omitempty"`
}

// oldEncode returns the document of p.
func oldEncode(p *persona.Persona) (string, error) { return encode(documentOf(p)) }

// oldDecode sets what the document says of p.
func oldDecode(text []byte, p *persona.Persona) error {
	var d oldDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return fmt.Errorf("document of persona %s: %w", p.OID, err)
	}
	d.into(p)
	return nil
}

func documentOf(p *persona.Persona) oldDocument {
	d := oldDocument{
		PrimaryResponsibilities: p.PrimaryResponsibilities,
		PainPoints:              p.PainPoints,
		KeyConcerns:             p.KeyConcerns,
		KeyObjectives:           p.KeyObjectives,
		CommonJobTitles:         p.CommonJobTitles,
		WhyTheyMatterToUs:       p.WhyTheyMatterToUs,
		WhyWeMatterToThem:       p.WhyWeMatterToThem,
		BuyingRole:              p.BuyingRole,
		OfferingOIDs:            p.Links.OfferingOIDs,
		PlaybookOIDs:            p.Links.PlaybookOIDs,
	}
	for _, f := range p.CustomFields {
		d.CustomFields = append(d.CustomFields, customField(f))
	}
	for _, q := range p.QualifyingQuestions {
		d.QualifyingQuestions = append(d.QualifyingQuestions, question{
			OID: q.OID, Question: q.Question, Rationale: q.Rationale, FitType: q.FitType, Weight: q.Weight, ArchivedAt: documentTime(q.ArchivedAt),
		})
	}
	return d
}

func (d oldDocument) into(p *persona.Persona) {
	p.PrimaryResponsibilities, p.PainPoints, p.KeyConcerns, p.KeyObjectives = d.PrimaryResponsibilities, d.PainPoints, d.KeyConcerns, d.KeyObjectives
	p.CommonJobTitles, p.WhyTheyMatterToUs, p.WhyWeMatterToThem, p.BuyingRole = d.CommonJobTitles, d.WhyTheyMatterToUs, d.WhyWeMatterToThem, d.BuyingRole
	p.Links.OfferingOIDs, p.Links.PlaybookOIDs = d.OfferingOIDs, d.PlaybookOIDs
	for _, f := range d.CustomFields {
		p.CustomFields = append(p.CustomFields, persona.CustomField(f))
	}
	for _, q := range d.QualifyingQuestions {
		p.QualifyingQuestions = append(p.QualifyingQuestions, persona.QualifyingQuestion{
			OID: q.OID, Question: q.Question, Rationale: q.Rationale, FitType: q.FitType, Weight: q.Weight, ArchivedAt: fromDocumentTime(q.ArchivedAt),
		})
	}
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("document: encode: %w", err)
	}
	return string(b), nil
}

func documentTime(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func fromDocumentTime(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := time.UnixMicro(*us).UTC()
	return &t
}

// snapshot is a persona in its history, as JSON. Times are in microseconds.
type snapshot struct {
	Name               string               `json:"name"`
	InternalName       *string              `json:"internalName,omitempty"`
	Description        *string              `json:"description,omitempty"`
	Active             bool                 `json:"active"`
	Unrecognized       bool                 `json:"unrecognized,omitempty"`
	Rejected           bool                 `json:"rejected,omitempty"`
	CreatedAt          int64                `json:"createdAt"`
	UpdatedAt          int64                `json:"updatedAt"`
	ArchivedAt         *int64               `json:"archivedAt,omitempty"`
	DeletedAt          *int64               `json:"deletedAt,omitempty"`
	PrimaryOfferingOID *string              `json:"primaryOfferingOId,omitempty"`
	Offerings          persona.OfferingMode `json:"offerings,omitempty"`
	Document           oldDocument          `json:"document"`
}

func snapshotOf(p *persona.Persona) snapshot {
	return snapshot{
		Name: p.Name, InternalName: p.InternalName, Description: p.Description,
		Active: p.Active, Unrecognized: p.Unrecognized, Rejected: p.Rejected,
		CreatedAt: p.CreatedAt.UnixMicro(), UpdatedAt: p.UpdatedAt.UnixMicro(),
		ArchivedAt: documentTime(p.ArchivedAt), DeletedAt: documentTime(p.DeletedAt),
		PrimaryOfferingOID: p.Links.PrimaryOfferingOID, Offerings: p.Links.Offerings,
		Document: documentOf(p),
	}
}

func (s snapshot) persona(workspaceOID, oID string) *persona.Persona {
	p := &persona.Persona{
		WorkspaceOID: workspaceOID, OID: oID,
		Name: s.Name, InternalName: s.InternalName, Description: s.Description,
		Active: s.Active, Unrecognized: s.Unrecognized, Rejected: s.Rejected,
		CreatedAt: time.UnixMicro(s.CreatedAt).UTC(), UpdatedAt: time.UnixMicro(s.UpdatedAt).UTC(),
		ArchivedAt: fromDocumentTime(s.ArchivedAt), DeletedAt: fromDocumentTime(s.DeletedAt),
		Links: persona.Links{PrimaryOfferingOID: s.PrimaryOfferingOID, Offerings: s.Offerings},
	}
	s.Document.into(p)
	return p
}

// oldEncodeSnapshot returns all of p but its ids and author.
func oldEncodeSnapshot(p *persona.Persona) (string, error) { return encode(snapshotOf(p)) }

// oldDecodeSnapshot returns the persona of a snapshot.
func oldDecodeSnapshot(text []byte, workspaceOID, oID string) (*persona.Persona, error) {
	var s snapshot
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("snapshot of persona %s: %w", oID, err)
	}
	return s.persona(workspaceOID, oID), nil
}
