package inverted

import (
	"bytes"
	"cmp"
	"slices"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

// Page returns the ids of the rows from offset on, up to limit, in the order of
// the query.
func Page(found []*Segment, q *persona.Query, offset, limit int) []int64 {
	if q.Order == persona.ByRank {
		return pageByRank(found, offset, limit)
	}
	return pageByKey(found, q, offset, limit)
}

// heap is a binary heap: what before puts first is at the top.
type heap[T any] struct {
	items  []T
	before func(a, b *T) bool
}

func (h *heap[T]) push(item T) {
	h.items = append(h.items, item)
	for i := len(h.items) - 1; i > 0; {
		above := (i - 1) / 2
		if !h.before(&h.items[i], &h.items[above]) {
			return
		}
		h.items[i], h.items[above] = h.items[above], h.items[i]
		i = above
	}
}

// sink puts the top in its place, after it was changed.
func (h *heap[T]) sink() {
	for i := 0; ; {
		first := i
		for _, below := range [...]int{2*i + 1, 2*i + 2} {
			if below < len(h.items) && h.before(&h.items[below], &h.items[first]) {
				first = below
			}
		}
		if first == i {
			return
		}
		h.items[i], h.items[first] = h.items[first], h.items[i]
		i = first
	}
}

// pop takes the top away.
func (h *heap[T]) pop() {
	last := len(h.items) - 1
	h.items[0] = h.items[last]
	h.items = h.items[:last]
	h.sink()
}

// pageByRank merges the segments, whose personas are in this order, tier by
// tier.
func pageByRank(found []*Segment, offset, limit int) (ids []int64) {
	type front struct {
		*Segment
		record
		doc int
	}
	for tier := range search.Columns {
		left := heap[front]{before: func(a, b *front) bool { return byRank(&a.record, &b.record) < 0 }}
		for _, s := range found {
			if tier > 0 { // those before are there already
				for i := range s.tiers[tier] {
					s.tiers[tier][i] &^= s.tiers[tier-1][i]
				}
			}
			here := s.tiers[tier].Count()
			if doc := s.tiers[tier].after(0); here > 0 {
				left.push(front{s, s.Head.record(doc), doc})
			}
		}
		for len(left.items) > 0 {
			top := &left.items[0]
			if offset > 0 {
				offset--
			} else {
				ids = append(ids, top.id)
				if len(ids) == limit {
					return ids
				}
			}
			top.doc = top.tiers[tier].after(top.doc + 1)
			if top.doc < 0 {
				left.pop()
				continue
			}
			top.record = top.Head.record(top.doc)
			left.sink()
		}
		if tier == 0 {
			continue
		}
		for _, s := range found { // what follows leaves out both
			for i := range s.tiers[tier] {
				s.tiers[tier][i] |= s.tiers[tier-1][i]
			}
		}
	}
	return ids
}

// keyed is a persona and what a list is sorted by.
type keyed struct {
	micros    int64
	name, oID []byte
	id        int64
}

// pageByKey keeps the first of all.
func pageByKey(found []*Segment, q *persona.Query, offset, limit int) (ids []int64) {
	keyOf := func(r *record) keyed {
		switch k := (keyed{oID: r.oID, id: r.id}); q.Order {
		case persona.ByName:
			k.name = r.name
			return k
		case persona.ByUpdatedAt:
			k.micros = r.updated
			return k
		default:
			k.micros = r.created
			return k
		}
	}
	compare := func(a, b *keyed) int {
		order := cmp.Compare(a.micros, b.micros)
		if q.Order == persona.ByName {
			order = compareFolded(a.name, b.name)
		}
		if q.Descending {
			order = -order
		}
		return cmp.Or(order, bytes.Compare(a.oID, b.oID))
	}
	var after *keyed
	if at := q.After; at != nil {
		offset = 0
		after = &keyed{micros: at.Micros, name: []byte(at.Name), oID: []byte(at.OID)}
	}
	first := heap[keyed]{before: func(a, b *keyed) bool { return compare(a, b) > 0 }}
	for _, s := range found {
		all := s.tiers[search.Rest]
		for doc := all.after(0); doc >= 0; doc = all.after(doc + 1) {
			r := s.Head.record(doc)
			k := keyOf(&r)
			switch {
			case after != nil && compare(&k, after) <= 0:
			case len(first.items) < offset+limit:
				first.push(k)
			case compare(&k, &first.items[0]) < 0:
				first.items[0] = k
				first.sink()
			}
		}
	}
	slices.SortFunc(first.items, func(a, b keyed) int { return compare(&a, &b) })
	for _, k := range first.items[min(offset, len(first.items)):] {
		ids = append(ids, k.id)
	}
	return ids
}

// compareFolded compares names as lists do: without the case of ASCII letters.
func compareFolded(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if x, y := lowerASCII(a[i]), lowerASCII(b[i]); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
