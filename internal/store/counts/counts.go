// Package counts keeps, in SQLite, how many personas of each status a workspace
// has: the total of a list. It is not for PostgreSQL, where the writers of a
// workspace would wait for one another at its rows.
package counts

import (
	"context"
	"database/sql"

	"personae.dev/internal/persona"
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

// Changes are how many personas a transaction adds to those of each workspace
// and status. They are written at once at its end, and before it asks for a
// total.
type Changes map[counted]int

type counted struct {
	workspaceOID string
	status       persona.Status
}

// Add notes that a persona comes, or goes: by is 1 or -1.
func (c Changes) Add(workspaceOID string, status persona.Status, by int) {
	c[counted{workspaceOID, status}] += by
}

// Write writes what was noted since the last time, by exec.
func (c Changes) Write(ctx context.Context, exec func(ctx context.Context, text string, args ...any) (sql.Result, error)) error {
	const query = `
		insert into persona_counts (workspace_o_id, status, personas)
		values ($1, $2, $3)
		on conflict (workspace_o_id, status) do update set personas = personas + excluded.personas`
	for of, by := range c {
		if by == 0 {
			continue
		}
		if _, err := exec(ctx, query, of.workspaceOID, string(of.status), by); err != nil {
			return err
		}
	}
	clear(c)
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
