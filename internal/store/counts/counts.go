// Package counts keeps, in SQLite, how many personas of each status a workspace
// has: the total of a list. It is not for PostgreSQL, where the writers of a
// workspace would wait for one another at its rows.
package counts

import (
	"context"
	"database/sql"

	"personae.dev/internal/persona"
	"personae.dev/internal/store/engine"
	"personae.dev/internal/store/measure"
)

// Total is the text for the total of a workspace, $1, by a status.
func Total(status persona.Status) string {
	const all = `select coalesce(sum(personas), 0) from persona_counts where workspace_o_id = $1`
	switch status {
	case persona.StatusAll:
		return all
	case persona.StatusArchived:
		return all + " and status = 'archived'"
	case persona.StatusDeleted:
		return all + " and status = 'deleted'"
	}
	return all + " and status = 'active'"
}

// Change is that so many personas come to those of a workspace and status, or go,
// where By is below 0.
type Change struct {
	WorkspaceOID string
	Status       persona.Status
	By           int
}

// Size implements engine.Change.
func (Change) Size() int { return 64 }

// Apply writes changes: those of a workspace and status together.
func Apply(ctx context.Context, r engine.Runner, changes []Change) error {
	const query = `
		insert into persona_counts (workspace_o_id, status, personas)
		values ($1, $2, $3)
		on conflict (workspace_o_id, status) do update set personas = personas + excluded.personas`
	type of struct {
		workspaceOID string
		status       persona.Status
	}
	sums := map[of]int{}
	for _, c := range changes {
		sums[of{c.WorkspaceOID, c.Status}] += c.By
	}
	for of, by := range sums {
		if by == 0 {
			continue
		}
		if _, err := r.ExecContext(ctx, query, of.workspaceOID, string(of.status), by); err != nil {
			return err
		}
	}
	return nil
}

// ScanStatus returns a scan of archived_at and deleted_at, and then of more.
func ScanStatus(more ...any) func(measure.Row) (persona.Status, error) {
	return func(r measure.Row) (persona.Status, error) {
		var archived, deleted sql.Null[int64]
		err := r.Scan(append([]any{&archived, &deleted}, more...)...)
		switch {
		case deleted.Valid:
			return persona.StatusDeleted, err
		case archived.Valid:
			return persona.StatusArchived, err
		}
		return persona.StatusActive, err
	}
}
