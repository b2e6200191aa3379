package library

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"personae.dev/internal/errs"
)

// cacheFor is how long an entry of a cache is used, counted from before its query:
// a change that another server made is seen within a second.
const cacheFor = 900 * time.Millisecond

// entryBytes is about what an entry takes beside its key and value.
const entryBytes = 200

// cache keeps what was read of the store. Requests that ask for the same at the
// same time share one query. Absence is not kept.
type cache[K comparable, V any] struct {
	entries *otter.Cache[K, cached[V]] // nil where the cache is off
	observe func(hit bool)
	// dropped counts calls of dropAll. Unlike Invalidate, otter's InvalidateAll
	// lets what is being loaded become entries.
	dropped atomic.Uint64
}

type cached[V any] struct {
	value V
	// at and dropped are from before its query.
	at      time.Time
	dropped uint64
}

// newCache returns a cache of at most so many bytes; 0 turns it off. bytes tells
// what an entry takes.
func newCache[K comparable, V any](maxBytes int64, bytes func(K, V) int, observe func(hit bool)) (*cache[K, V], error) {
	c := &cache[K, V]{observe: observe}
	if maxBytes <= 0 {
		return c, nil
	}
	var err error
	c.entries, err = otter.New(&otter.Options[K, cached[V]]{
		MaximumWeight: uint64(maxBytes),
		Weigher:       func(k K, e cached[V]) uint32 { return uint32(entryBytes + bytes(k, e.value)) },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[K, cached[V]]) time.Duration {
			return max(1, cacheFor-time.Since(e.Value.at)) // otter takes 0 for an entry that stays
		}),
		Clock: clock{time.Now()},
	})
	return c, err
}

// get returns what load returns, or returned for another request a moment ago.
func (c *cache[K, V]) get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	if c.entries == nil {
		c.observe(false)
		return load(ctx)
	}
	asked, loaded := time.Now(), false
	loader := otter.LoaderFunc[K, cached[V]](func(ctx context.Context, _ K) (cached[V], error) {
		began, dropped := time.Now(), c.dropped.Load()
		loaded = true
		value, err := load(ctx)
		return cached[V]{value, began, dropped}, err
	})
	e, err := c.entries.Get(ctx, key, loader)
	old := func() bool {
		return !loaded && err == nil && (asked.Sub(e.at) >= cacheFor || e.dropped != c.dropped.Load())
	}
	if old() {
		// It was loaded by a query of another request, which may have begun before a
		// change that this request has to see.
		c.entries.Invalidate(key)
		e, err = c.entries.Get(ctx, key, loader)
	}
	c.observe(!loaded)
	if old() || !loaded && errs.KindOf(err) == errs.NotFound {
		return load(ctx) // absence, too, may be old where another request found it
	}
	return e.value, err
}

// drop removes entries, and keeps what is being loaded of them from becoming
// entries. It is called after a change, before its caller is answered.
func (c *cache[K, V]) drop(keys ...K) {
	if c.entries == nil {
		return
	}
	for _, key := range keys {
		c.entries.Invalidate(key)
	}
}

// dropAll is drop for all keys.
func (c *cache[K, V]) dropAll() {
	if c.entries != nil {
		c.dropped.Add(1)
		c.entries.InvalidateAll()
	}
}

// clock is otter's, without ticks: an entry that has expired leaves with the next
// writes, and needs no goroutine.
type clock struct{ start time.Time }

// NowNano implements otter.Clock.
func (c clock) NowNano() int64 { return int64(time.Since(c.start)) }

// Tick implements otter.Clock.
func (clock) Tick(time.Duration) <-chan time.Time { return nil }
