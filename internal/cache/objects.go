package cache

import (
	"fmt"
	"math"

	"github.com/maypok86/otter/v2"
)

// Objects keeps values as they are. What is used often stays longest.
type Objects[K comparable, V any] struct {
	// Own returns a key and a value like those given that keep nothing else in
	// memory: the texts of one that is asked for may be parts of a whole request.
	Own func(K, V) (K, V)
	// Bytes tells about how many bytes an entry takes.
	Bytes func(K, V) int
}

// objectBytes is about what an entry takes beside its value: its place in the
// order of use, in the table, and in what is counted of its key.
const objectBytes = 160

func (o Objects[K, V]) entries(maxBytes int64) (entries[K, V], error) {
	inner, err := otter.New(&otter.Options[K, entry[V]]{
		MaximumWeight: uint64(maxBytes),
		Weigher:       func(key K, e entry[V]) uint32 { return uint32(min(o.weight(key, e.value), math.MaxUint32)) },
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return &objects[K, V]{o, inner}, nil
}

func (o Objects[K, V]) weight(key K, value V) int { return o.Bytes(key, value) + objectBytes }

type objects[K comparable, V any] struct {
	Objects[K, V]
	inner *otter.Cache[K, entry[V]]
}

func (o *objects[K, V]) get(key K) (entry[V], bool) { return o.inner.GetIfPresent(key) }

func (o *objects[K, V]) fits(key K, value V, maxBytes int64) bool {
	if o.bytes()+int64(o.weight(key, value)) <= maxBytes {
		return true
	}
	_, old := o.inner.GetEntryQuietly(key) // in whose place it comes
	return old
}

func (o *objects[K, V]) set(key K, e entry[V], allowed func() bool) {
	key, e.value = o.Own(key, e.value)
	o.inner.Compute(key, func(old entry[V], _ bool) (entry[V], otter.ComputeOp) {
		if !allowed() {
			return old, otter.CancelOp
		}
		return e, otter.WriteOp
	})
}

func (o *objects[K, V]) remove(key K)          { o.inner.Invalidate(key) }
func (o *objects[K, V]) removeAll()            { o.inner.InvalidateAll() }
func (o *objects[K, V]) bytes() int64          { return int64(o.inner.WeightedSize()) }
func (o *objects[K, V]) resize(maxBytes int64) { o.inner.SetMaximum(uint64(maxBytes)) }
