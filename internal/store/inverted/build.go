package inverted

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"

	"personae.dev/internal/search"
)

// Built is a segment that is yet to be written.
type Built struct {
	Docs      int
	Low, High int64 // of the ids of its rows
	postings  int
	head      []byte
	places    []byte
	blocks    [][]byte
}

// Weight is how many usual personas would be as much.
func (b *Built) Weight() int { return max(b.Docs, (b.postings+docPostings-1)/docPostings) }

// Loaded is the segment, to be merged with others.
func (b *Built) Loaded() (*Loaded, error) {
	h, err := ParseHead(b.head)
	return &Loaded{head: h, blocks: b.blocks}, err
}

// Parts are those to write, by their numbers.
func (b *Built) Parts() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if !yield(HeadPart, b.head) || len(b.blocks) == 1 || !yield(PlacesPart, b.places) {
			return
		}
		for i, block := range b.blocks {
			if !yield(FirstBlock+i, block) {
				return
			}
		}
	}
}

// finish makes the segment of records in the order of rank, and their terms.
func finish(records []record, e *encoder) *Built {
	e.seal()
	b := &Built{Docs: len(records), postings: e.postings, blocks: e.blocks, Low: math.MaxInt64, High: math.MinInt64}
	byID := make([]uint16, len(records))
	for i := range records {
		byID[i] = uint16(i)
		b.Low, b.High = min(b.Low, records[i].id), max(b.High, records[i].id)
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

// finishOne makes the segment of one persona, in which nothing need be sorted.
func finishOne(r record, terms rawTerms, count int) *Built {
	return finish([]record{r}, &encoder{docs: 1, blocks: [][]byte{terms}, firsts: [][]byte{nil}, postings: count})
}

// Builder makes segments, of personas or of other segments. It keeps its memory
// from one to the next, and is not for concurrent use.
type Builder struct {
	terms  search.Dictionary
	lists  []uint32 // of each posting: number of its term, times search.Columns, and the column
	docs   []uint16 // of each posting: its persona
	ends   []uint32 // of each list in sorted
	sorted []uint16
	order  []ordered
	found  Bitmap
}

// ordered is a term by its first bytes, which mostly tell two apart.
type ordered struct {
	first  uint64
	number uint32
}

// Split divides docs into those of each segment.
func Split(docs []*Doc) iter.Seq[[]*Doc] {
	return func(yield func([]*Doc) bool) {
		start, postings := 0, 0
		for i, d := range docs {
			if i > start && (i-start == MaxDocs || postings+d.count > maxPostings) {
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

// Build makes a segment of docs, which it sorts.
func (b *Builder) Build(docs []*Doc) *Built {
	slices.SortFunc(docs, func(x, y *Doc) int { return byRank(&x.record, &y.record) })
	records := make([]record, len(docs))
	if len(docs) == 1 {
		return finishOne(docs[0].record, docs[0].terms, docs[0].count)
	}
	b.reset()
	for i, d := range docs {
		records[i] = d.record
		if err := b.takeRaw(d.terms, i); err != nil {
			panic(err) // NewDoc wrote them
		}
	}
	return b.finish(records)
}

func (b *Builder) reset() {
	b.terms.Reset()
	b.lists, b.docs = b.lists[:0], b.docs[:0]
}

// list returns the first list of a term: there is one for each column.
func (b *Builder) list(term []byte) uint32 {
	return uint32(b.terms.Number(term)) * uint32(search.Columns)
}

// post notes that a list has a persona.
func (b *Builder) post(list uint32, doc uint16) {
	b.lists = append(b.lists, list)
	b.docs = append(b.docs, doc)
}

// finish makes the segment of what was noted.
func (b *Builder) finish(records []record) *Built {
	if len(records) == 1 {
		var terms rawTerms
		for _, list := range b.lists {
			terms = terms.with(b.terms.Word(int(list/uint32(search.Columns))), search.Column(list%uint32(search.Columns)))
		}
		return finishOne(records[0], terms, len(b.lists))
	}
	// The postings are put together list by list.
	lists, end := b.terms.Len()*int(search.Columns), uint32(0)
	b.ends = slices.Grow(b.ends[:0], lists)[:lists]
	clear(b.ends)
	for _, list := range b.lists {
		b.ends[list]++
	}
	for i, count := range b.ends {
		b.ends[i] = end
		end += count
	}
	b.sorted = slices.Grow(b.sorted[:0], len(b.docs))[:len(b.docs)]
	for i, list := range b.lists {
		b.sorted[b.ends[list]] = b.docs[i]
		b.ends[list]++
	}
	e := &encoder{docs: len(records)}
	var letters byLetter
	for _, o := range b.inOrder() {
		term, columns := b.terms.Word(int(o.number)), b.columns(o.number)
		e.add(term, columns)
		if len(records) >= letterDocs {
			letters.add(term, columns, len(records))
		}
	}
	postings := e.postings
	for letter, found := range letters {
		if found[0] != nil {
			var columns [search.Columns][]uint16
			for in := range columns {
				columns[in] = appendDocs(nil, found[in])
			}
			e.add([]byte{letterTerm[0], byte(letter)}, columns)
		}
	}
	e.postings = postings // of words, by which segments weigh
	return finish(records, e)
}

// byLetter is who has words that begin with each ASCII letter or digit.
type byLetter [utf8.RuneSelf][search.Columns]Bitmap

func (l *byLetter) add(term []byte, columns [search.Columns][]uint16, docs int) {
	if len(term) == 0 || term[0] == authorTerm[0] || term[0] >= utf8.RuneSelf {
		return
	}
	found := &l[term[0]]
	for in, has := range columns {
		if found[in] == nil {
			found[in] = NewBitmap(docs)
		}
		for _, doc := range has {
			found[in].Set(int(doc))
		}
	}
}

// columns returns the lists of a term, each in ascending order.
func (b *Builder) columns(number uint32) (columns [search.Columns][]uint16) {
	list, start := number*uint32(search.Columns), uint32(0)
	if list > 0 {
		start = b.ends[list-1]
	}
	for in := range columns {
		end := b.ends[list+uint32(in)]
		columns[in] = b.sort(b.sorted[start:end])
		start = end
	}
	return columns
}

// sort sorts docs, each once: mostly they are sorted, or few.
func (b *Builder) sort(docs []uint16) []uint16 {
	const few = 64
	last, sorted := -1, true
	for _, doc := range docs {
		sorted = sorted && int(doc) > last // not where one is linked twice
		last = int(doc)
	}
	switch {
	case sorted:
		return docs
	case len(docs) < few:
		slices.Sort(docs)
		return slices.Compact(docs)
	}
	if b.found == nil {
		b.found = NewBitmap(MaxDocs)
	}
	for _, doc := range docs {
		b.found.Set(int(doc))
	}
	return appendDocs(docs[:0], b.found)
}

// inOrder returns the terms in their order.
func (b *Builder) inOrder() []ordered {
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

// Loaded is a segment with all its parts.
type Loaded struct {
	head   *Head
	blocks [][]byte
	dead   Bitmap
}

// Load reads the parts of a segment, in their order.
func Load(parts [][]byte, dead []byte) (*Loaded, error) {
	if len(parts) == 0 {
		return nil, ErrDamaged
	}
	h, err := ParseHead(parts[HeadPart])
	if err != nil {
		return nil, err
	}
	l := &Loaded{head: h}
	if h.blocks() == 1 {
		l.blocks = [][]byte{h.block}
	} else if l.blocks = parts[min(FirstBlock, len(parts)):]; len(l.blocks) != h.blocks() {
		return nil, ErrDamaged
	}
	if len(dead) > 0 {
		l.dead, err = BitmapOf(dead, h.Docs)
	}
	return l, err
}

// Merge makes one segment of what lives in some; nil where nothing does.
// Together they must not have more than a segment may.
func (b *Builder) Merge(segments []*Loaded) (*Built, error) {
	type place struct {
		record
		segment, doc int
	}
	var all []place
	numbers := make([][]int, len(segments)) // in the new segment, or -1
	for i, s := range segments {
		numbers[i] = make([]int, s.head.Docs)
		for doc := range s.head.Docs {
			numbers[i][doc] = -1
			if !s.dead.Has(doc) {
				p := place{s.head.record(doc), i, doc}
				p.status = s.head.statusOf(doc)
				all = append(all, p)
			}
		}
	}
	if len(all) == 0 {
		return nil, nil //nolint:nilnil // nothing is left
	}
	if len(all) > MaxDocs {
		return nil, ErrDamaged
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
	if len(b.lists) == 0 {
		return nil, ErrDamaged // each has an author at least
	}
	return b.finish(records), nil
}

// takeRaw notes the terms of a persona.
func (b *Builder) takeRaw(terms rawTerms, doc int) error {
	for len(terms) > 0 {
		term, in, err := terms.next()
		if err != nil {
			return err
		}
		b.post(b.list(term)+uint32(in), uint16(doc))
	}
	return nil
}

// take notes the terms of a segment, of which the personas get other numbers.
func (b *Builder) take(s *Loaded, numbers []int) error {
	if s.head.Docs == 1 {
		if numbers[0] < 0 {
			return nil
		}
		return b.takeRaw(s.blocks[0], numbers[0])
	}
	old := make(Bitmap, wordsFor(s.head.Docs))
	list := uint32(0)
	add := func(in search.Column, p postings) error {
		if err := p.orInto(old, s.head.Docs); err != nil {
			return err
		}
		for i, word := range old {
			for ; word != 0; word &= word - 1 {
				if doc := numbers[i<<6+bits.TrailingZeros64(word)]; doc >= 0 {
					b.post(list+uint32(in), uint16(doc))
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
			if bytes.HasPrefix(scan.term, []byte(letterTerm)) {
				return nil // they are made anew
			}
			list = b.list(scan.term)
			if err := scan.postings(s.head.Docs, add); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendDocs appends the personas of b, which is left empty.
func appendDocs(docs []uint16, b Bitmap) []uint16 {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			docs = append(docs, uint16(i<<6+bits.TrailingZeros64(word)))
		}
		b[i] = 0
	}
	return docs
}
