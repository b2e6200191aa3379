package store

import (
	"cmp"
	"context"
	"iter"
	"math"
	"sync"
	"time"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/counts"
	"personae.dev/internal/store/dialect"
	"personae.dev/internal/store/document"
	"personae.dev/internal/store/personarow"
)

const personaByID = personarow.Select + `
	where p.workspace_o_id = $1 and p.o_id = $2`

// Persona implements persona.Reader.
func (q *queries) Persona(ctx context.Context, workspaceOID, oID string) (*persona.Persona, error) {
	defer q.timed("persona")()
	return lookedUp(ctx, q, personaByID+q.holdRow("p"), personarow.Scan, personaNotFound, workspaceOID, oID)
}

// ViewPersona implements persona.Store.
func (s *Store) ViewPersona(ctx context.Context, workspaceOID, oID string, view func(*persona.Persona) error) error {
	if s.view == nil {
		p, err := s.Persona(ctx, workspaceOID, oID)
		if err != nil {
			return err
		}
		return view(p)
	}
	defer s.timed("persona")()
	found, err := s.view(ctx, personaByID, func(r row) error {
		// Not before: many wait for their rows, and few are here at once.
		reader := personaReaders.Get().(*personarow.Reader)
		defer personaReaders.Put(reader)
		p, err := reader.Read(r)
		if err != nil {
			return err
		}
		return view(p)
	}, workspaceOID, oID)
	if err == nil && !found {
		err = personaNotFound()
	}
	return err
}

var personaReaders = sync.Pool{New: func() any { return personarow.NewReader() }}

func personaNotFound() error { return persona.PersonaNotFound() }

// personasAtOnce is how many personas one statement reads: a reader may be slow,
// and a statement may not.
const personasAtOnce = 500

const personasAfter = personarow.Select + `
	where p.workspace_o_id = $1 and (p.created_at, p.o_id) > ($2, $3)
	order by p.created_at, p.o_id
	limit $4`

