package store

import (
	"context"
	"database/sql"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// Idempotency implements entity.Reader.
func (s *Store) Idempotency(ctx context.Context, workspace, key string) (*entity.Idempotency, error) {
	return read(ctx, s, func(q *queries) (*entity.Idempotency, error) { return q.Idempotency(ctx, workspace, key) })
}

// Idempotency implements entity.Reader.
func (q *queries) Idempotency(ctx context.Context, workspace, key string) (*entity.Idempotency, error) {
	const query = `select digest, created_at, pending_until from idempotency where workspace = $1 and key = $2`
	const rows = `
		select e.position, e.workspace, e.kind, e.o_id, e.name, e.author, u.first_name, u.last_name, e.shape, e.tag,
			e.created_at, e.updated_at, e.archived_at, e.deleted_at, e.document, e.hidden
		from idempotency_rows e
		join users u on u.o_id = e.author
		where e.workspace = $1 and e.key = $2
		order by e.position`
	if err := q.lock(ctx, q.lockKey, workspace, key); err != nil {
		return nil, err
	}
	record, err := one(ctx, q, query, func(r row) (*entity.Idempotency, error) {
		i := &entity.Idempotency{Workspace: workspace, Key: key}
		var (
			digest  []byte
			created int64
			pending sql.Null[int64]
		)
		err := r.Scan(&digest, &created, &pending)
		copy(i.Digest[:], digest)
		i.At, i.PendingUntil = fromMillis(created), fromNullMillis(pending)
		return i, err
	}, errs.NotFoundf("idempotency_not_found", "Nothing was asked for with the idempotency key %s.", key), workspace, key)
	if err != nil {
		return nil, err
	}
	answered, err := all(ctx, q, rows, q.scanRow, workspace, key)
	for _, r := range answered {
		record.Rows = append(record.Rows, r.Row)
	}
	return record, err
}

// PutIdempotency implements entity.Tx.
func (t *tx) PutIdempotency(ctx context.Context, record *entity.Idempotency) error {
	const put = `
		insert into idempotency (workspace, key, digest, created_at, pending_until)
		values ($1, $2, $3, $4, $5)
		on conflict (workspace, key) do update
		set digest = excluded.digest, created_at = excluded.created_at, pending_until = excluded.pending_until`
	const clearRows = `delete from idempotency_rows where workspace = $1 and key = $2`
	const putRow = `
		insert into idempotency_rows (workspace, kind, o_id, name, author, shape, tag, created_at, updated_at, archived_at, deleted_at, document, hidden, key, position)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	if _, err := t.exec(ctx, put, record.Workspace, record.Key, record.Digest[:], millis(record.At), nullMillis(record.PendingUntil)); err != nil {
		return err
	}
	if _, err := t.exec(ctx, clearRows, record.Workspace, record.Key); err != nil {
		return err
	}
	for i, r := range record.Rows {
		_, err := t.exec(ctx, putRow, record.Workspace, r.Kind, r.OID, r.Name, r.Author.OID, r.Shape, r.Tag[:], millis(r.CreatedAt), millis(r.UpdatedAt),
			nullMillis(r.ArchivedAt), nullMillis(r.DeletedAt), string(r.Document), string(r.Hidden), record.Key, i)
		if err != nil {
			return err
		}
	}
	return nil
}

// DropIdempotency implements entity.Tx.
func (t *tx) DropIdempotency(ctx context.Context, workspace, key string) error {
	const query = `delete from idempotency where workspace = $1 and key = $2`
	_, err := t.exec(ctx, query, workspace, key)
	return err
}

// PurgeIdempotency implements entity.Tx.
func (t *tx) PurgeIdempotency(ctx context.Context, before time.Time) (int, error) {
	const query = `
		delete from idempotency
		where (workspace, key) in (select workspace, key from idempotency where created_at < $1`
	n, err := t.exec(ctx, query+t.skipLocked+")", millis(before))
	return int(n), err
}
