// Package library holds the use-cases of the product: every rule stands here,
// once. It knows the ports of persona, and neither SQL nor HTTP nor JSON.
package library

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"personae.dev/internal/cache"
	"personae.dev/internal/persona"
	"personae.dev/internal/usage"
)

// DefaultCacheBytes is how much memory `personae serve` gives the caches where
// nothing else is said.
const DefaultCacheBytes = 64 << 20

// Config says what a Library works with.
type Config struct {
	Store persona.Store
	// Render appends what readers are sent of a persona. It must depend on nothing
	// else, and keep nothing of the persona.
	Render func([]byte, *persona.Persona) ([]byte, error)
	// CacheBytes bounds the caches together; 0 turns them off.
	CacheBytes int64
	// ObserveCache, if set, is told of every look into a cache. It must be safe
	// for concurrent use.
	ObserveCache func(CacheName, cache.Result)
	// Now, if set, tells the time instead of the system.
	Now func() time.Time
}

// CacheName names a cache in metrics.
type CacheName string

// The caches.
const (
	CachePersonas CacheName = "personas"
	CacheKeys     CacheName = "keys"
)

// Library is the use-cases over one store. It is safe for concurrent use.
type Library struct {
	store       persona.Store
	render      func([]byte, *persona.Persona) ([]byte, error)
	now         func() time.Time
	personas    *cache.Cache[personaKey, *Document]
	credentials *cache.Cache[string, Caller]
	usage       *usage.Times
	cacheBytes  int64
	keysRead    atomic.Uint64
}

// What entries of the caches take, by and large.
const (
	typicalDocument   = 4 << 10
	typicalCredential = 400
)

// personaKey finds a persona in the cache.
type personaKey struct{ workspaceOID, oID string }

// New returns a Library.
func New(cfg Config) (*Library, error) {
	if cfg.Now == nil {
		cfg.Now = persona.Now
	}
	if cfg.ObserveCache == nil {
		cfg.ObserveCache = func(CacheName, cache.Result) {}
	}
	l := &Library{store: cfg.Store, render: cfg.Render, now: cfg.Now, usage: usage.New(), cacheBytes: cfg.CacheBytes}
	var err error
	l.personas, err = cache.New(cache.Config{
		Epochs: cfg.Store, MaxBytes: cfg.CacheBytes, Typical: typicalDocument,
		Observe: func(r cache.Result) { cfg.ObserveCache(CachePersonas, r) },
	}, cache.Objects[personaKey, *Document]{
		Own: func(k personaKey, d *Document) (personaKey, *Document) {
			return personaKey{strings.Clone(k.workspaceOID), strings.Clone(k.oID)}, d.kept()
		},
		Bytes: func(k personaKey, d *Document) int {
			return len(k.workspaceOID) + len(k.oID) + d.bytes()
		},
	})
	if err != nil {
		return nil, err
	}
	l.credentials, err = cache.New(cache.Config{
		Epochs: cfg.Store, MaxBytes: cfg.CacheBytes / 8 * 7, Typical: typicalCredential, // personas have the rest at least
		Observe: func(r cache.Result) { cfg.ObserveCache(CacheKeys, r) },
	}, cache.Texts[string, Caller]{
		Of: func(c Caller, keyID string) bool { return c.KeyOID() == persona.APIKeyPrefix+keyID },
	})
	if err != nil {
		return nil, err
	}
	cfg.Store.Watch(l.forget)
	return l, nil
}

// forget drops from the caches what another process changed.
func (l *Library) forget(c persona.Change) {
	if c.KeyOID != "" {
		l.credentials.Forget(strings.TrimPrefix(c.KeyOID, persona.APIKeyPrefix))
		return
	}
	l.personas.Forget(personaKey{c.WorkspaceOID, c.PersonaOID})
}

// Ping tells whether the library can be read.
func (l *Library) Ping(ctx context.Context) error { return l.store.Ping(ctx) }

const (
	// flushUsageEvery is how long the time of a key's last use may be known in
	// memory only, before it is written with those of others.
	flushUsageEvery = time.Minute
	// lastFlushTimeout is how long the end of the server waits for it.
	lastFlushTimeout = 5 * time.Second
)

// Background says what Run does and whom it tells.
type Background struct {
	// RetainDeleted is how long a deleted persona is kept; 0 keeps it for ever.
	RetainDeleted time.Duration
	// Purged is told of every persona that was removed for good.
	Purged func(persona.DeletedPersona)
	// Failed is told of errors; the work is tried again later.
	Failed func(error)
}

// Run does what is to be done from time to time: it writes down when keys were
// last used, and purges deleted personas and first answers. It returns when ctx
// ends, after it has written the last.
func (l *Library) Run(ctx context.Context, work Background) {
	flush := func(ctx context.Context, gently bool) (many <-chan struct{}) {
		err := l.usage.Flush(ctx, l.store, gently)
		// Where the server ends, the last flush has the rest.
		if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			work.Failed(fmt.Errorf("library: write when keys were last used: %w", err))
			return nil // there are as many as before: only the ticker tries again
		}
		return l.usage.Many()
	}
	purge := func() {
		var before time.Time // when nothing was deleted: first answers go all the same
		if work.RetainDeleted > 0 {
			before = l.now().Add(-work.RetainDeleted)
		}
		if err := l.Purge(ctx, before, work.Purged); err != nil && ctx.Err() == nil {
			work.Failed(fmt.Errorf("library: purge deleted personas: %w", err))
		}
	}
	flushes, purges := time.NewTicker(flushUsageEvery), time.NewTicker(purgeEvery)
	defer flushes.Stop()
	defer purges.Stop()
	purge()
	many := l.usage.Many()
	for {
		select {
		case <-flushes.C:
			many = flush(ctx, true)
		case <-many:
			many = flush(ctx, false)
		case <-purges.C:
			purge()
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlushTimeout)
			flush(last, false)
			cancel()
			return
		}
	}
}
