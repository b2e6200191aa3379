// Package inverted is the inverted index of some personas of a workspace, a
// segment (docs/adr/0022): how it is built, encoded, merged and searched. What a
// word is, and how matches are ranked, the domain says.
//
// It knows no SQL: where segments are kept stands in store/segments.
package inverted

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"unicode/utf8"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

const (
	// MaxDocs is how many personas a segment has at most.
	MaxDocs = 4096
	// maxPostings bounds segments of personas with more words than usual: as many
	// as MaxDocs have with docPostings each.
	maxPostings = MaxDocs * docPostings
	docPostings = 256
)

// A segment is of a class by its weight: small, middling or full. When there are
// MergeAt small ones they become one that is middling; when those have as many
// personas as a segment may, they become one that is full. So each persona is
// written three times at most.
const (
	Small = iota
	Middling
	Full    // with another one there would be too much
	MergeAt = 64
)

// ClassOf returns the class of a weight.
func ClassOf(weight int) int {
	switch {
	case weight > MaxDocs/2:
		return Full
	case weight >= MergeAt:
		return Middling
	default:
		return Small
	}
}

// ErrDamaged says that what was read is no part of a segment.
var ErrDamaged = errors.New("inverted: a part of a segment is damaged")

// Doc is what the index keeps of a persona.
type Doc struct {
	record
	terms rawTerms
	count int
}

// rawTerms are the words of a persona and what it is filtered by: for each the
// length, times 4, and the column, as a varint, and the term. They are also the
// block of a segment with one persona.
type rawTerms []byte

// with appends a term.
func (r rawTerms) with(term []byte, in search.Column) rawTerms {
	const chunk = 16
	r = binary.AppendUvarint(r, uint64(len(term))<<kindBits|uint64(in))
	if end := len(r) + len(term); len(term) <= chunk && cap(term) >= chunk { // it is quicker to copy more
		term = term[:chunk]
		r = binary.LittleEndian.AppendUint64(r, binary.LittleEndian.Uint64(term))
		return binary.LittleEndian.AppendUint64(r, binary.LittleEndian.Uint64(term[chunk/2:]))[:end]
	}
	return append(r, term...)
}

// next takes the first term away.
func (r *rawTerms) next() (term []byte, in search.Column, err error) {
	length, size := uint64((*r)[0]), 1
	if length >= 0x80 {
		length, size = binary.Uvarint(*r)
	}
	rest := (*r)[max(size, 0):]
	in = search.Column(length & kindMask)
	if length >>= kindBits; size <= 0 || length > uint64(len(rest)) || in >= search.Columns {
		return nil, 0, ErrDamaged
	}
	*r = rest[length:]
	return rest[:length], in, nil
}

// record is what the head of a segment has of a persona.
type record struct {
	id               int64 // of its row
	created, updated int64 // microseconds
	chars            uint32
	name, oID        []byte
	status           uint8 // its place in statuses
}

// statuses are those that a persona can have.
var statuses = [...]persona.Status{persona.StatusActive, persona.StatusArchived, persona.StatusDeleted} //nolint:gochecknoglobals // never changed

// What a persona is filtered by stands among its words, behind a byte that no
// word has.
const (
	authorTerm   = "\x00a"
	offeringTerm = "\x00o"
	everyTerm    = "\x00e" // linked to every offering
	playbookTerm = "\x00p"
)

// A search by one letter finds a large part of all words; so a segment of
// letterDocs or more has, behind its terms, one for all words that begin with an
// ASCII letter or digit: letterTerm, a byte that no term begins with, and that.
const (
	letterTerm = "\xff"
	letterDocs = 256
)

// NewDoc returns what the index keeps of p, in the row id.
func NewDoc(cutter *search.Cutter, id int64, author string, p *persona.Persona) *Doc {
	status := slices.Index(statuses[:], p.Status())
	text := []byte(p.Name + p.OID)
	d := &Doc{
		record: record{
			id: id, created: p.CreatedAt.UnixMicro(), updated: p.UpdatedAt.UnixMicro(), status: uint8(status),
			chars: uint32(utf8.RuneCountInString(p.Name)), name: text[:len(p.Name):len(p.Name)], oID: text[len(p.Name):],
		},
	}
	ends := cutter.Cut(p)
	const usualFilters = 128
	terms, number := make(rawTerms, 0, cutter.Size()+ends[search.Rest]+usualFilters), 0
	for in, end := range ends {
		for ; number < end; number++ {
			terms = terms.with(cutter.Word(number), search.Column(in))
		}
	}
	d.terms, d.count = terms, number
	d.filter(authorTerm, author)
	if p.Links.PrimaryOfferingOID != nil {
		d.filter(offeringTerm, *p.Links.PrimaryOfferingOID)
	}
	for _, oID := range p.Links.OfferingOIDs {
		d.filter(offeringTerm, oID)
	}
	if p.Links.Offerings == persona.OfferingsAll {
		d.filter(everyTerm, "")
	}
	for _, oID := range p.Links.PlaybookOIDs {
		d.filter(playbookTerm, oID)
	}
	return d
}

// Size is about how many bytes d keeps in memory.
func (d *Doc) Size() int { return len(d.name) + len(d.oID) + cap(d.terms) }

func (d *Doc) filter(kind, oID string) {
	d.terms = d.terms.with([]byte(kind+oID), search.Rest)
	d.count++
}

// byRank is the order of personas within a tier of persona.ByRank.
func byRank(a, b *record) int {
	return cmp.Or(cmp.Compare(a.chars, b.chars), bytes.Compare(a.name, b.name), bytes.Compare(a.oID, b.oID))
}

// Bitmap has a bit for each persona of a segment.
type Bitmap []uint64

// NewBitmap returns one for so many personas.
func NewBitmap(docs int) Bitmap { return make(Bitmap, wordsFor(docs)) }

func wordsFor(docs int) int { return (docs + 63) / 64 }

// Has tells whether the bit of a persona is set.
func (b Bitmap) Has(doc int) bool { return b != nil && b[doc>>6]&(1<<(doc&63)) != 0 }

// Set sets the bit of a persona.
func (b Bitmap) Set(doc int) { b[doc>>6] |= 1 << (doc & 63) }

// fill sets the bits of so many personas.
func (b Bitmap) fill(docs int) {
	for i := range b {
		b[i] = math.MaxUint64
	}
	if rest := docs & 63; rest != 0 {
		b[len(b)-1] = 1<<rest - 1
	}
}

// AppendTo appends the bytes of b.
func (b Bitmap) AppendTo(to []byte) []byte {
	for _, word := range b {
		to = binary.LittleEndian.AppendUint64(to, word)
	}
	return to
}

// BitmapOf reads what AppendTo wrote, for so many personas.
func BitmapOf(from []byte, docs int) (Bitmap, error) {
	if len(from) != 8*wordsFor(docs) {
		return nil, ErrDamaged
	}
	b := make(Bitmap, wordsFor(docs))
	for i := range b {
		b[i] = binary.LittleEndian.Uint64(from[8*i:])
	}
	if rest := docs & 63; rest != 0 && b[len(b)-1]>>rest != 0 {
		return nil, ErrDamaged
	}
	return b, nil
}
