package store

import (
	"context"
	"time"

	"personae.dev/internal/entity"
)

// Deleted implements entity.Reader. It names no workspace: the job that purges
// goes through all of them.
func (q *queries) Deleted(ctx context.Context, before time.Time, limit int) ([]entity.DeletedEntity, error) {
	query := `
		select workspace, kind, o_id, name, deleted_at
		from entities
		where deleted_at < $1
		order by deleted_at, workspace, o_id
		limit $2`
	if q.writing {
		query += q.skipLocked
	}
	return all(ctx, q, query, func(r row) (d entity.DeletedEntity, err error) {
		var deleted int64
		err = r.Scan(&d.Workspace, &d.Kind, &d.OID, &d.Name, &deleted)
		d.DeletedAt = fromMillis(deleted)
		return d, err
	}, millis(before), limit)
}

// CountDeleted implements entity.Reader.
func (q *queries) CountDeleted(ctx context.Context, before time.Time) (int, error) {
	const query = `select count(*) from entities where deleted_at < $1`
	n, err := one(ctx, q, query, scanInt, nil, millis(before))
	return int(n), err
}

// Purge implements entity.Tx. Links and history go with the row.
func (t *tx) Purge(ctx context.Context, ref entity.Ref) error {
	defer t.timed("purge")()
	const forget = `
		delete from idempotency
		where workspace = $1 and key in (select key from idempotency_rows where workspace = $1 and o_id = $2 and kind = $3)`
	const purge = `delete from entities where workspace = $1 and o_id = $2 and kind = $3 returning id`
	id, err := one(ctx, &t.queries, purge, scanInt, notFound(ref), ref.Workspace, ref.OID, ref.Kind)
	if err != nil {
		return err
	}
	if t.batch != nil {
		t.batch.words = append(t.batch.words, wordsRow{id: id})
	}
	_, err = t.exec(ctx, forget, ref.Workspace, ref.OID, ref.Kind)
	return err
}
