package store

import (
	"context"

	"personae.dev/internal/persona"
)

// Workspaces implements persona.Reader.
func (q *queries) Workspaces(ctx context.Context) ([]persona.Workspace, error) {
	defer q.timed("workspaces")()
	const query = `
		select o_id, organization_o_id, name, domain, created_at
		from workspaces
		order by created_at, o_id`
	if err := q.hold(ctx, q.dialect.HoldAccounts); err != nil {
		return nil, err
	}
	return all(ctx, q, query, scanWorkspace)
}

// InsertWorkspace implements persona.Tx.
func (t *tx) InsertWorkspace(ctx context.Context, w *persona.Workspace) error {
	const query = `
		insert into workspaces (o_id, organization_o_id, name, domain, created_at, number)
		values ($1, $2, $3, $4, $5, (select coalesce(max(number), 0) + 1 from workspaces))
		on conflict do nothing`
	if err := t.hold(ctx, t.dialect.HoldAccounts); err != nil { // for the number
		return err
	}
	t.writer.Changed(persona.Change{}) // rare, and a part of many answers
	return t.insert(ctx, query, taken("workspace", w.Name), w.OID, w.OrganizationOID, w.Name, w.Domain, micros(w.CreatedAt))
}

func scanWorkspace(r row) (w persona.Workspace, err error) {
	var created int64
	err = r.Scan(&w.OID, &w.OrganizationOID, &w.Name, &w.Domain, &created)
	w.CreatedAt = fromMicros(created)
	return w, err
}
