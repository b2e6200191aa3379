package library

import (
	"context"
	"math"
	"slices"
	"time"

	"personae.dev/internal/entity"
	"personae.dev/internal/errs"
)

// rowsAtOnce is how many rows are purged or rewritten in one transaction: others
// write in between.
const rowsAtOnce = 100

// outdatedAtOnce is how many entities are looked for that are to be rewritten.
const outdatedAtOnce = 10_000

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
// cannot be read stays as it is, and does not keep others from being rewritten.
func (l *Library) reshape(ctx context.Context) error {
	for _, k := range l.registry.Kinds() {
		for after := int64(0); ; {
			outdated, err := l.store.Outdated(ctx, k.Name, k.Shape, after, outdatedAtOnce)
			if err != nil {
				return err
			}
			for some := range slices.Chunk(outdated, rowsAtOnce) {
				var unread map[entity.Ref]error
				err := l.store.Write(ctx, func(ctx context.Context, tx entity.Tx) (err error) {
					unread, err = l.rewrite(ctx, tx, k, some)
					return err
				})
				if err != nil {
					return err
				}
				for ref, err := range unread {
					l.log.ErrorContext(ctx, "A row of a lower shape cannot be read, and stays: run personae check.",
						"workspace", ref.Workspace, "kind", ref.Kind, "oId", ref.OID, "error", err)
				}
			}
			if len(outdated) < outdatedAtOnce {
				break
			}
			after = outdated[len(outdated)-1].Number
		}
	}
	return nil
}

// rewrite writes rows in the present shape, and returns those that it could not
// read.
func (l *Library) rewrite(ctx context.Context, tx entity.Tx, k *entity.Kind, outdated []entity.OutdatedEntity) (map[entity.Ref]error, error) {
	unread := map[entity.Ref]error{}
	for _, o := range outdated {
		row, err := tx.Row(ctx, o.Ref, nil)
		if errs.KindOf(err) == errs.NotFound { // it was purged in between
			continue
		}
		var e *entity.Entity
		if err == nil {
			e, err = k.Load(row)
		}
		if err != nil { // where the database is away, the transaction fails, too
			unread[o.Ref] = err
			continue
		}
		if err := tx.Replace(ctx, k.Store(o.Workspace, e), nil); err != nil {
			return nil, err
		}
	}
	return unread, nil
}
