package library

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"personae.dev/internal/entity"
)

const (
	// maxUses is how many keys are noted while the database cannot be written;
	// uses of others are forgotten.
	maxUses = 200_000
	// usesPerWrite is how many are written in one transaction: others wait for it.
	usesPerWrite = 1000
)

// uses notes when keys were last used, without a write for each request.
type uses struct {
	mu   sync.Mutex
	last map[string]time.Time // by key
}

func (u *uses) note(keyOID string, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[string]time.Time{}
	}
	before, known := u.last[keyOID]
	if known && !before.Before(at) || !known && len(u.last) >= maxUses {
		return
	}
	u.last[keyOID] = at
}

// flush writes down what is new. What could not be written is noted again.
func (u *uses) flush(ctx context.Context, store entity.Store) error {
	u.mu.Lock()
	last := u.last
	u.last = nil
	u.mu.Unlock()
	// In the order of the ids, as neighbours are in the same pages of the database.
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(last)), usesPerWrite) {
		some := make(map[string]time.Time, len(keys))
		for _, key := range keys {
			some[key] = last[key]
		}
		err := store.Write(ctx, func(ctx context.Context, tx entity.Tx) error { return tx.TouchAPIKeys(ctx, some) })
		if err != nil {
			for key, at := range last {
				u.note(key, at)
			}
			return err
		}
		maps.DeleteFunc(last, func(key string, _ time.Time) bool { _, done := some[key]; return done })
	}
	return nil
}
