package segments

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"slices"

	"personae.dev/internal/search"
)

// built is a segment that is yet to be written.
type built struct {
	docs, postings int
	low, high      int64 // of the ids of its rows
	head           []byte
	places         []byte
	blocks         [][]byte
}

func (b *built) weight() int { return weigh(b.docs, b.postings) }

// parts are those to write, by their numbers.
func (b *built) parts() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if !yield(headPart, b.head) || len(b.blocks) == 1 || !yield(placesPart, b.places) {
			return
		}
		for i, block := range b.blocks {
			if !yield(firstBlock+i, block) {
				return
			}
		}
	}
}

// finish makes the segment of records in the order of rank, and their terms.
func finish(records []record, e *encoder) *built {
	e.seal()
	b := &built{docs: len(records), postings: e.postings, blocks: e.blocks, low: math.MaxInt64, high: math.MinInt64}
	byID := make([]uint16, len(records))
	for i := range records {
		byID[i] = uint16(i)
		b.low, b.high = min(b.low, records[i].id), max(b.high, records[i].id)
	}
	slices.SortFunc(byID, func(x, y uint16) int { return cmp.Compare(records[x].id, records[y].id) })
	b.places = make([]byte, 0, placeSize*len(records))
	for _, doc := range byID {
		b.places = little.AppendUint64(b.places, uint64(records[doc].id))
		b.places = little.AppendUint16(b.places, doc)
	}
	b.head = encodeHead(records, e, b.places)
	return b
}

// builder makes segments of personas. It keeps its memory from one to the next,
// and is not for concurrent use.
type builder struct {
	terms   search.Dictionary
	numbers []uint32 // of the term of each posting
	places  []uint16 // the persona and the column of each posting
	ends    []uint32 // of the postings of each term in sorted
	sorted  []uint16
	order   []ordered
}

// ordered is a term by its first bytes, which mostly tell two apart.
type ordered struct {
	first  uint64
	number uint32
}

// columnShift is where the column stands beside a persona of a segment.
const columnShift = 12

// split divides docs into those of each segment.
func split(docs []*Doc) iter.Seq[[]*Doc] {
	return func(yield func([]*Doc) bool) {
		start, postings := 0, 0
		for i, d := range docs {
			if i > start && (i-start == maxDocs || postings+d.count > maxPostings) {
				if !yield(docs[start:i]) {
					return
				}
				start, postings = i, 0
			}
			postings += d.count
		}
		if start < len(docs) {
			yield(docs[start:])
		}
	}
}

// build makes a segment of docs, which it sorts.
func (b *builder) build(docs []*Doc) *built {
	slices.SortFunc(docs, func(x, y *Doc) int { return byRank(&x.record, &y.record) })
	records := make([]record, len(docs))
	b.terms.Reset()
	b.numbers, b.places, b.ends = b.numbers[:0], b.places[:0], b.ends[:0]
	for i, d := range docs {
		records[i] = d.record
		for rest := d.terms; len(rest) > 0; {
			length, size := binary.Uvarint(rest)
			term := rest[size : size+int(length>>2)]
			rest = rest[size+len(term):]
			number, added := b.terms.Number(term)
			if added {
				b.ends = append(b.ends, 0)
			}
			b.ends[number]++
			b.numbers = append(b.numbers, uint32(number))
			b.places = append(b.places, uint16(i)|uint16(length&kindMask)<<columnShift)
		}
	}
	// Counted, they are put together term by term, still in the order of docs.
	end := uint32(0)
	for i, count := range b.ends {
		b.ends[i] = end
		end += count
	}
	b.sorted = slices.Grow(b.sorted[:0], len(b.places))[:len(b.places)]
	for i, number := range b.numbers {
		b.sorted[b.ends[number]] = b.places[i]
		b.ends[number]++
	}
	e := &encoder{docs: len(docs)}
	var columns [search.Columns][]uint16
	for _, o := range b.inOrder() {
		start := uint32(0)
		if o.number > 0 {
			start = b.ends[o.number-1]
		}
		for in := range columns {
			columns[in] = columns[in][:0]
		}
		for _, place := range b.sorted[start:b.ends[o.number]] {
			in, doc := place>>columnShift, place&(1<<columnShift-1)
			if c := columns[in]; len(c) == 0 || c[len(c)-1] != doc { // linked twice
				columns[in] = append(c, doc)
			}
		}
		e.add(b.terms.Word(int(o.number)), &columns)
	}
	return finish(records, e)
}

// inOrder returns the terms in their order.
func (b *builder) inOrder() []ordered {
	b.order = b.order[:0]
	for number := range b.terms.Len() {
		var first [8]byte
		copy(first[:], b.terms.Word(number))
		b.order = append(b.order, ordered{binary.BigEndian.Uint64(first[:]), uint32(number)})
	}
	slices.SortFunc(b.order, func(x, y ordered) int {
		if x.first != y.first {
			return cmp.Compare(x.first, y.first)
		}
		return bytes.Compare(b.terms.Word(int(x.number)), b.terms.Word(int(y.number)))
	})
	return b.order
}

