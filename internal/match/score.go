package match

import "slices"

// The numbers that decide. They were tuned on the labelled titles; see
// docs/matching.md.
const (
	// closely is how many personas are compared role by role.
	closely = 40

	// secondary is what a second role or function of a title counts.
	secondary = 0.88
	// downCost and upCost are what a step on the scale of levels costs, where
	// the person stands below and above the title of the persona.
	downCost, upCost = 1.0 / 30, 1.0 / 50
	// sameLevel is the gap between two levels that costs nothing.
	sameLevel = 2
	// typical is the share of the persona's typical level in the factor for the
	// level; the rest is that of the nearest title.
	typical = 0.3
	// A persona whose typical level is from leading on leads others; a role
	// below individual does not, and counts belowLeading.
	leading, individual, belowLeading = 36, 26, 0.6
	// unsaidCount is what a title counts that says no level.
	unsaidCount = 0.9

	// wordCost, otherCost and narrowCost are what an unknown word, a function
	// and a region cost that only one of two roles has; wordsCost is the most
	// that words cost.
	wordCost, wordsCost, otherCost, narrowCost = 0.2, 0.5, 0.2, 0.03
	// wordsOfFunction and wordsOfWide are the shares of the words in the
	// comparison of two roles with the same function, and with a wide one.
	wordsOfFunction, wordsOfWide = 0.1, 0.5

	// ofWords and ofOccupations are the shares of the words and of the
	// occupations in what a persona's titles have in common with a title.
	ofWords, ofOccupations = 0.6, 0.4
	// halfWords is the sum of words that counts a half.
	halfWords = 0.7
	// strangers is what words count where the functions have nothing in common,
	// and strangersMost the highest score then.
	strangers, strangersMost = 0.45, 0.45
	// byPart is the share of how many of a persona's titles have the function.
	byPart = 0.25
	// lift is what words add to a role that fits.
	lift = 0.3
	// Where several personas fit nearly as well as the best, each further one
	// gives byWords of the decision to the words, and at most byWordsMost.
	nearly, byWords, byWordsMost = 0.6, 0.2, 0.9
	// Where no role fits better than noFit, words alone decide.
	noFit, wordsAlone, contentAlone = 0.3, 0.9, 1.5
	// seekingCount is what the role of somebody who looks for work counts.
	seekingCount = 0.8
	// notable is how well a role must fit to be named in the reason.
	notable = 0.1
)

// unsaid is the level of a role that says none.
var unsaid = level{14, 24} //nolint:gochecknoglobals // never changed: Go has no constants of this type

// A candidate is a persona with how well it fits.
type candidate struct {
	of    int32
	score float32
	// fit is how well the roles fit; words is what the words have in common,
	// and trusted what of it counts.
	fit, words, trusted float32
	// listed: the title stands in the persona's list.
	listed bool
	// role is what the title says, and title the one of the persona that is
	// nearest; nil where words alone speak for the persona.
	role  *role
	title *indexedTitle
	// share is that of the function of title for the one of role.
	share float32
	// occupation is the one that both are; -1 is none.
	occupation int32
}

// candidates returns the personas that may fit, in the order of their indexes,
// and whether the person looks for work.
func (x *Index) candidates(title string) (out []candidate, seeking bool) {
	r := &reader{know: x.know, id: x.words.id, spelled: func(w string) bool { return x.words.id(w) >= 0 }}
	tokens, english := r.read(title)
	if len(tokens) == 0 {
		return nil, false
	}
	english = preferSpelledOut(tokens, english)
	p := r.parse(english)
	listed := x.listing(tokens)
	if len(p.roles) == 0 && len(listed) == 0 {
		return nil, p.seeking
	}
	words, features := r.features(english, x.words, nil)
	lexical := x.lexical(words, features)
	occupations := x.know.onet.vectorOf(features, titleOccupations, make([]float32, len(x.know.onet.names)))
	if x.fits != nil {
		for i := range lexical {
			if !x.fits(x.personas[i].oid) {
				lexical[i] = -1
			}
		}
	}
	near := nearest(lexical, closely)
	for _, l := range listed {
		if !slices.Contains(near, l) {
			near = append(near, l)
		}
	}
	near = slices.DeleteFunc(near, func(of int32) bool { return lexical[of] < 0 })
	slices.Sort(near)
	out = make([]candidate, 0, len(near))
	for _, of := range near {
		out = append(out, x.judge(of, p.roles, lexical[of], occupations))
	}
	x.decide(out, p.roles)
	for i := range out {
		if p.seeking {
			out[i].score *= seekingCount
		}
		if slices.Contains(listed, out[i].of) {
			out[i].listed, out[i].score = true, 1
		}
	}
	return out, p.seeking
}

