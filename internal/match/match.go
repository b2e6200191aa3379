// Package match finds the personas that a job title belongs to, without a model
// and without the network.
//
// A title that a persona lists is found first. Every other title is read: what
// level it has, which function it is about, in English, German, French, Spanish
// and Portuguese, with abbreviations and typing errors. Functions come from a
// list of our own, and for what stands in none, from the occupations of the
// O*NET database, as vectors over words. The same titles and personas give the
// same matches.
package match

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Confidence is how sure a match is.
type Confidence string

// The confidences.
const (
	High   Confidence = "HIGH"
	Medium Confidence = "MEDIUM"
	Low    Confidence = "LOW"
)

// The scores from which a match has its confidence. DefaultMinScore is the
// score below which the best match is none, where a caller names none.
const (
	HighFrom        = 0.85
	MediumFrom      = 0.65
	DefaultMinScore = 0.5
)

// ConfidenceOf returns the confidence of a score.
func ConfidenceOf(score float64) Confidence {
	switch {
	case score >= HighFrom:
		return High
	case score >= MediumFrom:
		return Medium
	default:
		return Low
	}
}

// Match is a persona that a title belongs to.
type Match struct {
	OID, Name string
	// Inactive: the persona is switched off.
	Inactive   bool
	Score      float64 // from 0 to 1, with three decimals
	Confidence Confidence
	// Reason says in words why it matches.
	Reason string
}

// Auto is the minScore of a caller who names none: the best match must reach
// DefaultMinScore, and each further one furtherShare of its score.
const Auto = -1

const furtherShare = 0.5

// Match returns at most limit personas that the title belongs to and whose
// score is at least minScore, the best first. No match is an empty list.
func (x *Index) Match(title string, limit int, minScore float64) []Match {
	candidates, seeking := x.candidates(title)
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(-cmp.Compare(a.score, b.score), cmp.Compare(x.personas[a.of].oid, x.personas[b.of].oid))
	})
	matches := make([]Match, 0, min(limit, len(candidates)))
	for i := range candidates {
		c := &candidates[i]
		score := math.Round(float64(c.score)*1000) / 1000
		if score < minScore || score <= 0 || len(matches) == limit {
			break
		}
		p := &x.personas[c.of]
		matches = append(matches, Match{
			OID: p.oid, Name: p.name, Inactive: !p.active,
			Score: score, Confidence: ConfidenceOf(score), Reason: x.reason(c, seeking),
		})
	}
	if minScore < 0 {
		return Likely(matches)
	}
	return matches
}

// Likely returns those of matches, the best first, that a caller wants who names
// no score: see Auto.
func Likely(matches []Match) []Match {
	for i, m := range matches {
		if least := furtherShare * matches[0].Score; i == 0 && m.Score < DefaultMinScore || i > 0 && m.Score < least {
			return matches[:i]
		}
	}
	return matches
}

// reason says in words why a candidate fits.
func (x *Index) reason(c *candidate, seeking bool) string {
	var parts []string
	switch {
	case c.listed:
		parts = append(parts, "listed title")
	case c.title != nil && c.share >= 1:
		parts = append(parts, "both are "+x.names(c.title.role.heads))
	case c.title != nil && c.share > 0:
		parts = append(parts, x.names(c.role.heads)+" is close to "+x.names(c.title.role.heads))
	case c.occupation >= 0:
		parts = append(parts, "both are "+x.know.onet.names[c.occupation])
	default:
		parts = append(parts, "similar words")
	}
	if !c.listed && c.title != nil && c.role.level.known() && c.title.role.level.known() {
		a, b := c.role.levelWord, c.title.role.levelWord
		if a != b {
			a += " ~ " + b
		}
		parts = append(parts, "level: "+a)
	}
	if seeking {
		parts = append(parts, "the person looks for work")
	}
	if !x.personas[c.of].active {
		parts = append(parts, "this persona is inactive")
	}
	return strings.Join(parts, "; ")
}

// names lists functions by name.
func (x *Index) names(functions []int16) string {
	names := make([]string, len(functions))
	for i, f := range functions {
		names[i] = x.know.lexicon.functions[f].name
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}