// loaded is a segment with all its parts.
type loaded struct {
	head   *head
	blocks [][]byte
	dead   bitmap
}

// load reads the parts of a segment, in their order.
func load(parts [][]byte, dead []byte) (*loaded, error) {
	if len(parts) == 0 {
		return nil, errDamaged
	}
	h, err := parseHead(parts[headPart])
	if err != nil {
		return nil, err
	}
	l := &loaded{head: h}
	if h.blocks() == 1 {
		l.blocks = [][]byte{h.block}
	} else if l.blocks = parts[min(firstBlock, len(parts)):]; len(l.blocks) != h.blocks() {
		return nil, errDamaged
	}
	if len(dead) > 0 {
		l.dead, err = bitmapOf(dead, h.docs)
	}
	return l, err
}

// cursor goes through the terms of a segment that is merged.
type cursor struct {
	*loaded
	scanner
	block  int
	number []int // of its personas in the new segment, -1 for a dead one
}

// next goes to the next term; false at the end.
func (c *cursor) next() (bool, error) {
	for {
		if more, err := c.scanner.next(); more || err != nil {
			return more, err
		}
		if c.block == len(c.blocks) {
			return false, nil
		}
		c.scanner = scanner{rest: c.blocks[c.block], term: c.term[:0]}
		c.block++
	}
}

// mergeAll makes one segment of what lives in some; nil where nothing does.
// Together they must not have more than a segment may.
func mergeAll(segments []*loaded) (*built, error) {
	type place struct {
		record
		segment, doc int
	}
	var all []place
	cursors := make([]*cursor, len(segments))
	for i, s := range segments {
		cursors[i] = &cursor{loaded: s, number: make([]int, s.head.docs)}
		for doc := range s.head.docs {
			cursors[i].number[doc] = -1
			if !s.dead.has(doc) {
				p := place{s.head.record(doc), i, doc}
				p.status = s.head.statusOf(doc)
				all = append(all, p)
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	if len(all) > maxDocs {
		return nil, errDamaged
	}
	slices.SortFunc(all, func(x, y place) int { return byRank(&x.record, &y.record) })
	records := make([]record, len(all))
	for i, p := range all {
		records[i] = p.record
		cursors[p.segment].number[p.doc] = i
	}
	e := &encoder{docs: len(all)}
	if err := mergeTerms(e, cursors); err != nil {
		return nil, err
	}
	return finish(records, e), nil
}

// mergeTerms adds the terms of all cursors.
func mergeTerms(e *encoder, cursors []*cursor) error {
	live := cursors[:0:0]
	for _, c := range cursors {
		more, err := c.next()
		if err != nil {
			return err
		}
		if more {
			live = append(live, c)
		}
	}
	var columns [search.Columns][]uint16
	var found [search.Columns]bitmap
	most := 0
	for _, c := range cursors {
		most = max(most, c.head.docs)
	}
	old := make(bitmap, wordsFor(most))
	for in := range found {
		found[in] = make(bitmap, wordsFor(e.docs))
	}
	var term []byte
	for len(live) > 0 {
		least := live[0]
		for _, c := range live[1:] {
			if bytes.Compare(c.term, least.term) < 0 {
				least = c
			}
		}
		term = append(term[:0], least.term...)
		left := live[:0]
		for _, c := range live {
			if !bytes.Equal(c.term, term) {
				left = append(left, c)
				continue
			}
			err := c.postings(c.head.docs, func(in search.Column, p postings) error {
				return c.renumber(p, old[:wordsFor(c.head.docs)], found[in])
			})
			if err != nil {
				return err
			}
			more, err := c.next()
			if err != nil {
				return err
			}
			if more && bytes.Compare(c.term, term) <= 0 {
				return errDamaged
			}
			if more {
				left = append(left, c)
			}
		}
		live = left
		any := false
		for in := range found {
			columns[in] = appendDocs(columns[in][:0], found[in])
			any = any || len(columns[in]) > 0
		}
		if any {
			e.add(term, &columns)
		}
	}
	return nil
}

// renumber sets the bits of the personas of p in the new segment. old has room
// for those in the present one, and is left empty.
func (c *cursor) renumber(p postings, old, found bitmap) error {
	if err := p.orInto(old, c.head.docs); err != nil {
		clear(old)
		return err
	}
	for i, word := range old {
		for ; word != 0; word &= word - 1 {
			if number := c.number[i<<6+bits.TrailingZeros64(word)]; number >= 0 {
				found.set(number)
			}
		}
		old[i] = 0
	}
	return nil
}

// appendDocs appends the personas of b, which is left empty.
func appendDocs(docs []uint16, b bitmap) []uint16 {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			docs = append(docs, uint16(i<<6+bits.TrailingZeros64(word)))
		}
		b[i] = 0
	}
	return docs
}
