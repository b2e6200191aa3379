package inverted

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

// Segment is one that is searched.
type Segment struct {
	ID   int64
	Head *Head
	Dead Bitmap // nil where all live
	// tiers has what was found, by the tiers of persona.ByRank, each with those
	// before it. Empty where nothing was.
	tiers [search.Columns]Bitmap
}

// BlocksFunc gives the blocks [from, to) of a segment.
type BlocksFunc func(s *Segment, from, to int) ([][]byte, error)

// Matcher finds personas in segments.
type Matcher struct {
	words   [][]byte
	filters [][][]byte // one of the terms of each must be there
	status  int        // in statuses, or -1 for all
	blocks  BlocksFunc
	found   [search.Columns]Bitmap
	term    []byte
}

// NewMatcher returns what finds personas by q.
func NewMatcher(q *persona.Query, blocks BlocksFunc) *Matcher {
	m := &Matcher{blocks: blocks, status: slices.Index(statuses[:], cmp.Or(q.Status, persona.StatusActive))}
	for _, word := range q.Words {
		m.words = append(m.words, []byte(word))
	}
	// The longest has the fewest, so that often the others need not be looked at.
	slices.SortStableFunc(m.words, func(a, b []byte) int { return len(b) - len(a) })
	if q.AuthorOID != "" {
		m.filters = append(m.filters, [][]byte{[]byte(authorTerm + q.AuthorOID)})
	}
	if q.ProductOID != "" {
		m.filters = append(m.filters, [][]byte{[]byte(offeringTerm + q.ProductOID), []byte(everyTerm)})
	}
	if q.PlaybookOID != "" {
		m.filters = append(m.filters, [][]byte{[]byte(playbookTerm + q.PlaybookOID)})
	}
	return m
}

// Match sets what is found in a segment, and tells how many that are.
func (m *Matcher) Match(s *Segment) (int, error) {
	words := wordsFor(s.Head.Docs)
	room := make(Bitmap, 2*len(s.tiers)*words)
	next := func() (b Bitmap) {
		b, room = room[:words:words], room[words:]
		return b
	}
	all := next()
	if m.status >= 0 {
		copy(all, s.Head.status[m.status])
	} else {
		all.fill(s.Head.Docs)
	}
	for i := range s.Dead {
		all[i] &^= s.Dead[i]
	}
	for in := range m.found {
		m.found[in] = next()
	}
	for _, terms := range m.filters {
		clear(m.found[search.Rest])
		for _, term := range terms {
			if err := m.collect(s, term, true); err != nil {
				return 0, err
			}
		}
		all.and(m.found[search.Rest])
	}
	names, titles := next(), next()
	copy(names, all)
	copy(titles, all)
	for _, word := range m.words {
		if all.Count() == 0 {
			return 0, nil
		}
		for in := range m.found {
			clear(m.found[in])
		}
		if err := m.collect(s, word, false); err != nil {
			return 0, err
		}
		for i := range all {
			name := m.found[search.Names][i]
			title := name | m.found[search.Titles][i]
			names[i] &= name
			titles[i] &= title
			all[i] &= title | m.found[search.Rest][i]
		}
	}
	s.tiers = [...]Bitmap{names, titles, all}
	return all.Count(), nil
}

// collect adds to found who has a term that begins with prefix, or, if exact, is
// that.
func (m *Matcher) collect(s *Segment, prefix []byte, exact bool) error {
	if s.Head.Docs == 1 {
		return m.collectRaw(s.Head.block, prefix, exact)
	}
	if len(prefix) == 1 && s.Head.Docs >= letterDocs && !exact {
		prefix, exact = append([]byte(letterTerm), prefix...), true
	}
	from, to := s.Head.blocksOf(prefix, exact)
	blocks := [][]byte{s.Head.block}
	if s.Head.blocks() > 1 {
		var err error
		if blocks, err = m.blocks(s, from, to); err != nil {
			return err
		}
	}
	add := func(in search.Column, p postings) error { return p.orInto(m.found[in], s.Head.Docs) }
	for _, block := range blocks {
		scan := scanner{rest: block, term: m.term[:0]}
		for {
			more, err := scan.next()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			order := bytes.Compare(scan.term[:min(len(scan.term), len(prefix))], prefix)
			if order > 0 {
				break
			}
			if order < 0 || exact && len(scan.term) > len(prefix) {
				continue
			}
			if err := scan.postings(s.Head.Docs, add); err != nil {
				return err
			}
		}
		m.term = scan.term
	}
	return nil
}

// collectRaw is collect in a segment with one persona.
func (m *Matcher) collectRaw(terms rawTerms, prefix []byte, exact bool) error {
	for len(terms) > 0 {
		term, in, err := terms.next()
		if err != nil {
			return err
		}
		if bytes.HasPrefix(term, prefix) && (!exact || len(term) == len(prefix)) {
			m.found[in].Set(0)
		}
	}
	return nil
}

func (b Bitmap) and(other Bitmap) {
	for i := range b {
		b[i] &= other[i]
	}
}

// Count returns how many bits are set.
func (b Bitmap) Count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// after returns the first persona of b from doc on; -1 where there is none.
func (b Bitmap) after(doc int) int {
	for i := doc >> 6; i < len(b); i++ {
		word := b[i]
		if i == doc>>6 {
			word &= ^uint64(0) << (doc & 63)
		}
		if word != 0 {
			return i<<6 + bits.TrailingZeros64(word)
		}
	}
	return -1
}
