package match

import (
	"slices"
	"strings"
)

// translate puts the tokens into plain English, in their singular.
func (r *reader) translate() {
	k := r.know
	r.corrected = r.corrected[:0]
	for _, t := range r.tokens {
		w := singular(t.text)
		if !k.lexicon.words[w] && !k.onet.has(w) && !r.spelled(w) {
			if words := k.compound(w); words != nil {
				r.corrected = appendWords(r.corrected, words, t.sep)
				continue
			}
			if s := k.spelled(t.text); s != t.text {
				w = s
			} else {
				w = k.spelled(w)
			}
		}
		r.corrected = append(r.corrected, token{w, t.sep})
	}
	r.english = k.lexicon.appendEnglish(r.english[:0], r.corrected)
}

// appendWords appends words, the first of which follows sep.
func appendWords(tokens []token, words []string, sep separator) []token {
	for _, w := range words {
		tokens = append(tokens, token{w, sep})
		sep = space
	}
	return tokens
}

// appendEnglish appends tokens with abbreviations and foreign phrases replaced,
// the longest first.
func (x *lexicon) appendEnglish(out, tokens []token) []token {
	for i := 0; i < len(tokens); {
		n, words := longestPhrase(tokens[i:], x.longestEnglish, x.english)
		if n == 0 {
			out = append(out, tokens[i])
			i++
			continue
		}
		out = appendWords(out, words, tokens[i].sep)
		i += n
	}
	return out
}

// longestPhrase returns how many tokens the longest phrase has that stands at
// their beginning, and what is known about it. A phrase does not cross the end
// of a part of the title.
func longestPhrase[T any](tokens []token, longest map[string]int, phrases map[string]T) (n int, found T) {
	limit := min(longest[tokens[0].text], len(tokens))
	// A long phrase may have commas in it: "governance, risk and compliance".
	commas := limit
	for j := 1; j < limit; j++ {
		if tokens[j].sep == part {
			limit = j
		} else if tokens[j].sep != space {
			commas = min(commas, j)
		}
	}
	if limit == 0 {
		return 0, found
	}
	if limit > 1 {
		var buffer [128]byte
		var ends [12]int
		b := buffer[:0]
		limit = min(limit, len(ends))
		for j := range limit {
			if j > 0 {
				b = append(b, ' ')
			}
			b = append(b, tokens[j].text...)
			ends[j] = len(b)
		}
		for j := limit; j > 1; j-- {
			if j > commas && j < 4 {
				continue
			}
			if f, ok := phrases[string(b[:ends[j-1]])]; ok {
				return j, f
			}
		}
	}
	if f, ok := phrases[tokens[0].text]; ok {
		return 1, f
	}
	return 0, found
}

// compound splits a German compound of two words that are known, and returns
// them in plain English; nil is none.
func (k *knowledge) compound(w string) []string {
	const least, leastSecond = 3, 4
	for i := least; i+leastSecond <= len(w); i++ { // the longest second part counts
		if m, ok := k.lexicon.meanings[w[:i]]; ok && m.neutral {
			if rest := k.compound(w[i:]); rest != nil {
				return append([]string{w[:i]}, rest...)
			}
		}
		second, ok := k.lexicon.english[w[i:]]
		if !ok {
			if _, ok = k.lexicon.meanings[w[i:]]; !ok {
				continue
			}
			second = []string{w[i:]}
		}
		for _, first := range []string{w[:i], strings.TrimSuffix(w[:i], "s"), strings.TrimSuffix(w[:i], "es")} {
			if len(first) < least {
				continue
			}
			if words, ok := k.lexicon.prefixes[first]; ok {
				return slices.Concat(words, second)
			}
			if _, ok := k.lexicon.meanings[first]; ok && len(first) > 3 {
				return append([]string{first}, second...)
			}
			if words, ok := k.lexicon.prefixes[k.spelled(first)]; ok && len(first) > 5 {
				return slices.Concat(words, second)
			}
		}
	}
	return nil
}

// spelled returns the word of the lexicon that w was probably meant to be: one
// letter is missing, added, wrong or has changed places. Otherwise it is w.
func (k *knowledge) spelled(w string) string {
	if len(w) < minTypo {
		return w
	}
	best, bestAt := "", 3
	try := func(form string) {
		for _, candidate := range k.typos[form] {
			at := distance(w, candidate)
			if at > 1 && (at > 2 || len(w) < 9) {
				continue
			}
			if candidate[0] != w[0] {
				at++ // the first letter is seldom wrong
			}
			if at < bestAt || at == bestAt && candidate < best {
				best, bestAt = candidate, at
			}
		}
	}
	try(w)
	for i := range len(w) {
		try(w[:i] + w[i+1:])
	}
	if best == "" {
		return w
	}
	return best
}

// minTypo is how many letters a word must have to be taken for a misspelled
// one: in short words, another letter is another word.
const minTypo = 5

// typoForms returns, for each word, the word itself and the word without one
// of its letters: two words that differ in one letter, or in two that changed
// places, have a form in common.
func typoForms(words map[string]bool) map[string][]string {
	forms := make(map[string][]string, 8*len(words))
	add := func(form, word string) {
		if !slices.Contains(forms[form], word) {
			forms[form] = append(forms[form], word)
		}
	}
	for w := range words {
		if len(w) < minTypo {
			continue
		}
		add(w, w)
		for i := range len(w) {
			add(w[:i]+w[i+1:], w)
		}
	}
	for _, list := range forms {
		slices.Sort(list)
	}
	return forms
}

// distance is how many letters must be added, removed, replaced or swapped with
// their neighbour to turn a into b.
func distance(a, b string) int {
	const most = 32
	if len(a) > most || len(b) > most {
		return most
	}
	var rows [3][most + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, last := &rows[i%3], &rows[(i+2)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], rows[(i+1)%3][j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
