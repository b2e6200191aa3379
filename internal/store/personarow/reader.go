package personarow

import (
	"database/sql"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/measure"
)

// Reader reads rows of Columns, each into the memory of the one before.
type Reader struct {
	p                             persona.Persona
	internalName, description     sql.Null[string]
	created, updated, userCreated int64
	archived, deleted             sql.Null[int64]
	offering, email               sql.Null[string]
	doc                           document.Text
	document                      document.Decoder
	columns                       []any
}

// NewReader returns a Reader.
func NewReader() *Reader {
	r := &Reader{}
	p := &r.p
	r.columns = []any{
		&p.WorkspaceOID, &p.OID, &p.Name, &r.internalName, &r.description,
		&p.Active, &p.Unrecognized, &p.Rejected,
		&r.created, &r.updated, &r.archived, &r.deleted,
		&r.offering, &p.Links.Offerings, &r.doc,
		&p.Author.OID, &p.Author.OrganizationOID, &p.Author.FirstName, &p.Author.LastName, &r.email, &p.Author.Role, &r.userCreated,
	}
	return r
}

// Read reads a persona, which is good until the next one is read.
func (r *Reader) Read(row measure.Row) (*persona.Persona, error) {
	p := &r.p
	*p = persona.Persona{CustomFields: p.CustomFields[:0], QualifyingQuestions: p.QualifyingQuestions[:0]}
	if err := row.Scan(r.columns...); err != nil {
		return nil, err
	}
	p.InternalName, p.Description = pointer(&r.internalName), pointer(&r.description)
	p.Links.PrimaryOfferingOID, p.Author.Email = pointer(&r.offering), pointer(&r.email)
	p.CreatedAt, p.UpdatedAt, p.Author.CreatedAt = micros(r.created), micros(r.updated), micros(r.userCreated)
	p.ArchivedAt, p.DeletedAt = nullMicros(r.archived), nullMicros(r.deleted)
	if err := r.document.Decode(r.doc, p); err != nil {
		return nil, err
	}
	return p, nil
}

// pointer returns nil for NULL.
func pointer[T any](v *sql.Null[T]) *T {
	if !v.Valid {
		return nil
	}
	return &v.V
}
