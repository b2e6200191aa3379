package segments

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"slices"
	"sort"

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

// builder makes segments, of personas or of other segments. It keeps its memory
// from one to the next, and is not for concurrent use.
type builder struct {
	terms   search.Dictionary
	numbers []uint32 // of the term of each posting
	places  []uint16 // the persona and the column of each posting
	ends    []uint32 // of the postings of each term in sorted
	sorted  []uint16
	order   []ordered
	bitmap  bitmap
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
	if len(docs) == 1 { // in a segment so small nothing need be sorted
		d := docs[0]
		return finish([]record{d.record}, &encoder{blocks: [][]byte{d.terms}, firsts: [][]byte{nil}, postings: d.count})
	}
	b.reset()
	for i, d := range docs {
		records[i] = d.record
		if err := b.takeRaw(d.terms, i); err != nil {
			panic(err) // docOf wrote them
		}
	}
	return b.finish(records)
}

func (b *builder) reset() {
	b.terms.Reset()
	b.numbers, b.places, b.ends = b.numbers[:0], b.places[:0], b.ends[:0]
}

// number returns that of a term.
func (b *builder) number(term []byte) uint32 {
	number, added := b.terms.Number(term)
	if added {
		b.ends = append(b.ends, 0)
	}
	return uint32(number)
}

// post notes that a term has a persona in a column.
func (b *builder) post(number uint32, place uint16) {
	b.ends[number]++
	b.numbers = append(b.numbers, number)
	b.places = append(b.places, place)
}

// finish makes the segment of what was noted.
func (b *builder) finish(records []record) *built {
	// The postings are put together term by term.
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
	e := &encoder{docs: len(records)}
	for _, o := range b.inOrder() {
		start := uint32(0)
		if o.number > 0 {
			start = b.ends[o.number-1]
		}
		e.add(b.terms.Word(int(o.number)), b.columns(b.sorted[start:b.ends[o.number]]))
	}
	return finish(records, e)
}

// columns parts the postings of a term by column, each in ascending order.
func (b *builder) columns(places []uint16) (columns [search.Columns][]uint16) {
	b.sort(places)
	places = slices.Compact(places) // who is linked twice
	for in := range columns {
		n := len(places)
		if in < len(columns)-1 {
			next := uint16(in+1) << columnShift
			n = sort.Search(len(places), func(i int) bool { return places[i] >= next })
		}
		columns[in], places = places[:n:n], places[n:]
		for i := range columns[in] {
			columns[in][i] &= 1<<columnShift - 1
		}
	}
	return columns
}

// sort sorts places: mostly they are sorted, or few.
func (b *builder) sort(places []uint16) {
	const few = 64
	switch {
	case slices.IsSorted(places):
	case len(places) < few:
		slices.Sort(places)
	default:
		if b.bitmap == nil {
			b.bitmap = make(bitmap, wordsFor(maxDocs<<kindBits))
		}
		for _, place := range places {
			b.bitmap.set(int(place))
		}
		appendDocs(places[:0], b.bitmap)
	}
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

// merge makes one segment of what lives in some; nil where nothing does.
// Together they must not have more than a segment may.
func (b *builder) merge(segments []*loaded) (*built, error) {
	type place struct {
		record
		segment, doc int
	}
	var all []place
	numbers := make([][]int, len(segments)) // in the new segment, or -1
	for i, s := range segments {
		numbers[i] = make([]int, s.head.docs)
		for doc := range s.head.docs {
			numbers[i][doc] = -1
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
		numbers[p.segment][p.doc] = i
	}
	b.reset()
	for i, s := range segments {
		if err := b.take(s, numbers[i]); err != nil {
			return nil, err
		}
	}
	return b.finish(records), nil
}

// takeRaw notes the terms of a persona.
func (b *builder) takeRaw(terms rawTerms, doc int) error {
	for len(terms) > 0 {
		term, in, err := terms.next()
		if err != nil {
			return err
		}
		b.post(b.number(term), uint16(doc)|uint16(in)<<columnShift)
	}
	return nil
}

// take notes the terms of a segment, of which the personas get other numbers.
func (b *builder) take(s *loaded, numbers []int) error {
	if s.head.docs == 1 {
		if numbers[0] < 0 {
			return nil
		}
		return b.takeRaw(s.blocks[0], numbers[0])
	}
	old := make(bitmap, wordsFor(s.head.docs))
	number := uint32(0)
	add := func(in search.Column, p postings) error {
		if err := p.orInto(old, s.head.docs); err != nil {
			return err
		}
		for i, word := range old {
			for ; word != 0; word &= word - 1 {
				if doc := numbers[i<<6+bits.TrailingZeros64(word)]; doc >= 0 {
					b.post(number, uint16(doc)|uint16(in)<<columnShift)
				}
			}
			old[i] = 0
		}
		return nil
	}
	for _, block := range s.blocks {
		scan := scanner{rest: block}
		for {
			more, err := scan.next()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			number = b.number(scan.term)
			if err := scan.postings(s.head.docs, add); err != nil {
				return err
			}
		}
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
