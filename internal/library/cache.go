package library

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"personae.dev/internal/persona"
)

// CacheName names a cache in metrics.
type CacheName string

// The caches.
const (
	CachePersonas CacheName = "personas"
	CacheKeys     CacheName = "keys"
)

// CacheResult is what a look into a cache gave.
type CacheResult string

// The results. CacheBypass is a look that was not tried, as the store could not
// vouch for the cache.
const (
	CacheHit    CacheResult = "hit"
	CacheMiss   CacheResult = "miss"
	CacheBypass CacheResult = "bypass"
)

// entryBytes is about what an entry takes beside its value.
const entryBytes = 200

// cache keeps what was read from the store, bounded by bytes, and never hands
// out what is out of date: a write of this process is visible to every read
// that begins after it, one of another process as soon as the store's epoch
// says so (persona.Store.Epoch).
type cache[K comparable, V any] struct {
	name    CacheName
	store   persona.Store
	observe func(CacheName, CacheResult)
	entries *otter.Cache[K, entry[V]] // nil: the cache is off
	// writes grows with every write of this process.
	writes atomic.Uint64
}

type entry[V any] struct {
	value V
	// epoch is the store's from before the value was read.
	epoch uint64
}

func newCache[K comparable, V any](name CacheName, cfg Config, maxBytes int64, weigh func(K, V) int) (*cache[K, V], error) {
	c := &cache[K, V]{name: name, store: cfg.Store, observe: cfg.ObserveCache}
	if maxBytes <= 0 {
		return c, nil
	}
	var err error
	c.entries, err = otter.New(&otter.Options[K, entry[V]]{
		MaximumWeight: uint64(maxBytes),
		Weigher: func(key K, e entry[V]) uint32 {
			return uint32(min(weigh(key, e.value)+entryBytes, math.MaxUint32))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("library: cache of %s: %w", name, err)
	}
	return c, nil
}

// get returns the value of key, which load reads where the cache has none.
func (c *cache[K, V]) get(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	epoch, trusted := c.store.Epoch()
	if c.entries == nil || !trusted {
		c.observe(c.name, CacheBypass)
		return load(ctx, key)
	}
	if e, ok := c.entries.GetIfPresent(key); ok && e.epoch == epoch {
		c.observe(c.name, CacheHit)
		return e.value, nil
	}
	c.observe(c.name, CacheMiss)
	writes := c.writes.Load()
	value, err := load(ctx, key)
	if err != nil {
		return value, err
	}
	// A write since may have changed what was loaded. The look at the counter
	// and the insertion exclude forget, which counts first and removes then.
	c.entries.Compute(key, func(old entry[V], _ bool) (entry[V], otter.ComputeOp) {
		if c.writes.Load() != writes {
			return old, otter.CancelOp
		}
		return entry[V]{value, epoch}, otter.WriteOp
	})
	return value, nil
}

// forget is called after a write to what key names, before the write is
// answered.
func (c *cache[K, V]) forget(key K) {
	c.writes.Add(1)
	if c.entries != nil {
		c.entries.Invalidate(key)
	}
}

// forgetAll is called after a write to many.
func (c *cache[K, V]) forgetAll() {
	c.writes.Add(1)
	if c.entries != nil {
		c.entries.InvalidateAll()
	}
}
