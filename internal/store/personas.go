package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"personae.dev/internal/persona"
)

// document is the part of a persona that is kept as JSON. Its names are stable:
// what was written once must be read for ever.
type document struct {
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
}

type customField struct {
	Title string   `json:"title"`
	Value []string `json:"value,omitempty"`
}

type question struct {
	Question  string          `json:"question"`
	Rationale string          `json:"rationale,omitempty"`
	FitType   persona.FitType `json:"fitType"`
	Weight    persona.Weight  `json:"weight"`
	// ArchivedAt is in microseconds.
	ArchivedAt *int64 `json:"archivedAt,omitempty"`
}

const personaColumns = `
	p.workspace_o_id, p.o_id, p.name, p.internal_name, p.description,
	p.active, p.unrecognized, p.rejected,
	p.created_at, p.updated_at, p.archived_at, p.deleted_at, p.document,
	u.o_id, u.organization_o_id, u.first_name, u.last_name, u.email, u.role, u.created_at`

// Persona implements persona.Reader.
func (q *queries) Persona(ctx context.Context, workspaceOID, oID string) (*persona.Persona, error) {
	defer q.timed("persona")()
	const query = `
		select ` + personaColumns + `
		from personas p
		join users u on u.o_id = p.user_o_id
		where p.workspace_o_id = $1 and p.o_id = $2`
	return one(ctx, q, query, scanPersona, error(persona.PersonaNotFound()), workspaceOID, oID)
}

// Personas implements persona.Reader.
func (q *queries) Personas(ctx context.Context, workspaceOID string) iter.Seq2[*persona.Persona, error] {
	const query = `
		select ` + personaColumns + `
		from personas p
		join users u on u.o_id = p.user_o_id
		where p.workspace_o_id = $1
		order by p.created_at, p.o_id`
	return each(ctx, q, query, scanPersona, workspaceOID)
}

// CountPersonas implements persona.Reader.
func (q *queries) CountPersonas(ctx context.Context, workspaceOID string) (int, error) {
	const query = `select count(*) from personas where workspace_o_id = $1`
	return one(ctx, q, query, func(r row) (n int, err error) {
		err = r.Scan(&n)
		return n, err
	}, nil, workspaceOID)
}

func scanPersona(r row) (*persona.Persona, error) {
	var (
		p                             persona.Persona
		created, updated, userCreated int64
		archived, deleted             sql.Null[int64]
		doc                           []byte
	)
	err := r.Scan(&p.WorkspaceOID, &p.OID, &p.Name, &p.InternalName, &p.Description,
		&p.Active, &p.Unrecognized, &p.Rejected,
		&created, &updated, &archived, &deleted, &doc,
		&p.Author.OID, &p.Author.OrganizationOID, &p.Author.FirstName, &p.Author.LastName, &p.Author.Email, &p.Author.Role, &userCreated)
	if err != nil {
		return nil, err
	}
	p.CreatedAt, p.UpdatedAt, p.Author.CreatedAt = fromMicros(created), fromMicros(updated), fromMicros(userCreated)
	p.ArchivedAt, p.DeletedAt = fromNullMicros(archived), fromNullMicros(deleted)
	if err := decodeDocument(doc, &p); err != nil {
		return nil, fmt.Errorf("store: persona %s: %w", p.OID, err)
	}
	return &p, nil
}

// InsertPersona implements persona.Tx.
func (t *tx) InsertPersona(ctx context.Context, p *persona.Persona) error {
	defer t.timed("insert_persona")()
	const query = `
		insert into personas (workspace_o_id, o_id, user_o_id, name, internal_name, description,
			active, unrecognized, rejected, created_at, updated_at, archived_at, deleted_at, document)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`
	doc, err := encodeDocument(p)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, query, p.WorkspaceOID, p.OID, p.Author.OID, p.Name, p.InternalName, p.Description,
		p.Active, p.Unrecognized, p.Rejected, micros(p.CreatedAt), micros(p.UpdatedAt), nullMicros(p.ArchivedAt), nullMicros(p.DeletedAt), doc)
	if isTaken(err) {
		return taken("persona", p.OID)
	}
	return err
}

// ReplacePersona implements persona.Tx.
func (t *tx) ReplacePersona(ctx context.Context, p *persona.Persona) error {
	defer t.timed("replace_persona")()
	const query = `
		update personas
		set name = $3, internal_name = $4, description = $5, active = $6, unrecognized = $7, rejected = $8,
			created_at = $9, updated_at = $10, archived_at = $11, deleted_at = $12, document = $13
		where workspace_o_id = $1 and o_id = $2`
	doc, err := encodeDocument(p)
	if err != nil {
		return err
	}
	result, err := t.exec(ctx, query, p.WorkspaceOID, p.OID, p.Name, p.InternalName, p.Description,
		p.Active, p.Unrecognized, p.Rejected, micros(p.CreatedAt), micros(p.UpdatedAt), nullMicros(p.ArchivedAt), nullMicros(p.DeletedAt), doc)
	if err != nil {
		return err
	}
	return mustAffectOne(result, persona.PersonaNotFound())
}

func encodeDocument(p *persona.Persona) (string, error) {
	d := document{
		PrimaryResponsibilities: p.PrimaryResponsibilities,
		PainPoints:              p.PainPoints,
		KeyConcerns:             p.KeyConcerns,
		KeyObjectives:           p.KeyObjectives,
		CommonJobTitles:         p.CommonJobTitles,
		WhyTheyMatterToUs:       p.WhyTheyMatterToUs,
		WhyWeMatterToThem:       p.WhyWeMatterToThem,
		BuyingRole:              p.BuyingRole,
	}
	for _, f := range p.CustomFields {
		d.CustomFields = append(d.CustomFields, customField(f))
	}
	for _, q := range p.QualifyingQuestions {
		d.QualifyingQuestions = append(d.QualifyingQuestions, question{
			Question: q.Question, Rationale: q.Rationale, FitType: q.FitType, Weight: q.Weight, ArchivedAt: documentTime(q.ArchivedAt),
		})
	}
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("store: encode persona %s: %w", p.OID, err)
	}
	return string(b), nil
}

func decodeDocument(b []byte, p *persona.Persona) error {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("decode document: %w", err)
	}
	p.PrimaryResponsibilities, p.PainPoints, p.KeyConcerns, p.KeyObjectives = d.PrimaryResponsibilities, d.PainPoints, d.KeyConcerns, d.KeyObjectives
	p.CommonJobTitles, p.WhyTheyMatterToUs, p.WhyWeMatterToThem, p.BuyingRole = d.CommonJobTitles, d.WhyTheyMatterToUs, d.WhyWeMatterToThem, d.BuyingRole
	for _, f := range d.CustomFields {
		p.CustomFields = append(p.CustomFields, persona.CustomField(f))
	}
	for _, q := range d.QualifyingQuestions {
		archived := sql.Null[int64]{}
		if q.ArchivedAt != nil {
			archived = sql.Null[int64]{V: *q.ArchivedAt, Valid: true}
		}
		p.QualifyingQuestions = append(p.QualifyingQuestions, persona.QualifyingQuestion{
			Question: q.Question, Rationale: q.Rationale, FitType: q.FitType, Weight: q.Weight, ArchivedAt: fromNullMicros(archived),
		})
	}
	return nil
}

func documentTime(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := micros(*t)
	return &us
}
