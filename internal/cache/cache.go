// Package cache keeps what was read from the store for as long as the store
// vouches for it. It knows neither what it keeps nor what that is for.
package cache

import (
	"context"
	"sync"
	"sync/atomic"
)

// Result is what a look into a cache gave.
type Result string

// The results. Bypass is a look that was not tried, as the store could not vouch
// for the cache.
const (
	Hit    Result = "hit"
	Miss   Result = "miss"
	Bypass Result = "bypass"
)

// Epochs tells whether what was read may be trusted: see persona.Store.Epoch.
type Epochs interface {
	Epoch() (epoch uint64, ok bool)
}

// Config says what a cache is like.
type Config struct {
	Epochs Epochs
	// MaxBytes bounds the cache; 0 turns it off.
	MaxBytes int64
	// Typical is about how many bytes most entries take.
	Typical int
	// Observe is told of every look.
	Observe func(Result)
}

// Kind is how a cache keeps its entries: Objects or Texts.
type Kind[K comparable, V any] interface {
	entries(maxBytes int64) (entries[K, V], error)
}

// entries are what a cache has. They are safe for concurrent use.
type entries[K comparable, V any] interface {
	get(key K) (entry[V], bool)
	// fits tells whether there is room for a value, or an older one of its key.
	fits(key K, value V, maxBytes int64) bool
	// set keeps an entry if that is allowed at a time at which no entry of the key
	// is being removed.
	set(key K, e entry[V], allowed func() bool)
	remove(key K)
	removeAll()
	bytes() int64
	resize(maxBytes int64)
}

type entry[V any] struct {
	value V
	// epoch is the store's from before the value was read.
	epoch uint64
}

// Cache keeps what was read from the store, bounded by bytes, and never hands
// out what is out of date: a write of this process is visible to every read
// that begins after anybody saw it, one of another process as soon as the store
// tells of it: by its epoch (persona.Store.Epoch), or by Forget.
type Cache[K comparable, V any] struct {
	epochs  Epochs
	observe func(Result)
	// madeWith is how many bytes the cache was made with, and maxBytes how many it
	// may have now.
	madeWith int64
	maxBytes atomic.Int64
	entries  entries[K, V] // nil: the cache is off
	door     doorkeeper[K]
	// writes grows with every write of this process that has ended, and with
	// every one of another that names what it changed.
	writes atomic.Uint64

	mu       sync.Mutex
	changing map[K]int // how many writes of a key are under way
}

// New returns an empty cache.
func New[K comparable, V any](cfg Config, kind Kind[K, V]) (*Cache[K, V], error) {
	c := &Cache[K, V]{epochs: cfg.Epochs, observe: cfg.Observe, madeWith: cfg.MaxBytes, changing: map[K]int{}}
	if cfg.MaxBytes <= 0 {
		return c, nil
	}
	c.maxBytes.Store(cfg.MaxBytes)
	c.door = newDoorkeeper[K](cfg.MaxBytes / int64(cfg.Typical))
	var err error
	c.entries, err = kind.entries(cfg.MaxBytes)
	return c, err
}

// Get returns the value of key, which load reads where the cache has none.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context, K) (V, error)) (V, error) {
	look, trusted := c.Look()
	if !trusted {
		c.observe(Bypass)
		return load(ctx, key)
	}
	if value, ok := look.Get(key); ok {
		return value, nil
	}
	value, err := load(ctx, key)
	if err == nil {
		look.Keep(key, value)
	}
	return value, err
}

// Look is a look at entries, which begins before those that are missing are
// read.
type Look[K comparable, V any] struct {
	cache  *Cache[K, V]
	epoch  uint64
	writes uint64
}

// Look begins a look, if the cache is on and can be trusted.
func (c *Cache[K, V]) Look() (look Look[K, V], ok bool) {
	epoch, trusted := c.epochs.Epoch()
	if c.entries == nil || !trusted {
		return look, false
	}
	return Look[K, V]{c, epoch, c.writes.Load()}, true
}

// Get returns the value of key, if the cache has it.
func (l Look[K, V]) Get(key K) (value V, ok bool) {
	e, ok := l.cache.entries.get(key)
	if !ok || e.epoch != l.epoch {
		l.cache.observe(Miss)
		return value, false
	}
	l.cache.observe(Hit)
	return e.value, true
}

// Keep keeps a value that was read since the look began. Where there is no room
// it keeps what was asked for lately, too: not what nobody comes back for, which
// costs more to let in and out than to read.
func (l Look[K, V]) Keep(key K, value V) {
	c := l.cache
	if !c.entries.fits(key, value, c.maxBytes.Load()) && !c.door.knows(key) {
		return
	}
	// A write since, or one under way, may have changed what was loaded. The look
	// at the counters and the insertion exclude Changing, Forget and ForgetAll,
	// which count first and remove then.
	c.entries.set(key, entry[V]{value, l.epoch}, func() bool { return !c.isChanging(key) && c.writes.Load() == l.writes })
}

// Changing is called in a write to what keys name, before it can be seen by
// others, and what it returns when the write has ended, before it is answered.
// Nothing is kept of the keys in between: who heard of the write in another way,
// by a list or a refusal, reads it too.
func (c *Cache[K, V]) Changing(keys ...K) (changed func()) {
	if c.entries == nil {
		return func() {}
	}
	c.count(keys, 1)
	for _, key := range keys {
		c.entries.remove(key)
	}
	return func() {
		c.writes.Add(1)
		c.count(keys, -1)
	}
}

// count adds to the number of writes under way of each key.
func (c *Cache[K, V]) count(keys []K, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if c.changing[key] += by; c.changing[key] == 0 {
			delete(c.changing, key)
		}
	}
}

func (c *Cache[K, V]) isChanging(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changing[key] > 0
}

// Forget is called after a write of another process to what keys name.
func (c *Cache[K, V]) Forget(keys ...K) {
	c.writes.Add(1)
	if c.entries == nil {
		return
	}
	for _, key := range keys {
		c.entries.remove(key)
	}
}

// Bytes tells about how much memory the entries take.
func (c *Cache[K, V]) Bytes() int64 {
	if c.entries == nil {
		return 0
	}
	return c.entries.bytes()
}

// Resize bounds the cache anew, if it is on, where that is a change by more than
// a hundredth of what it was made with: each one lets it forget what it has learnt
// of what is used.
func (c *Cache[K, V]) Resize(maxBytes int64) {
	if c.entries == nil {
		return
	}
	maxBytes = max(maxBytes, 0)
	if change := maxBytes - c.maxBytes.Load(); max(change, -change) > c.madeWith/100 {
		c.maxBytes.Store(maxBytes)
		c.entries.resize(maxBytes)
	}
}

// ForgetAll is called after a write to many.
func (c *Cache[K, V]) ForgetAll() {
	c.writes.Add(1)
	if c.entries != nil {
		c.entries.removeAll()
	}
}