// preferSpelledOut leaves an abbreviation out that the title itself spells out:
// "CPO (Chief Procurement Officer)".
func preferSpelledOut(tokens, english []token) []token {
	if len(tokens) < 3 || tokens[1].sep != part {
		return english
	}
	if !abbreviates(tokens[0].text, partsOf(tokens)[1]) {
		return english
	}
	for i := 1; i < len(english); i++ {
		if english[i].sep == part {
			return english[i:]
		}
	}
	return english
}

// lexical scores all personas by the words of their titles, from 0 to 1.
func (x *Index) lexical(words []int32, features []feature) []float32 {
	scores := make([]float32, len(x.personas))
	var total float32
	for _, w := range words {
		if w < 0 {
			total += x.weight(w)
		}
	}
	for _, f := range features {
		w := x.know.onet.weight(f)
		total += w
		_, list := x.postings.of(f)
		for _, p := range list {
			scores[p.of] += w * p.weight
		}
	}
	if total > 0 {
		for i, s := range scores {
			scores[i] = s / (s + halfWords*total)
		}
	}
	return scores
}

// nearest returns the n personas with the highest scores; all, where there are
// not more than n.
func nearest(scores []float32, n int) []int32 {
	near := make([]int32, 0, min(n, len(scores)))
	if len(scores) <= n {
		for i := range scores {
			near = append(near, int32(i))
		}
		return near
	}
	for _, p := range strongest(scores, n) {
		near = append(near, p.of)
	}
	return near
}

// judge compares the roles of a title with those of a persona's titles, and the
// words with its words.
func (x *Index) judge(of int32, roles []role, lexical float32, occupations vector) candidate {
	p := &x.personas[of]
	c := candidate{of: of}
	for i := range roles {
		q := &roles[i]
		for j := range p.titles {
			fit, share := x.compare(q, &p.titles[j].role, p.typical)
			if fit *= q.share * (1 - byPart + byPart*p.part(&p.titles[j].role)); fit > c.fit {
				c.fit, c.role, c.title, c.share = fit, q, &p.titles[j], share
			}
		}
	}
	if c.fit < notable {
		c.title = nil
	}
	cos, occupation := cosine(occupations, x.vectors[of])
	c.occupation = occupation
	c.words = ofWords*lexical + ofOccupations*cos
	c.trusted = c.words
	if len(roles) > 0 {
		q := &roles[0]
		if x.strangers(q, p) {
			c.trusted *= strangers
		}
		if q.level.known() && p.typical >= 0 {
			c.trusted *= (1 + levels(q.level, at(p.typical))) / 2
		}
	}
	return c
}

// part is 1 where half of the persona's titles or more have a function of the
// role, and less where it is the exception among them.
func (in *indexed) part(r *role) float32 {
	var most float32
	for _, f := range r.heads {
		most = max(most, in.parts[slices.Index(in.functions, f)])
	}
	if len(r.heads) == 0 {
		return 1
	}
	return min(1, 2*most/float32(len(in.titles)))
}

// strangers tells whether the functions of a role have nothing in common with
// those of a persona.
func (x *Index) strangers(q *role, p *indexed) bool {
	if len(q.heads) == 0 || len(p.functions) == 0 {
		return false
	}
	for _, f := range q.heads {
		for _, g := range p.functions {
			if x.know.lexicon.relation(f, g) > 0 {
				return false
			}
		}
	}
	return true
}

// decide gives the candidates their scores.
func (x *Index) decide(out []candidate, roles []role) {
	var fit, words float32
	for i := range out {
		fit, words = max(fit, out[i].fit), max(words, out[i].words)
	}
	alike := -1
	for i := range out {
		if out[i].fit > nearly*fit {
			alike++
		}
	}
	// Where many personas have the function, the words tell them apart.
	share := min(byWordsMost, byWords*float32(max(0, alike)))
	if words == 0 {
		share = 0
	}
	for i := range out {
		c := &out[i]
		s := c.fit
		if share > 0 {
			s = s*(1-share) + share*fit*c.words/words
		}
		c.score = min(s*(1+lift*c.trusted), s+(1-s)*lift*c.trusted)
	}
	if fit < noFit && len(roles) > 0 {
		x.decideByWords(out, &roles[0])
	}
}

