package store

import (
	"context"
	"fmt"
	"time"

	"personae.dev/internal/entity"
)

// Unmatched implements entity.Reader.
func (q *queries) Unmatched(ctx context.Context, workspace string, limit, offset int) ([]entity.UnmatchedTitle, error) {
	defer q.timed("unmatched")()
	const query = `select title, count, last_at from unmatched where workspace = $1 order by count desc, title limit $2 offset $3`
	return all(ctx, q, query, func(r row) (u entity.UnmatchedTitle, err error) {
		var last int64
		err = r.Scan(&u.Title, &u.Count, &last)
		u.LastAt = fromMillis(last)
		return u, err
	}, workspace, limit, offset)
}

// CountUnmatched implements entity.Reader.
func (q *queries) CountUnmatched(ctx context.Context, workspace string) (int, error) {
	const query = `select count(*) from unmatched where workspace = $1`
	n, err := one(ctx, q, query, scanInt, nil, workspace)
	return int(n), err
}

// AddUnmatched implements entity.Tx.
func (t *tx) AddUnmatched(ctx context.Context, workspace string, titles []entity.UnmatchedTitle) error {
	const query = `
		insert into unmatched (workspace, title, count, last_at)
		values ($1, $2, $3, $4)
		on conflict (workspace, title) do update
		set count = unmatched.count + excluded.count, last_at = case when excluded.last_at > unmatched.last_at then excluded.last_at else unmatched.last_at end`
	for _, u := range titles {
		if _, err := t.exec(ctx, query, workspace, u.Title, u.Count, millis(u.LastAt)); err != nil {
			return err
		}
	}
	return nil
}

// DropUnmatched implements entity.Tx.
func (t *tx) DropUnmatched(ctx context.Context, workspace string, titles []string) error {
	query := `delete from unmatched where workspace = $1 and title in ` + fmt.Sprintf(t.texts, "$2")
	_, err := t.exec(ctx, query, workspace, jsonText(titles))
	return err
}

// KeepUnmatched implements entity.Tx.
func (t *tx) KeepUnmatched(ctx context.Context, workspace string, most int) error {
	const query = `
		delete from unmatched
		where workspace = $1 and title in (
			select title from unmatched where workspace = $1 order by count desc, last_at desc, title limit 1000000 offset $2)`
	_, err := t.exec(ctx, query, workspace, most)
	return err
}

// PurgeUnmatched implements entity.Tx. It names no workspace: the job that purges
// goes through all of them.
func (t *tx) PurgeUnmatched(ctx context.Context, before time.Time) error {
	_, err := t.exec(ctx, `delete from unmatched where last_at < $1`, millis(before))
	return err
}
