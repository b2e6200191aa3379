package store

import (
	"context"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Changes implements entity.Reader.
//
// On SQLite one transaction writes at a time, and never gives a number twice, so
// that numbers are in commit order. On PostgreSQL transactions run side by side:
// a row is in the feed once no transaction is left that began before its own, as
// one of those could still commit a row that comes before it.
func (q *queries) Changes(ctx context.Context, workspace string, after entity.Cursor, limit int) ([]*entity.Revision, entity.Cursor, error) {
	defer q.timed("changes")()
	if !q.postgres && after.Tx != 0 {
		return nil, after, errs.InvalidFields([]errs.Field{{Path: "after", Message: "is of another database: begin with after="}})
	}
	query := `select ` + revisionColumns + `, 0` + fromRevisions + `
		where r.workspace = $1 and r.id > $2
		order by r.id
		limit $3`
	args := []any{workspace, after.ID, limit}
	if q.postgres {
		query = `select ` + revisionColumns + `, r.tx::text::bigint` + fromRevisions + `
			where r.workspace = $1 and (r.tx, r.id) > ($3::bigint::text::xid8, $2) and r.tx < pg_snapshot_xmin(pg_current_snapshot())
			order by r.tx, r.id
			limit $4`
		args = []any{workspace, after.ID, after.Tx, limit}
	}
	var revisions []*entity.Revision
	scan := func(r row) (rev numbered, err error) {
		var tx int64
		if rev, err = scanRevision(r, &tx); err == nil {
			after = entity.Cursor{Tx: tx, ID: rev.id}
		}
		return rev, err
	}
	for rev, err := range each(ctx, q, query, scan, args...) {
		if err != nil {
			return nil, after, err
		}
		revisions = append(revisions, rev.Revision)
	}
	return revisions, after, nil
}
