// Package personarow is how a persona is kept in rows: what is read of its row,
// and the rows of a new one. It runs no SQL.
package personarow

import (
	"database/sql"
	"iter"
	"time"

	"personae.dev/internal/parallel"
	"personae.dev/internal/persona"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/engine"
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
func Scan(r measure.Row) (*persona.Persona, error) { return NewReader().Read(r) }

// The tables and columns of the rows of a First.
const (
	Personas = `personas (id, workspace_o_id, o_id, user_o_id, name, internal_name, description,
		active, unrecognized, rejected, created_at, updated_at, archived_at, deleted_at,
		primary_offering_o_id, offering_mode, document)`
	Revisions = `revisions (o_id, persona_id, number, action, user_o_id, key_o_id, created_at, snapshot)`
	Links     = `persona_links (persona_id, kind, position, target_o_id)`
)

// AsNow is the snapshot of a revision that left a persona as it is now: its row
// says it, and nothing is kept twice (docs/adr/0023). It is that of the newest
// revision, until the persona is replaced.
const AsNow = ""

// Place is where a persona stands, for the search index: the id of its row, the
// number of its workspace and its author. It is Fresh if it did not stand there
// before, in this transaction or earlier.
type Place struct {
	ID        int64
	Workspace int
	Author    string
	Fresh     bool
}

// First has the rows of a new persona with its first revision, and what finds it
// by its words: a change of the search index, or a row, as the engine has it.
type First struct {
	At                Place
	Persona, Revision []any
	Links             [][]any
	Index             engine.Change
	Words             []any
}

// fillTogether is how many Fill yields at once.
const fillTogether = 32

// Fill yields the rows of revisions, each of a persona that has its place, some at
// once and in their order. It uses all processors, and makes more while those that
// it has yielded are written. find sets what finds a persona.
func Fill(firsts []First, revisions []*persona.Revision, find func(*First, *persona.Persona)) iter.Seq2[[]First, error] {
	type part struct {
		firsts []First
		err    error
	}
	starts := func(yield func(int) bool) {
		for start := 0; start < len(firsts) && yield(start); start += fillTogether {
		}
	}
	parts := parallel.InOrder(starts, func(start int) part {
		end := min(start+fillTogether, len(firsts))
		for i := start; i < end; i++ {
			if err := firsts[i].fill(revisions[i]); err != nil {
				return part{err: err}
			}
			find(&firsts[i], revisions[i].Persona)
		}
		return part{firsts: firsts[start:end]}
	})
	return func(yield func([]First, error) bool) {
		for p := range parts {
			if !yield(p.firsts, p.err) || p.err != nil {
				return
			}
		}
	}
}

// Tables are the tables, with columns, and their rows, in the order in which they
// can be inserted.
func Tables(firsts []First) iter.Seq2[string, [][]any] {
	var personas, revisions, links [][]any
	for _, f := range firsts {
		personas, revisions, links = append(personas, f.Persona), append(revisions, f.Revision), append(links, f.Links...)
	}
	return func(yield func(string, [][]any) bool) {
		_ = yield(Personas, personas) && yield(Revisions, revisions) && yield(Links, links)
	}
}

func (f *First) fill(r *persona.Revision) error {
	p := r.Persona
	doc, err := document.Encode(p)
	if err != nil {
		return err
	}
	f.Persona = []any{
		f.At.ID, p.WorkspaceOID, p.OID, p.Author.OID, p.Name, optional(p.InternalName), optional(p.Description),
		p.Active, p.Unrecognized, p.Rejected, p.CreatedAt.UnixMicro(), p.UpdatedAt.UnixMicro(), optionalMicros(p.ArchivedAt), optionalMicros(p.DeletedAt),
		optional(p.Links.PrimaryOfferingOID), unlessEmpty(string(p.Links.Offerings)), doc,
	}
	f.Revision = []any{r.OID, f.At.ID, 1, string(r.Action), r.User.OID, unlessEmpty(r.KeyOID), r.At.UnixMicro(), AsNow}
	f.Links = LinkRows(f.At, p)
	return nil
}

// LinkRows are the rows of Links.
func LinkRows(at Place, p *persona.Persona) (rows [][]any) {
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
