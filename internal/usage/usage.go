// Package usage notes when API keys were last used, without a write for each
// request.
package usage

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"personae.dev/internal/persona"
)

// Times knows when keys were last used.
type Times struct {
	mu    sync.Mutex
	times map[string]*usedAt // by key id; one for each key used since the start
}

type usedAt struct {
	last    atomic.Int64 // UTC microseconds
	flushed int64        // what is in the store; guarded by Times.mu
}

// New returns Times without any.
func New() *Times { return &Times{times: map[string]*usedAt{}} }

// Of returns where the last use of a key is noted, in UTC microseconds.
func (u *Times) Of(keyOID string) *atomic.Int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := u.times[keyOID]
	if at == nil {
		at = &usedAt{}
		u.times[keyOID] = at
	}
	return &at.last
}

// Flush writes down what is new.
func (u *Times) Flush(ctx context.Context, store persona.Store) error {
	fresh := u.fresh()
	if len(fresh) == 0 {
		return nil
	}
	// Not under the lock: the database may be another's for seconds, and
	// requests wait for Of.
	err := store.Write(ctx, func(tx persona.Tx) error { return tx.TouchAPIKeys(ctx, fresh) })
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for keyOID, last := range fresh {
		u.times[keyOID].flushed = last.UnixMicro()
	}
	return nil
}

// fresh returns what was not yet written down.
func (u *Times) fresh() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	fresh := map[string]time.Time{}
	for keyOID, at := range u.times {
		if last := at.last.Load(); last != at.flushed {
			fresh[keyOID] = time.UnixMicro(last).UTC()
		}
	}
	return fresh
}
