// Package personarow is how a persona is kept in rows: what is read of its row,
// and the rows of a new one. It runs no SQL.
package personarow

import (
	"database/sql"
	"iter"
	"time"

	"personae.dev/internal/parallel"
	"personae.dev/internal/persona"
	"personae.dev/internal/search"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/fts"
	"personae.dev/internal/store/measure"
)

// Columns are those that Scan reads: of personas p and users u, the authors.
const Columns = `
	p.workspace_o_id, p.o_id, p.name, p.internal_name, p.description,
	p.active, p.unrecognized, p.rejected,
	p.created_at, p.updated_at, p.archived_at, p.deleted_at,
	p.primary_offering_o_id, coalesce(p.offering_mode, ''), p.document,
	u.o_id, u.organization_o_id, u.first_name, u.last_name, u.email, u.role, u.created_at`

// Select reads personas with their authors; a condition follows.
const Select = `
	select ` + Columns + `
	from personas p
	join users u on u.o_id = p.user_o_id`

// Scan reads a persona.
func Scan(r measure.Row) (*persona.Persona, error) {
	var (
		p                             persona.Persona
		created, updated, userCreated int64
		archived, deleted             sql.Null[int64]
		doc                           []byte
	)
	err := r.Scan(&p.WorkspaceOID, &p.OID, &p.Name, &p.InternalName, &p.Description,
		&p.Active, &p.Unrecognized, &p.Rejected,
		&created, &updated, &archived, &deleted,
		&p.Links.PrimaryOfferingOID, &p.Links.Offerings, &doc,
		&p.Author.OID, &p.Author.OrganizationOID, &p.Author.FirstName, &p.Author.LastName, &p.Author.Email, &p.Author.Role, &userCreated)
	if err != nil {
		return nil, err
	}
	p.CreatedAt, p.UpdatedAt, p.Author.CreatedAt = micros(created), micros(updated), micros(userCreated)
	p.ArchivedAt, p.DeletedAt = nullMicros(archived), nullMicros(deleted)
	if err := document.Decode(doc, &p); err != nil {
		return nil, err
	}
	return &p, nil
}

// The tables and columns of the rows of a First.
const (
	Personas = `personas (id, workspace_o_id, o_id, user_o_id, name, internal_name, description,
		active, unrecognized, rejected, created_at, updated_at, archived_at, deleted_at,
		primary_offering_o_id, offering_mode, document)`
	Revisions = `revisions (o_id, persona_id, number, action, user_o_id, key_o_id, created_at, snapshot)`
	Links     = `persona_links (persona_id, kind, position, target_o_id)`
)

// First has the rows of a new persona with its first revision.
type First struct {
	At                       fts.Place
	Persona, Revision, Words []any
	Links                    [][]any
	err                      error
}

// Fill makes the rows of revisions, each of a persona that has its place. It uses
// all processors.
func Fill(firsts []First, revisions []*persona.Revision, index *fts.Index) error {
	parallel.Each(len(firsts), func(i int) { firsts[i].err = firsts[i].fill(revisions[i], index) })
	for i := range firsts {
		if err := firsts[i].err; err != nil {
			return err
		}
	}
	return nil
}

// Tables are the tables, with columns, and their rows, in the order in which they
// can be inserted.
func Tables(firsts []First, index *fts.Index) iter.Seq2[string, [][]any] {
	var personas, revisions, links, words [][]any
	for _, f := range firsts {
		personas, revisions = append(personas, f.Persona), append(revisions, f.Revision)
		links, words = append(links, f.Links...), append(words, f.Words)
	}
	return func(yield func(string, [][]any) bool) {
		_ = yield(Personas, personas) && yield(Revisions, revisions) && yield(Links, links) && yield(index.Into, words)
	}
}

func (f *First) fill(r *persona.Revision, index *fts.Index) error {
	p := r.Persona
	doc, err := document.Encode(p)
	if err != nil {
		return err
	}
	snapshot, err := document.EncodeSnapshot(p)
	if err != nil {
		return err
	}
	f.Persona = []any{
		f.At.ID, p.WorkspaceOID, p.OID, p.Author.OID, p.Name, optional(p.InternalName), optional(p.Description),
		p.Active, p.Unrecognized, p.Rejected, p.CreatedAt.UnixMicro(), p.UpdatedAt.UnixMicro(), optionalMicros(p.ArchivedAt), optionalMicros(p.DeletedAt),
		optional(p.Links.PrimaryOfferingOID), unlessEmpty(string(p.Links.Offerings)), doc,
	}
	f.Revision = []any{r.OID, f.At.ID, 1, string(r.Action), r.User.OID, unlessEmpty(r.KeyOID), r.At.UnixMicro(), snapshot}
	f.Links = LinkRows(f.At, p)
	f.Words = index.Row(f.At, p.Status(), search.WordsOf(p))
	return nil
}

// LinkRows are the rows of Links.
func LinkRows(at fts.Place, p *persona.Persona) (rows [][]any) {
	for kind, targets := range map[string][]string{"offering": p.Links.OfferingOIDs, "playbook": p.Links.PlaybookOIDs} {
		for position, target := range targets {
			rows = append(rows, []any{at.ID, kind, position, target})
		}
	}
	return rows
}

func micros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func nullMicros(us sql.Null[int64]) *time.Time {
	if !us.Valid {
		return nil
	}
	t := micros(us.V)
	return &t
}

func optionalMicros(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMicro()
}

func optional(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

func unlessEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}
