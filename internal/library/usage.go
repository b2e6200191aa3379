package library

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"personae.dev/internal/persona"
)

const (
	// flushUsageEvery is how long the time of a key's last use may be known in
	// memory only.
	flushUsageEvery = time.Minute
	// lastFlushTimeout is how long the end of the server waits for it.
	lastFlushTimeout = 5 * time.Second
)

// usage knows when keys were last used, without a write for each request.
type usage struct {
	mu    sync.Mutex
	times map[string]*usedAt // by key id; one for each key used since the start
}

type usedAt struct {
	last    atomic.Int64 // UTC microseconds
	flushed int64        // what is in the store; guarded by usage.mu
}

func newUsage() *usage { return &usage{times: map[string]*usedAt{}} }

// of returns where the last use of a key is noted, in UTC microseconds.
func (u *usage) of(keyOID string) *atomic.Int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	at := u.times[keyOID]
	if at == nil {
		at = &usedAt{}
		u.times[keyOID] = at
	}
	return &at.last
}

// flush writes down what is new.
func (u *usage) flush(ctx context.Context, store persona.Store) error {
	fresh := u.fresh()
	if len(fresh) == 0 {
		return nil
	}
	// Not under the lock: the database may be another's for seconds, and
	// requests wait for of.
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
func (u *usage) fresh() map[string]time.Time {
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
