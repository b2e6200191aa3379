package library

import (
	"context"
	"math"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// rowsAtOnce is how many rows are purged or rewritten in one transaction: others
// write in between.
const rowsAtOnce = 100

// Purge removes the entities of all workspaces that were deleted before a time,
// with their history, for good, and idempotency records and unmatched titles that
// no longer count. It
// tells purged of each, when it is gone; where it fails, those before are gone.
func (l *Library) Purge(ctx context.Context, before time.Time, purged func(entity.DeletedEntity)) error {
	err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		if _, err := tx.PurgeIdempotency(ctx, l.now().Add(-IdempotencyLasts)); err != nil {
			return err
		}
		if _, err := tx.PurgeModels(ctx, l.now().Add(-ModelCallsLast), l.now()); err != nil {
			return err
		}
		return tx.PurgeUnmatched(ctx, l.now().Add(-UnmatchedLasts))
	})
	removed := 0
	for err == nil {
		var gone []entity.DeletedEntity
		if gone, err = l.purgeSome(ctx, before); err != nil || len(gone) == 0 {
			break
		}
		removed += len(gone)
		for _, d := range gone {
			purged(d)
		}
	}
	if removed == 0 {
		return err
	}
	if failed := l.store.Compact(ctx); err == nil {
		err = failed
	}
	return err
}

func (l *Library) purgeSome(ctx context.Context, before time.Time) (gone []entity.DeletedEntity, err error) {
	err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
		var err error
		if gone, err = tx.Deleted(ctx, before, rowsAtOnce); err != nil {
			return err
		}
		for _, d := range gone {
			if err := tx.Purge(ctx, d.Ref); err != nil {
				return err
			}
		}
		if len(gone) == 0 {
			return nil
		}
		// What a model said of them may be among its answers.
		_, err = tx.PurgeModels(ctx, time.Time{}, time.UnixMilli(math.MaxInt64))
		return err
	})
	for _, d := range gone {
		l.documents.drop(d.Ref)
	}
	return gone, err
}

// Purgeable returns what Purge would remove, the oldest first and limit entities
// at most, and how many they are in all.
func (l *Library) Purgeable(ctx context.Context, before time.Time, limit int) ([]entity.DeletedEntity, int, error) {
	deleted, err := l.store.Deleted(ctx, before, limit)
	if err != nil {
		return nil, 0, err
	}
	total, err := l.store.CountDeleted(ctx, before)
	return deleted, max(total, len(deleted)), err // some may have gone in between
}

// reshape rewrites the rows that have a lower shape than their kind. A row that
// cannot be read stays as it is; reading it tells why.
func (l *Library) reshape(ctx context.Context) error {
	for _, k := range l.registry.Kinds() {
		for {
			rows, err := l.store.Outdated(ctx, k.Name, k.Shape, rowsAtOnce)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			rewritten := 0
			err = l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) error {
				rewritten = 0
				for _, row := range rows {
					done, err := l.rewrite(ctx, tx, k, row.Ref)
					if err != nil {
						return err
					}
					rewritten += done
				}
				return nil
			})
			if err != nil {
				return err
			}
			if rewritten == 0 {
				l.log.ErrorContext(ctx, "Rows of a lower shape cannot be rewritten: run personae check.", "kind", k.Name, "first", rows[0].OID)
				break
			}
		}
	}
	return nil
}

// rewrite writes a row in the present shape, and returns how many were written.
func (l *Library) rewrite(ctx context.Context, tx entity.Tx, k *entity.Kind, ref entity.Ref) (int, error) {
	row, err := tx.Row(ctx, ref, nil)
	if errs.KindOf(err) == errs.NotFound { // it was purged in between
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	e, err := k.Load(row)
	if err != nil {
		return 0, nil //nolint:nilerr // reading the entity tells it
	}
	return 1, tx.Replace(ctx, k.Store(ref.Workspace, e), nil)
}
