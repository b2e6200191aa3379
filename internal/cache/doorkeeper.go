package cache

import (
	"hash/maphash"
	"sync/atomic"
)

// doorkeeper tells what is asked for again from what is asked for once. It has
// two marks of each key, until those of others take their places: then both keys
// may have one still.
type doorkeeper[K comparable] struct {
	seed  maphash.Seed
	marks []atomic.Uint32
}

// newDoorkeeper returns a doorkeeper who mostly knows a key if no more than so
// many others were asked for since.
func newDoorkeeper[K comparable](others int64) doorkeeper[K] {
	return doorkeeper[K]{maphash.MakeSeed(), make([]atomic.Uint32, 2*others+1)}
}

// knows tells whether key was asked for lately, and marks that it was now.
func (d *doorkeeper[K]) knows(key K) bool {
	hash := maphash.Comparable(d.seed, key)
	mark := uint32(hash>>32) | 1                                  // 0 is none
	one, other := d.place(hash), d.place(hash*0x9e3779b97f4a7c15) // of the golden ratio: it spreads
	known := one.Load() == mark || other.Load() == mark
	one.Store(mark)
	other.Store(mark)
	return known
}

func (d *doorkeeper[K]) place(hash uint64) *atomic.Uint32 {
	return &d.marks[hash%uint64(len(d.marks))]
}
