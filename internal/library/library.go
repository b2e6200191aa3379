// Package library holds the use-cases of the product: every rule stands here,
// once. It knows the ports of persona, and neither SQL nor HTTP nor JSON.
package library

import (
	"context"
	"fmt"
	"time"

	"personae.dev/internal/persona"
)

// DefaultCacheBytes is how much memory the caches take where nothing else is
// said.
const DefaultCacheBytes = 64 << 20

// Config says what a Library works with.
type Config struct {
	Store persona.Store
	// Render makes what readers are sent of a persona. It is called once for
	// each version of a persona that is read, and must depend on nothing else.
	Render func(*persona.Persona) ([]byte, error)
	// CacheBytes bounds the caches together; 0 turns them off.
	CacheBytes int64
	// ObserveCache, if set, is told of every look into a cache. It must be safe
	// for concurrent use.
	ObserveCache func(CacheName, CacheResult)
	// Now, if set, tells the time instead of the system.
	Now func() time.Time
}

// Library is the use-cases over one store. It is safe for concurrent use.
type Library struct {
	store       persona.Store
	render      func(*persona.Persona) ([]byte, error)
	now         func() time.Time
	personas    *cache[personaKey, *Document]
	credentials *cache[string, *credential]
	usage       *usage
}

// personaKey finds a persona in the cache.
type personaKey struct{ workspaceOID, oID string }

// New returns a Library.
func New(cfg Config) (*Library, error) {
	if cfg.Now == nil {
		cfg.Now = persona.Now
	}
	if cfg.ObserveCache == nil {
		cfg.ObserveCache = func(CacheName, CacheResult) {}
	}
	l := &Library{store: cfg.Store, render: cfg.Render, now: cfg.Now, usage: newUsage()}
	var err error
	// Keys are small and few beside personas.
	forKeys := cfg.CacheBytes / 8
	l.personas, err = newCache(CachePersonas, cfg, cfg.CacheBytes-forKeys, func(k personaKey, d *Document) int {
		return len(k.workspaceOID) + len(k.oID) + len(d.Body) + len(d.ETag)
	})
	if err != nil {
		return nil, err
	}
	l.credentials, err = newCache(CacheKeys, cfg, forKeys, func(string, *credential) int { return credentialBytes })
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Ping tells whether the library can be read.
func (l *Library) Ping(ctx context.Context) error { return l.store.Ping(ctx) }

// Run writes down from time to time what may be written late: when keys were
// last used. It returns when ctx ends, after a last time; report is told of
// errors.
func (l *Library) Run(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(flushUsageEvery)
	defer ticker.Stop()
	flush := func(ctx context.Context) {
		if err := l.usage.flush(ctx, l.store); err != nil {
			report(fmt.Errorf("library: write when keys were last used: %w", err))
		}
	}
	for {
		select {
		case <-ticker.C:
			flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlushTimeout)
			flush(last)
			cancel()
			return
		}
	}
}
