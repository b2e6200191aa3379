package match

import (
	"math"
	"slices"
	"strings"
)

// A vocabulary gives ids to words. One may continue another.
type vocabulary struct {
	base  *vocabulary // nil is none
	first int32       // the id of its first word
	ids   map[string]int32
	// stems has the id of the first word with the same stem, for each word.
	stems  []int32
	byStem map[string]int32
}

// continued returns a vocabulary with the words of base, which does not change.
func continued(base *vocabulary) *vocabulary {
	v := &vocabulary{base: base, ids: map[string]int32{}, byStem: map[string]int32{}}
	if base != nil {
		v.first = base.first + int32(len(base.stems))
	}
	return v
}

// id returns the id of a word, or -1.
func (v *vocabulary) id(w string) int32 {
	for ; v != nil; v = v.base {
		if id, ok := v.ids[w]; ok {
			return id
		}
	}
	return -1
}

// add returns the id of a word, which it gets where it has none.
func (v *vocabulary) add(w string) int32 {
	id := v.id(w)
	if id >= 0 {
		return id
	}
	w = strings.Clone(w)
	id = v.first + int32(len(v.stems))
	v.ids[w] = id
	s := stem(w)
	same := int32(-1)
	for u := v; u != nil && same < 0; u = u.base {
		if found, ok := u.byStem[s]; ok {
			same = found
		}
	}
	if same < 0 {
		same = id
		v.byStem[s] = id
	}
	v.stems = append(v.stems, same)
	return id
}

// stemOf returns the id that stands for the stem of a word.
func (v *vocabulary) stemOf(id int32) int32 {
	for id < v.first {
		v = v.base
	}
	return v.stems[id-v.first]
}

// endings are those that stem cuts, the longest first.
//
//nolint:gochecknoglobals // never changed: Go has no constants of this type
var endings = []string{
	"ations", "ators", "ation", "ments", "izing", "ator", "ment", "ings", "ists", "ians", "ical", "ions",
	"ing", "ers", "ors", "ist", "ies", "ied", "ian", "ion", "er", "or", "ed", "al", "ic", "es", "s", "y", "e",
}

// stem cuts endings until three letters or none are left, so that "counselor"
// and "counseling" are the same.
func stem(w string) string {
	for range 3 {
		cut := false
		for _, e := range endings {
			if len(w)-len(e) >= 3 && strings.HasSuffix(w, e) {
				w, cut = w[:len(w)-len(e)], true
				break
			}
		}
		if !cut {
			break
		}
	}
	if n := len(w); n > 3 && w[n-1] == w[n-2] {
		w = w[:n-1]
	}
	return w
}

// A feature is what a title has in common with others: a word, the stem of one,
// or the last word.
type feature uint32

// The kinds of features.
const (
	wholeWord = iota
	wordStem
	lastWord
	featureKinds
)

func newFeature(id int32, kind uint32) feature { return feature(uint32(id)*featureKinds + kind) }

// kindWeight is how much the kind of the feature counts.
func (f feature) kindWeight() float32 {
	if f%featureKinds == wholeWord {
		return 1
	}
	return 0.5
}

// features appends the features of the words of a title. A word that nobody
// knows is -1, and has none.
func (v *vocabulary) features(features []feature, words []int32) []feature {
	for i, w := range words {
		if w < 0 {
			continue
		}
		features = append(features, newFeature(w, wholeWord), newFeature(v.stemOf(w), wordStem))
		if i == len(words)-1 {
			features = append(features, newFeature(w, lastWord))
		}
	}
	return features
}

// A posting says how much a feature tells of a thing, such as a persona.
type posting struct {
	of     int32
	weight float32
}

// postings has what features tell of things.
type postings struct {
	features []feature // sorted
	// starts has where the list of a feature begins, and the end of the last.
	starts []int32
	lists  []posting
}

// of returns the index of a feature and its list; -1 is none.
func (p *postings) of(f feature) (int, []posting) {
	i, ok := slices.BinarySearch(p.features, f)
	if !ok {
		return -1, nil
	}
	return i, p.lists[p.starts[i]:p.starts[i+1]]
}

// A counter collects the features of things, thing by thing.
type counter struct {
	seen []uint64 // feature and thing
}

// newCounter returns a counter for about that many titles.
func newCounter(titles int) *counter { return &counter{seen: make([]uint64, 0, 7*titles)} }

func (c *counter) add(of int32, features []feature) {
	for _, f := range features {
		c.seen = append(c.seen, uint64(f)<<32|uint64(of))
	}
}

// The parameters of BM25.
const (
	saturation = 2.0
	byLength   = 0.75
)

// postings weighs what was collected of n things, by BM25 without the weight of
// the feature itself. The counter is empty afterwards.
func (c *counter) postings(n int) postings {
	lengths := make([]float32, n)
	var total float32
	for _, s := range c.seen {
		w := feature(s >> 32).kindWeight()
		lengths[uint32(s)] += w
		total += w
	}
	average := total / float32(max(n, 1))
	c.sort()
	p := postings{lists: make([]posting, 0, len(c.seen))}
	for i := 0; i < len(c.seen); {
		if f := feature(c.seen[i] >> 32); len(p.features) == 0 || p.features[len(p.features)-1] != f {
			p.features = append(p.features, f)
			p.starts = append(p.starts, int32(len(p.lists)))
		}
		begin := i
		for i < len(c.seen) && c.seen[i] == c.seen[begin] {
			i++
		}
		of, count := int32(uint32(c.seen[begin])), float32(i-begin)
		weight := count * (saturation + 1) / (count + saturation*(1-byLength+byLength*lengths[of]/average))
		p.lists = append(p.lists, posting{of, weight})
	}
	p.starts = append(p.starts, int32(len(p.lists)))
	c.seen = nil
	p.lists = slices.Clip(p.lists)
	return p
}

// sort sorts what was seen by feature, and leaves the order of the things, which
// were added one after the other.
func (c *counter) sort() {
	var last feature
	for _, s := range c.seen {
		last = max(last, feature(s>>32))
	}
	begins := make([]int32, last+2)
	for _, s := range c.seen {
		begins[s>>32+1]++
	}
	for f := range last {
		begins[f+1] += begins[f]
	}
	sorted := make([]uint64, len(c.seen))
	for _, s := range c.seen {
		f := s >> 32
		sorted[begins[f]] = s
		begins[f]++
	}
	c.seen = sorted
}

// rarity is how much a feature says that df of n things have.
func rarity(n, df int) float32 {
	return float32(math.Log(1 + (float64(n-df)+0.5)/(float64(df)+0.5)))
}
