package inverted

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// The parts of a segment: the head, the places of its personas by the ids of
// their rows, and the blocks. Those of a segment with one block stand all in
// the head.
const (
	HeadPart = iota
	PlacesPart
	FirstBlock // and those that follow
)

// format is the first byte of a head.
const format = 1

// Head tells of the personas of a segment, in their order, and where its terms
// are. It is a view of its bytes.
type Head struct {
	// Docs is how many personas it has, and Size how many bytes the head.
	Docs, Size int
	records    []byte // recordSize for each
	text       []byte // names and oIds, by the records
	status     [len(statuses)]Bitmap
	firstTerms []byte
	firstEnds  []byte // 4 for each block
	// Places and block are there where the segment has one block.
	Places, block []byte
}

const (
	recordSize = 8 + 8 + 8 + 4 + 4 + 4 // id, created, updated, characters, end of name, end of oId
	placeSize  = 8 + 2                 // id, number
	headSize   = 1 + 6*4               // format, and six lengths
)

var little = binary.LittleEndian //nolint:gochecknoglobals // a short name

// encodeHead makes the head for records in their order, and what follows.
// places and blocks stand in it where there is one block.
func encodeHead(records []record, e *encoder, places []byte) []byte {
	var text, terms, ends []byte
	all := make([]byte, 0, recordSize*len(records))
	var status [len(statuses)]Bitmap
	for s := range status {
		status[s] = make(Bitmap, wordsFor(len(records)))
	}
	for i := range records {
		r := &records[i]
		all = little.AppendUint64(all, uint64(r.id))
		all = little.AppendUint64(all, uint64(r.created))
		all = little.AppendUint64(all, uint64(r.updated))
		all = little.AppendUint32(all, r.chars)
		text = append(text, r.name...)
		all = little.AppendUint32(all, uint32(len(text)))
		text = append(text, r.oID...)
		all = little.AppendUint32(all, uint32(len(text)))
		status[r.status].Set(i)
	}
	for _, first := range e.firsts {
		terms = append(terms, first...)
		ends = little.AppendUint32(ends, uint32(len(terms)))
	}
	var inline []byte
	if len(e.blocks) == 1 {
		inline = e.blocks[0]
	} else {
		places = nil
	}
	b := make([]byte, 0, headSize+len(all)+len(text)+len(statuses)*8*wordsFor(len(records))+len(terms)+len(ends)+len(places)+len(inline))
	b = append(b, format)
	for _, n := range []int{len(records), e.postings, len(text), len(e.blocks), len(terms), len(inline)} {
		b = little.AppendUint32(b, uint32(n))
	}
	b = append(b, all...)
	b = append(b, text...)
	for _, s := range status {
		b = s.AppendTo(b)
	}
	b = append(b, ends...)
	b = append(b, terms...)
	b = append(b, places...)
	return append(b, inline...)
}

// ParseHead reads what encodeHead made.
func ParseHead(b []byte) (*Head, error) {
	if len(b) < headSize || b[0] != format {
		return nil, ErrDamaged
	}
	h := &Head{Size: len(b)}
	var lengths [6]int
	for i := range lengths {
		lengths[i] = int(little.Uint32(b[1+4*i:]))
	}
	rest, damaged := b[headSize:], false
	take := func(n int) []byte {
		if n < 0 || n > len(rest) {
			damaged = true
			return nil
		}
		part := rest[:n:n]
		rest = rest[n:]
		return part
	}
	h.Docs = lengths[0] // lengths[1] is how many postings, which nobody asks for yet
	blocks := lengths[3]
	if h.Docs < 1 || h.Docs > MaxDocs || blocks < 1 || h.Docs == 1 && blocks > 1 {
		return nil, ErrDamaged
	}
	h.records, h.text = take(recordSize*h.Docs), take(lengths[2])
	for s := range h.status {
		var err error
		if h.status[s], err = BitmapOf(take(8*wordsFor(h.Docs)), h.Docs); err != nil {
			return nil, err
		}
	}
	h.firstEnds, h.firstTerms = take(4*blocks), take(lengths[4])
	if blocks == 1 {
		h.Places, h.block = take(placeSize*h.Docs), take(lengths[5])
	}
	if damaged || len(rest) > 0 || !h.sound() {
		return nil, ErrDamaged
	}
	return h, nil
}

// sound tells whether all offsets are within what they are of.
func (h *Head) sound() bool {
	at := uint32(0)
	for doc := range h.Docs {
		r := h.records[recordSize*doc:]
		name, oID := little.Uint32(r[28:]), little.Uint32(r[32:])
		if at > name || name > oID || int(oID) > len(h.text) {
			return false
		}
		at = oID
	}
	at = 0
	for i := range h.blocks() {
		end := little.Uint32(h.firstEnds[4*i:])
		if at > end || int(end) > len(h.firstTerms) {
			return false
		}
		at = end
	}
	return true
}

func (h *Head) blocks() int { return len(h.firstEnds) / 4 }

// first is the first term of a block.
func (h *Head) first(block int) []byte {
	start := uint32(0)
	if block > 0 {
		start = little.Uint32(h.firstEnds[4*block-4:])
	}
	return h.firstTerms[start:little.Uint32(h.firstEnds[4*block:])]
}

// blocksOf returns the blocks [from, to) that have the terms with a prefix, or,
// if exact, one term.
func (h *Head) blocksOf(prefix []byte, exact bool) (from, to int) {
	blocks := h.blocks()
	from = max(0, sort.Search(blocks, func(i int) bool { return bytes.Compare(h.first(i), prefix) > 0 })-1)
	for to = from + 1; to < blocks && !exact && bytes.HasPrefix(h.first(to), prefix); to++ {
	}
	return from, to
}

// record returns what the head has of a persona, but for the status.
func (h *Head) record(doc int) record {
	r := h.records[recordSize*doc : recordSize*(doc+1)]
	start := uint32(0)
	if doc > 0 {
		start = little.Uint32(h.records[recordSize*doc-4:])
	}
	name, oID := little.Uint32(r[28:]), little.Uint32(r[32:])
	return record{
		id: int64(little.Uint64(r)), created: int64(little.Uint64(r[8:])), updated: int64(little.Uint64(r[16:])),
		chars: little.Uint32(r[24:]), name: h.text[start:name], oID: h.text[name:oID],
	}
}

// statusOf is the status in the record of a persona.
func (h *Head) statusOf(doc int) uint8 {
	for s := range h.status {
		if h.status[s].Has(doc) {
			return uint8(s)
		}
	}
	return 0
}

// PlaceOf finds a persona by the id of its row, in the places of so many.
func PlaceOf(places []byte, docs int, id int64) (doc int, found bool, err error) {
	if len(places) != placeSize*docs {
		return 0, false, ErrDamaged
	}
	at := sort.Search(docs, func(i int) bool { return int64(little.Uint64(places[placeSize*i:])) >= id })
	if at == docs || int64(little.Uint64(places[placeSize*at:])) != id {
		return 0, false, nil
	}
	if doc = int(little.Uint16(places[placeSize*at+8:])); doc >= docs {
		return 0, false, ErrDamaged
	}
	return doc, true, nil
}
