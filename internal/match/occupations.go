package match

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"io"
	"math"
	"slices"
	"strings"
)

// occupations are those of the O*NET database, which tell how much words have
// in common.
type occupations struct {
	names    []string
	postings postings
	// rarities has how much each feature says.
	rarities []float32
	// words has the words of the titles; ids below known are among them.
	words *vocabulary
	known int32
	// weights has how much each word says.
	weights []float32
	rarest  float32
}

// loadOccupations reads the embedded list: a line has a code, a name and titles,
// divided by tabs. Its vocabulary has other words, too.
func loadOccupations(other map[string]bool) (*occupations, error) {
	file, err := files.Open("data/occupations.txt.gz")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unzip)
	if err != nil {
		return nil, err
	}
	o := &occupations{words: continued(nil)}
	c := newCounter(bytes.Count(text, []byte("\t")) + bytes.Count(text, []byte("\n")))
	var words []int32
	var features []feature
	var tokens []token
	for line := range strings.Lines(string(text)) {
		of := int32(len(o.names))
		_, titles, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, _, _ := strings.Cut(titles, "\t")
		o.names = append(o.names, name)
		for title := range strings.SplitSeq(titles, "\t") {
			words, features = words[:0], features[:0]
			tokens = appendTokens(tokens[:0], title)
			for _, t := range tokens {
				if t.sep == part {
					features, words = o.words.features(features, words), words[:0]
				}
				if w := singular(t.text); !isStop(w) {
					words = append(words, o.words.add(w))
				}
			}
			c.add(of, o.words.features(features, words))
		}
	}
	o.known = int32(len(o.words.stems))
	o.postings = c.postings(len(o.names))
	o.rarities = make([]float32, len(o.postings.features))
	for i := range o.rarities {
		o.rarities[i] = rarity(len(o.names), int(o.postings.starts[i+1]-o.postings.starts[i]))
	}
	o.rarest = rarity(len(o.names), 0)
	o.weights = make([]float32, o.known)
	for w := range o.weights {
		o.weights[w] = o.weight(newFeature(int32(w), wholeWord))
	}
	// The order of the ids must not depend on that of a map.
	sorted := make([]string, 0, len(other))
	for w := range other {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	for _, w := range sorted {
		o.words.add(w)
	}
	return o, nil
}

// isStop tells words that say nothing.
func isStop(w string) bool {
	switch w {
	case "and", "of", "the", "or", "in", "for", "to", "a", "all", "other", "except", "on", "at", "@":
		return true
	}
	return false
}

// has tells words that titles of occupations have.
func (o *occupations) has(w string) bool {
	id, ok := o.words.ids[w]
	return ok && id < o.known
}

// weight is how much it says that a title has the feature: rare ones weigh more.
func (o *occupations) weight(f feature) float32 {
	if i, _ := o.postings.of(f); i >= 0 {
		return o.rarities[i] * f.kindWeight()
	}
	return o.rarest * f.kindWeight()
}

// A vector says how much something has of each of a few occupations. Its length
// is 1, and it is sorted by occupation.
type vector []posting

// How many occupations the vectors of titles and of personas have.
const titleOccupations, personaOccupations = 10, 20

// vectorOf returns the vector of what has these features, with its strongest
// occupations. It uses scores, which has 0 for each occupation before and after.
func (o *occupations) vectorOf(features []feature, keep int, scores []float32) vector {
	for _, f := range features {
		i, list := o.postings.of(f)
		if i < 0 {
			continue
		}
		w := o.rarities[i] * f.kindWeight()
		for _, p := range list {
			scores[p.of] += w * p.weight
		}
	}
	v := strongest(scores, keep)
	clear(scores)
	var sum float64
	for i := range v {
		v[i].weight *= v[i].weight
		sum += float64(v[i].weight) * float64(v[i].weight)
	}
	length := float32(math.Sqrt(sum))
	for i := range v {
		v[i].weight /= length
	}
	slices.SortFunc(v, func(a, b posting) int { return cmp.Compare(a.of, b.of) })
	return v
}

// strongest returns the n highest scores, the highest first. Scores of 0 are
// left out.
func strongest(scores []float32, n int) []posting {
	top := make([]posting, 0, n)
	for of, s := range scores {
		if s <= 0 || len(top) == n && s <= top[n-1].weight {
			continue
		}
		at := len(top)
		for at > 0 && top[at-1].weight < s {
			at--
		}
		if len(top) == n {
			top = top[:n-1]
		}
		top = slices.Insert(top, at, posting{int32(of), s})
	}
	return top
}

// cosine compares two vectors. It also returns the occupation that they share
// most; -1 is none.
func cosine(a, b vector) (sum float32, most int32) {
	most = -1
	var best float32
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].of < b[j].of:
			i++
		case a[i].of > b[j].of:
			j++
		default:
			product := a[i].weight * b[j].weight
			if sum += product; product > best {
				best, most = product, a[i].of
			}
			i, j = i+1, j+1
		}
	}
	return sum, most
}