// Personas implements persona.Reader.
func (s *Store) Personas(ctx context.Context, workspaceOID string) iter.Seq2[*persona.Persona, error] {
	return func(yield func(*persona.Persona, error) bool) {
		err := s.snapshot(ctx, []string{personasAfter}, func(q *queries) error {
			q.Personas(ctx, workspaceOID)(yield)
			return nil
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Personas implements persona.Reader.
func (q *queries) Personas(ctx context.Context, workspaceOID string) iter.Seq2[*persona.Persona, error] {
	return func(yield func(*persona.Persona, error) bool) {
		createdAt, oID := int64(math.MinInt64), ""
		for {
			personas, err := all(ctx, q, personasAfter, personarow.Scan, workspaceOID, createdAt, oID, personasAtOnce)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, p := range personas {
				if !yield(p, nil) {
					return
				}
			}
			if len(personas) < personasAtOnce {
				return
			}
			last := personas[len(personas)-1]
			createdAt, oID = micros(last.CreatedAt), last.OID
		}
	}
}

// CountPersonas implements persona.Reader.
func (q *queries) CountPersonas(ctx context.Context, workspaceOID string) (int, error) {
	const query = `select count(*) from personas where workspace_o_id = $1`
	if err := q.hold(ctx, q.dialect.HoldWorkspace, workspaceOID); err != nil {
		return 0, err
	}
	return one(ctx, q, query, scanInt, nil, workspaceOID)
}

// InsertPersona implements persona.Tx.
func (t *tx) InsertPersona(ctx context.Context, p *persona.Persona) error {
	defer t.timed("insert_persona")()
	const query = `
		insert into personas (workspace_o_id, o_id, user_o_id, name, internal_name, description,
			active, unrecognized, rejected, created_at, updated_at, archived_at, deleted_at,
			primary_offering_o_id, offering_mode, document)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, nullif($15, ''), $16)
		on conflict do nothing
		returning ` + placeColumns
	doc, err := document.Encode(p)
	if err != nil {
		return err
	}
	if t.added++; t.added == dialect.ManyRows && t.dialect.PlanAnew != "" {
		if _, err := t.exec(ctx, t.dialect.PlanAnew); err != nil {
			return err
		}
	}
	at, err := one(ctx, &t.queries, query, scanPlace, taken("persona", p.OID), p.WorkspaceOID, p.OID, p.Author.OID, p.Name, p.InternalName, p.Description,
		p.Active, p.Unrecognized, p.Rejected, micros(p.CreatedAt), micros(p.UpdatedAt), nullMicros(p.ArchivedAt), nullMicros(p.DeletedAt),
		p.Links.PrimaryOfferingOID, string(p.Links.Offerings), doc)
	if err != nil {
		return err
	}
	at.Fresh = true
	if err := t.count(ctx, p.WorkspaceOID, p.Status(), 1); err != nil {
		return err
	}
	return t.index(ctx, at, p)
}

// ReplacePersona implements persona.Tx.
func (t *tx) ReplacePersona(ctx context.Context, p *persona.Persona) error {
	defer t.timed("replace_persona")()
	const query = `
		update personas
		set name = $3, internal_name = $4, description = $5, active = $6, unrecognized = $7, rejected = $8,
			created_at = $9, updated_at = $10, archived_at = $11, deleted_at = $12,
			primary_offering_o_id = $13, offering_mode = nullif($14, ''), document = $15
		where workspace_o_id = $1 and o_id = $2
		returning ` + placeColumns
	const unlink = `delete from persona_links where persona_id = $1`
	doc, err := document.Encode(p)
	if err != nil {
		return err
	}
	before, err := t.keepSnapshot(ctx, p.WorkspaceOID, p.OID)
	if err != nil {
		return err
	}
	at, err := one(ctx, &t.queries, query, scanPlace, error(persona.PersonaNotFound()), p.WorkspaceOID, p.OID, p.Name, p.InternalName, p.Description,
		p.Active, p.Unrecognized, p.Rejected, micros(p.CreatedAt), micros(p.UpdatedAt), nullMicros(p.ArchivedAt), nullMicros(p.DeletedAt),
		p.Links.PrimaryOfferingOID, string(p.Links.Offerings), doc)
	if err != nil {
		return err
	}
	if now := p.Status(); now != before {
		if err := cmp.Or(t.count(ctx, p.WorkspaceOID, before, -1), t.count(ctx, p.WorkspaceOID, now, 1)); err != nil {
			return err
		}
	}
	t.writer.Changed(persona.Change{WorkspaceOID: p.WorkspaceOID, PersonaOID: p.OID})
	if _, err := t.exec(ctx, unlink, at.ID); err != nil {
		return err
	}
	return t.index(ctx, at, p)
}

// index writes what finds a persona: its links and its words.
func (t *tx) index(ctx context.Context, at personarow.Place, p *persona.Persona) error {
	const link = `insert into ` + personarow.Links + ` values ($1, $2, $3, $4)`
	for _, row := range personarow.LinkRows(at, p) {
		if _, err := t.exec(ctx, link, row...); err != nil {
			return err
		}
	}
	return t.later(ctx, t.dialect.Put(at, p))
}

// PurgePersona implements persona.Tx.
func (t *tx) PurgePersona(ctx context.Context, workspaceOID, oID string) error {
	const query = `delete from personas where workspace_o_id = $1 and o_id = $2 returning archived_at, deleted_at, ` + placeColumns // links and history go with it
	var at personarow.Place
	status, err := one(ctx, &t.queries, query, counts.ScanStatus(&at.ID, &at.Workspace, &at.Author), error(persona.PersonaNotFound()), workspaceOID, oID)
	if err != nil {
		return err
	}
	if err := t.count(ctx, workspaceOID, status, -1); err != nil {
		return err
	}
	t.writer.Changed(persona.Change{WorkspaceOID: workspaceOID, PersonaOID: oID})
	const forget = `delete from idempotent_answers where workspace_o_id = $1 and persona_o_id = $2`
	if _, err := t.exec(ctx, forget, workspaceOID, oID); err != nil {
		return err
	}
	if t.dialect.Remove == nil {
		return nil
	}
	return t.later(ctx, t.dialect.Remove(at))
}

// Deleted implements persona.Reader. It names no workspace: the job that purges
// goes through all of them.
func (q *queries) Deleted(ctx context.Context, before time.Time, limit int) ([]persona.DeletedPersona, error) {
	const query = `
		select workspace_o_id, o_id, name, deleted_at
		from personas
		where deleted_at < $1
		order by deleted_at, workspace_o_id, o_id
		limit $2`
	text := query
	if q.writing {
		text += q.dialect.PassHeld
	}
	return all(ctx, q, text, func(r row) (d persona.DeletedPersona, err error) {
		var deleted int64
		err = r.Scan(&d.WorkspaceOID, &d.OID, &d.Name, &deleted)
		d.DeletedAt = fromMicros(deleted)
		return d, err
	}, micros(before), limit)
}

// CountDeleted implements persona.Reader.
func (q *queries) CountDeleted(ctx context.Context, before time.Time) (int, error) {
	const query = `select count(*) from personas where deleted_at < $1`
	return one(ctx, q, query, scanInt, nil, micros(before))
}

// placeColumns are those of a personarow.Place.
const placeColumns = `id, (select number from workspaces w where w.o_id = workspace_o_id), user_o_id`

func scanPlace(r row) (at personarow.Place, err error) {
	err = r.Scan(&at.ID, &at.Workspace, &at.Author)
	return at, err
}