// decideByWords gives scores where no role fits. Words that only tell a level
// are no reason.
func (x *Index) decideByWords(out []candidate, q *role) {
	content := x.lexical(q.content, x.words.features(nil, q.content))
	for i := range out {
		c := &out[i]
		c.score = min(wordsAlone*c.trusted, contentAlone*content[c.of])
		if len(q.heads) > 0 && len(x.personas[c.of].functions) > 0 {
			c.score = min(c.score, strangersMost)
		}
	}
}

// compare is how well two roles fit, and the share of the function of t for
// that of q.
func (x *Index) compare(q, t *role, typical float32) (fit, share float32) {
	switch {
	case len(q.heads) > 0 && len(t.heads) > 0:
		var cover float32
		share, cover = x.functions(q, t)
		if share == 0 || cover == 0 {
			return 0, 0
		}
		ofWords := float32(wordsOfFunction)
		for _, f := range q.heads {
			if x.know.lexicon.functions[f].wide {
				ofWords = wordsOfWide
			}
		}
		fit = share * cover * narrowing(q, t) * (1 - ofWords + ofWords*x.alike(q.all, t.all))
	case len(q.heads) == 0 && len(t.heads) == 0 && len(q.words) > 0 && len(t.words) > 0:
		fit = x.alike(q.words, t.words)
	}
	if fit == 0 {
		return 0, 0
	}
	return fit * levelFactor(q.level, t.level, typical), share
}

// functions compares the functions of two roles: share is that of the nearest
// two, and cover how much of those of t the role q has. A person can do more
// than a persona; half of what a persona does is not enough.
func (x *Index) functions(q, t *role) (share, cover float32) {
	priority := float32(1)
	for _, f := range q.heads {
		for _, g := range t.heads {
			share = max(share, priority*x.know.lexicon.relation(f, g))
		}
		priority *= secondary
	}
	for _, g := range t.heads {
		var most float32
		for _, f := range q.heads {
			most = max(most, x.know.lexicon.relation(f, g))
		}
		cover += most
	}
	return share, cover / float32(len(t.heads))
}

// narrowing is what is left after words and functions that only one of two
// roles has.
func narrowing(q, t *role) float32 {
	cost := float32(wordCost * (missing(q.words, t.words) + missing(t.words, q.words)))
	cost = min(cost, wordsCost)
	for _, f := range q.others {
		if !slices.Contains(t.others, f) && !slices.Contains(t.heads, f) {
			cost += otherCost
		}
	}
	for _, f := range t.others {
		if !slices.Contains(q.others, f) && !slices.Contains(q.heads, f) {
			cost += otherCost
		}
	}
	if q.narrow != t.narrow {
		cost += narrowCost
	}
	return 1 / (1 + cost)
}

// missing counts the words of a that b lacks.
func missing(a, b []int32) float32 {
	var n float32
	for _, w := range a {
		if !slices.Contains(b, w) {
			n++
		}
	}
	return n
}

// alike compares words by what they say.
func (x *Index) alike(a, b []int32) float32 {
	var both, total float32
	for _, w := range a {
		weight := x.weight(w)
		total += weight
		if slices.Contains(b, w) {
			both += 2 * weight
		}
	}
	for _, w := range b {
		total += x.weight(w)
	}
	if total == 0 {
		return 0
	}
	return min(1, both/total) // a word may stand in a title twice
}

// weight is how much a word says.
func (x *Index) weight(w int32) float32 {
	if w < 0 || w >= x.know.onet.known {
		return x.know.onet.rarest
	}
	return x.know.onet.weights[w]
}

// levelFactor is how near the level of a role is to that of a title, and to the
// one that is typical of the persona; -1 is unknown.
func levelFactor(q, t level, persona float32) float32 {
	count := float32(1)
	if !q.known() {
		q, count = unsaid, unsaidCount
	}
	if !t.known() {
		t = unsaid
	}
	factor := count * levels(q, t)
	if persona >= leading && q.high < individual {
		factor *= belowLeading
	}
	if persona < 0 || factor >= unsaidCount {
		return factor
	}
	return (1-typical)*factor + typical*count*levels(q, at(persona))
}

// at is the level of a number.
func at(l float32) level { return level{int8(l), int8(l)} }

// levels is how near level a is to level b, from 0 to 1. Somebody higher up in
// the same function is nearer than somebody below.
func levels(a, b level) float32 {
	if above := a.low - b.high; above > sameLevel {
		return max(0, 1-upCost*float32(above))
	}
	if below := b.low - a.high; below > sameLevel {
		return max(0, 1-downCost*float32(below))
	}
	return 1
}
