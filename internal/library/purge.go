package library

import (
	"context"
	"time"

	"personae.dev/internal/persona"
)

const (
	// purgeEvery is the pause between two purges.
	purgeEvery = time.Hour
	// purgeAtOnce is how many personas are removed in one transaction: others
	// write in between.
	purgeAtOnce = 100
)

// Purge removes the personas of all workspaces that were deleted before a time,
// with their history, for good, and first answers that no longer count. It tells
// purged of each, when it is gone; where it fails, those before are gone.
func (l *Library) Purge(ctx context.Context, before time.Time, purged func(persona.DeletedPersona)) error {
	err := l.store.Write(ctx, func(tx persona.Tx) error {
		_, err := tx.PurgeFirstAnswers(ctx, l.now().Add(-IdempotencyLasts))
		return err
	})
	if err != nil {
		return err
	}
	for {
		var gone []persona.DeletedPersona
		changed := func() {}
		err := l.store.Write(ctx, func(tx persona.Tx) error {
			var err error
			if gone, err = tx.Deleted(ctx, before, purgeAtOnce); err != nil {
				return err
			}
			keys := make([]personaKey, 0, len(gone))
			for _, d := range gone {
				keys = append(keys, personaKey{d.WorkspaceOID, d.OID})
				if err := tx.PurgePersona(ctx, d.WorkspaceOID, d.OID); err != nil {
					return err
				}
			}
			changed = l.personas.Changing(keys...)
			return nil
		})
		changed()
		if err != nil || len(gone) == 0 {
			return err
		}
		for _, d := range gone {
			purged(d)
		}
	}
}

// Purgeable returns what Purge would remove, the oldest first and limit personas
// at most, and how many they are in all.
func (l *Library) Purgeable(ctx context.Context, before time.Time, limit int) ([]persona.DeletedPersona, int, error) {
	deleted, err := l.store.Deleted(ctx, before, limit)
	if err != nil {
		return nil, 0, err
	}
	total, err := l.store.CountDeleted(ctx, before)
	return deleted, max(total, len(deleted)), err // some may have gone in between
}
