package segments

import "sync"

// cacheBytes bounds what is kept of the parts of segments; 100,000 personas have
// about 27 MiB of them.
const cacheBytes = 32 << 20

// cache keeps parts of segments, those that were used last. What is in a part
// never changes, and no id of a segment is used twice: what was read once is
// right for ever.
type cache struct {
	mu    sync.Mutex
	limit int
	size  int
	parts map[partKey]*kept
	// ends is the ring of what is kept: next is what was used last.
	ends kept
}

type partKey struct {
	segment int64
	part    int
}

type kept struct {
	key        partKey
	value      any // *inverted.Head or []byte
	size       int
	prev, next *kept
}

// keptSize is about what it takes to keep a part, beside its bytes.
const keptSize = 400

func newCache(limit int) *cache {
	c := &cache{limit: limit, parts: map[partKey]*kept{}}
	c.ends.prev, c.ends.next = &c.ends, &c.ends
	return c
}

func (k *kept) leave() { k.prev.next, k.next.prev = k.next, k.prev }

func (c *cache) first(k *kept) {
	k.prev, k.next = &c.ends, c.ends.next
	k.prev.next, k.next.prev = k, k
}

// get returns a part, nil where it is not kept.
func (c *cache) get(key partKey) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.parts[key]
	if k == nil {
		return nil
	}
	if c.ends.next != k {
		k.leave()
		c.first(k)
	}
	return k.value
}

// put keeps a part of so many bytes.
func (c *cache) put(key partKey, value any, size int) {
	size += keptSize
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts[key] != nil || size > c.limit {
		return
	}
	k := &kept{key: key, value: value, size: size}
	c.parts[key] = k
	c.first(k)
	for c.size += size; c.size > c.limit; {
		c.drop(c.ends.prev)
	}
}

func (c *cache) drop(k *kept) {
	k.leave()
	delete(c.parts, k.key)
	c.size -= k.size
}
