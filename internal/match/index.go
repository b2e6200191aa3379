package match

import (
	"slices"
	"strings"
)

// Persona is what an index knows of a persona.
type Persona struct {
	OID    string
	Name   string
	Titles []string // its common job titles
	Active bool
}

// Index finds the personas that a job title belongs to. It does not change, and
// any number of goroutines may use it.
type Index struct {
	know     *knowledge
	personas []indexed
	// listed has the first persona that lists a title, by the folded title, and
	// shared the further ones.
	listed map[string]int32
	shared map[string][]int32
	// words has the words of the personas beside those of the knowledge.
	words    *vocabulary
	postings postings
	vectors  []vector
	size     int
	// fits tells the personas that may match; nil is all.
	fits func(oID string) bool
}

// Only returns the index with those personas only that fit.
func (x *Index) Only(fits func(oID string) bool) *Index {
	only := *x
	only.fits = fits
	return &only
}

// indexed is a persona with what its titles say.
type indexed struct {
	oid, name string
	active    bool
	titles    []indexedTitle
	// typical is the level in the middle of those of its titles; -1 is unknown.
	typical float32
	// functions are those that the titles are about, and parts has how many of
	// the titles each is for.
	functions []int16
	parts     []float32
}

type indexedTitle struct {
	text string
	role role
}

// NewIndex builds the index of the personas.
func NewIndex(personas []Persona) *Index {
	k := known()
	titles := len(personas)
	for i := range personas {
		titles += len(personas[i].Titles)
	}
	x := &Index{
		know: k, listed: make(map[string]int32, titles), shared: map[string][]int32{}, words: continued(k.onet.words),
		personas: make([]indexed, 0, len(personas)), vectors: make([]vector, 0, len(personas)),
	}
	c := newCounter(titles)
	r := &reader{know: k, id: x.words.add, spelled: func(string) bool { return false }}
	scores := make([]float32, len(k.onet.names))
	var features []feature
	for i, p := range personas {
		of := int32(i)
		in := indexed{oid: p.OID, name: p.Name, active: p.Active}
		in.titles = make([]indexedTitle, 0, len(p.Titles)+1)
		features = features[:0]
		for j, title := range append([]string{p.Name}, p.Titles...) {
			tokens, english := r.read(title)
			if len(tokens) == 0 || j > 0 && title == p.Name {
				continue
			}
			_, features = r.features(english, x.words, features)
			for _, role := range r.parse(english).roles {
				in.titles = append(in.titles, indexedTitle{title, role})
			}
			x.list(of, r.keys(tokens))
		}
		in.summarize()
		x.personas = append(x.personas, in)
		c.add(of, features)
		slices.Sort(features)
		x.vectors = append(x.vectors, k.onet.vectorOf(slices.Compact(features), personaOccupations, scores))
	}
	x.postings = c.postings(len(personas))
	x.size = x.estimate()
	return x
}

// list notes that a persona lists a title, under each of its keys.
func (x *Index) list(of int32, keys []string) {
	for _, k := range keys {
		first, ok := x.listed[k]
		switch {
		case !ok:
			x.listed[k] = of
		case first != of && !slices.Contains(x.shared[k], of):
			x.shared[k] = append(x.shared[k], of)
		}
	}
}

// listing returns the personas that list a title.
func (x *Index) listing(tokens []token) []int32 {
	k := joinedKey(tokens)
	first, ok := x.listed[k]
	if !ok {
		return nil
	}
	return append([]int32{first}, x.shared[k]...)
}

// keys are the folded forms under which a title is listed: the whole, and each part
// that is a title of its own, with a level and a function, or that says the same
// as its neighbour: "Account Manager (AM)".
func (r *reader) keys(tokens []token) []string {
	all := []string{joinedKey(tokens)}
	if !slices.ContainsFunc(tokens[1:], func(t token) bool { return t.sep == part }) {
		return all
	}
	parts := partsOf(slices.Clone(tokens)) // the reader reads on
	for i, p := range parts {
		if i > 0 && sameTitle(parts[i-1], p) || i+1 < len(parts) && sameTitle(p, parts[i+1]) || r.isTitle(p) {
			all = append(all, joinedKey(p))
		}
	}
	return all
}

// partsOf splits a title into its parts.
func partsOf(tokens []token) (parts [][]token) {
	begin := 0
	for i := 1; i <= len(tokens); i++ {
		if i == len(tokens) || tokens[i].sep == part {
			parts, begin = append(parts, tokens[begin:i]), i
		}
	}
	return parts
}

// isTitle tells whether a part of a title has a level and a function.
func (r *reader) isTitle(tokens []token) bool {
	_, english := r.read(joinedKey(tokens))
	return slices.ContainsFunc(r.parse(english).roles, func(r role) bool { return r.level.known() && len(r.heads) > 0 })
}

// sameTitle tells whether one of two parts abbreviates the other.
func sameTitle(a, b []token) bool {
	return len(a) == 1 && abbreviates(a[0].text, b) || len(b) == 1 && abbreviates(b[0].text, a)
}

// abbreviates tells whether short is the first letters of the words.
func abbreviates(short string, words []token) bool {
	n := 0
	for _, t := range words {
		if t.text == "and" || t.text == "of" {
			continue
		}
		if n == len(short) || t.text[0] != short[n] {
			return false
		}
		n++
	}
	return n > 1 && n == len(short)
}

func joinedKey(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// summarize notes what the titles have in common.
func (in *indexed) summarize() {
	var levels []float32
	for i := range in.titles {
		r := &in.titles[i].role
		if r.level.known() {
			levels = append(levels, r.level.middle())
		}
		for _, f := range r.heads {
			i := slices.Index(in.functions, f)
			if i < 0 {
				i = len(in.functions)
				in.functions, in.parts = append(in.functions, f), append(in.parts, 0)
			}
			in.parts[i]++
		}
	}
	in.typical = -1
	if len(levels) > 0 {
		slices.Sort(levels)
		in.typical = levels[len(levels)/2]
	}
}

// Size is about how many bytes of memory the index takes.
func (x *Index) Size() int { return x.size }

func (x *Index) estimate() int {
	const word = 8
	size := 0
	for i := range x.personas {
		p := &x.personas[i]
		size += 16*word + len(p.oid) + len(p.name) + len(x.vectors[i])*word
		for j := range p.titles {
			r := &p.titles[j].role
			size += 24*word + len(p.titles[j].text) + 2*(len(r.heads)+len(r.others)) + 4*(len(r.words)+len(r.all))
		}
	}
	for k := range x.listed {
		size += 4*word + len(k)
	}
	for _, l := range x.shared {
		size += 8*word + 4*len(l)
	}
	for w := range x.words.ids {
		size += 12*word + len(w)
	}
	size += 8*len(x.postings.features) + 8*len(x.postings.lists)
	return size
}
