package store

import (
	"context"
	"database/sql"

	"personae.dev/internal/persona"
)

// counts are how many personas a transaction adds to those of each workspace and
// status. They are written at once at its end, and before it asks for a total.
type counts map[counted]int

type counted struct {
	workspaceOID string
	status       persona.Status
}

// count notes that personas come or go.
func (t *tx) count(workspaceOID string, status persona.Status, by int) {
	if !t.dialect.counts {
		return
	}
	if t.counts == nil {
		t.counts = counts{}
	}
	t.counts[counted{workspaceOID, status}] += by
}

// countAnew notes that p is about to take the place of what it was.
func (t *tx) countAnew(ctx context.Context, p *persona.Persona) error {
	if !t.dialect.counts {
		return nil
	}
	const query = `select archived_at, deleted_at from personas where workspace_o_id = $1 and o_id = $2`
	before, err := one(ctx, &t.queries, query, func(r row) (persona.Status, error) { return scanStatus(r) }, error(persona.PersonaNotFound()), p.WorkspaceOID, p.OID)
	if err != nil {
		return err
	}
	t.count(p.WorkspaceOID, before, -1)
	t.count(p.WorkspaceOID, p.Status(), 1)
	return nil
}

// writeCounts writes what was noted.
func (t *tx) writeCounts(ctx context.Context) error {
	const query = `
		insert into persona_counts (workspace_o_id, status, personas)
		values ($1, $2, $3)
		on conflict (workspace_o_id, status) do update set personas = personas + excluded.personas`
	for of, by := range t.counts {
		if by == 0 {
			continue
		}
		if _, err := t.exec(ctx, query, of.workspaceOID, string(of.status), by); err != nil {
			return err
		}
	}
	clear(t.counts)
	return nil
}

// scanStatus reads archived_at and deleted_at, and then more.
func scanStatus(r row, more ...any) (persona.Status, error) {
	var archived, deleted sql.Null[int64]
	err := r.Scan(append([]any{&archived, &deleted}, more...)...)
	return (&persona.Persona{ArchivedAt: fromNullMicros(archived), DeletedAt: fromNullMicros(deleted)}).Status(), err
}
