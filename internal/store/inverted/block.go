package inverted

import (
	"bytes"
	"encoding/binary"

	"personae.dev/internal/search"
)

// blockSize is about how many bytes a block has.
const blockSize = 8 << 10

// Postings of a term in a column are none, a list of differences, or a bitmap.
const (
	noPostings = iota
	listed
	mapped
	kindBits = 2 // of each column in the kinds of an entry
	kindMask = 1<<kindBits - 1
)

// encoder makes the blocks of a segment. An entry of a block is a term, as what
// it has in common with the one before and what it has of its own, the kinds of
// its postings, and these behind their length.
type encoder struct {
	docs     int
	blocks   [][]byte
	firsts   [][]byte // the first term of each block
	postings int

	block, last, body, list []byte
}

// add adds a term, which must be greater than those before, with the personas
// that have it in each column, in ascending order.
func (e *encoder) add(term []byte, columns [search.Columns][]uint16) {
	kinds, last := byte(0), search.Column(-1)
	for in, docs := range columns {
		if len(docs) > 0 {
			last = search.Column(in)
		}
	}
	if last < 0 {
		return // of a merge: who had it is dead
	}
	if len(e.block) >= blockSize {
		e.seal()
	}
	if len(e.block) == 0 {
		e.firsts = append(e.firsts, bytes.Clone(term))
		e.last = e.last[:0]
	}
	e.body = e.body[:0]
	for in, docs := range columns {
		if len(docs) == 0 {
			continue
		}
		e.postings += len(docs)
		e.list = appendGaps(e.list[:0], docs)
		kind := byte(listed)
		if size := 8 * wordsFor(e.docs); len(e.list) > size {
			kind = mapped
			b := make(Bitmap, wordsFor(e.docs))
			for _, doc := range docs {
				b.Set(int(doc))
			}
			e.list = b.AppendTo(e.list[:0])
		} else if search.Column(in) != last { // the last ends with the body
			e.body = binary.AppendUvarint(e.body, uint64(len(e.list)))
		}
		kinds |= kind << (kindBits * in)
		e.body = append(e.body, e.list...)
	}
	shared := 0
	for shared < min(len(e.last), len(term)) && e.last[shared] == term[shared] {
		shared++
	}
	e.block = binary.AppendUvarint(e.block, uint64(shared))
	e.block = binary.AppendUvarint(e.block, uint64(len(term)-shared))
	e.block = append(e.block, term[shared:]...)
	e.block = append(e.block, kinds)
	e.block = binary.AppendUvarint(e.block, uint64(len(e.body)))
	e.block = append(e.block, e.body...)
	e.last = append(e.last[:0], term...)
}

// appendGaps appends how many personas are between one of docs and the next, as
// varints, which have two bytes at most.
func appendGaps(to []byte, docs []uint16) []byte {
	next := uint16(0)
	for _, doc := range docs {
		gap := doc - next
		if gap >= 0x80 {
			to = append(to, byte(gap)|0x80)
			gap >>= 7
		}
		to = append(to, byte(gap))
		next = doc + 1
	}
	return to
}

// seal ends a block.
func (e *encoder) seal() {
	if len(e.block) > 0 {
		e.blocks = append(e.blocks, bytes.Clone(e.block))
		e.block = e.block[:0]
	}
}

// scanner goes through the entries of a block.
type scanner struct {
	rest  []byte
	term  []byte
	kinds byte
	body  []byte
}

// next goes to the next entry; false at the end.
func (s *scanner) next() (bool, error) {
	if len(s.rest) == 0 {
		return false, nil
	}
	shared, err := s.number()
	if err != nil {
		return false, err
	}
	own, err := s.number()
	if err != nil || shared > len(s.term) || own >= len(s.rest) { // the kinds follow
		return false, ErrDamaged
	}
	s.term = append(s.term[:shared], s.rest[:own]...)
	s.kinds = s.rest[own]
	s.rest = s.rest[own+1:]
	size, err := s.number()
	if err != nil || size > len(s.rest) {
		return false, ErrDamaged
	}
	s.body, s.rest = s.rest[:size], s.rest[size:]
	return true, nil
}

// number reads a varint, which mostly has one byte.
func (s *scanner) number() (int, error) {
	if len(s.rest) > 0 && s.rest[0] < 0x80 {
		n := int(s.rest[0])
		s.rest = s.rest[1:]
		return n, nil
	}
	const most = 1 << 31
	n, size := binary.Uvarint(s.rest)
	if size <= 0 || n > most {
		return 0, ErrDamaged
	}
	s.rest = s.rest[size:]
	return int(n), nil
}

// postings calls found with the postings of the entry in each column.
func (s *scanner) postings(docs int, found func(in search.Column, p postings) error) error {
	body := scanner{rest: s.body}
	for in := range search.Columns {
		kind := s.kinds >> (kindBits * in) & kindMask
		if kind == noPostings {
			continue
		}
		size := len(body.rest)
		switch {
		case kind == mapped:
			size = 8 * wordsFor(docs)
		case kind != listed:
			return ErrDamaged
		case s.kinds>>(kindBits*(in+1)) != 0:
			var err error
			if size, err = body.number(); err != nil {
				return err
			}
		}
		if size > len(body.rest) {
			return ErrDamaged
		}
		if err := found(in, postings{kind, body.rest[:size]}); err != nil {
			return err
		}
		body.rest = body.rest[size:]
	}
	if len(body.rest) > 0 || s.kinds>>(kindBits*search.Columns) != 0 {
		return ErrDamaged
	}
	return nil
}

// postings are those of a term in a column.
type postings struct {
	kind byte
	data []byte
}

// orInto sets the bits of the personas, of so many.
func (p postings) orInto(b Bitmap, docs int) error {
	data := p.data
	if p.kind == mapped {
		for i := range b {
			b[i] |= binary.LittleEndian.Uint64(data[8*i:])
		}
		if rest := docs & 63; rest != 0 && b[len(b)-1]>>rest != 0 {
			return ErrDamaged
		}
		return nil
	}
	doc := -1
	for i := 0; i < len(data); {
		gap := int(data[i])
		i++
		if gap >= 0x80 {
			// There are no more than MaxDocs, and so no third byte.
			if i == len(data) || data[i] >= 0x80 {
				return ErrDamaged
			}
			gap = gap&0x7f | int(data[i])<<7
			i++
		}
		doc += gap + 1
		if doc >= docs {
			return ErrDamaged
		}
		b[doc>>6] |= 1 << (doc & 63)
	}
	return nil
}
