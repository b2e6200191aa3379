package search

import (
	"strings"
	"unicode/utf8"
)

// snippetLength is about how many characters a snippet has, beside its marks.
const snippetLength = 160

// Snippet returns the part of a text that shows most of the words, on one line,
// with each word that one of them begins as **word**. found is how many of the
// words the whole text has. The words are as Words returns them.
func Snippet(text string, words []string) (snippet string, found int) {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, " ")), " ")
	var hits []hit
	seen := map[string]bool{}
	for _, s := range spans(text) {
		if word := begins(text[s.from:s.to], words); word != "" {
			hits = append(hits, hit{s, word})
			seen[word] = true
		}
	}
	from, to := window(text, hits)
	var b strings.Builder
	if from > 0 {
		b.WriteString("… ")
	}
	at := from
	for _, h := range hits {
		if h.from < from || h.to > to {
			continue
		}
		b.WriteString(text[at:h.from] + "**" + text[h.from:h.to] + "**")
		at = h.to
	}
	b.WriteString(text[at:to])
	if to < len(text) {
		b.WriteString(" …")
	}
	return b.String(), len(seen)
}

// span is a word in a text.
type span struct{ from, to int }

// hit is a word that one of a search begins.
type hit struct {
	span
	word string
}

// spans returns where the words of a text are.
func spans(text string) (list []span) {
	from := -1
	for i, r := range text {
		switch between := isBetweenWords(r); {
		case between && from >= 0:
			list = append(list, span{from, i})
			from = -1
		case !between && from < 0:
			from = i
		}
	}
	if from >= 0 {
		list = append(list, span{from, len(text)})
	}
	return list
}

// begins returns the longest of words that a word of a text begins with, folded;
// "" for none.
func begins(text string, words []string) (longest string) {
	for part := range strings.FieldsFuncSeq(Fold(text), isBetweenWords) {
		part = shorten(part)
		for _, word := range words {
			if len(word) > len(longest) && strings.HasPrefix(part, word) {
				longest = word
			}
		}
	}
	return longest
}

// window returns the part of a text that has the most different words, and begins
// a little before the first of them. It cuts no word of usual length.
func window(text string, hits []hit) (from, to int) {
	best, most := 0, 0
	for i := range hits {
		seen := map[string]bool{}
		for _, h := range hits[i:] {
			if h.to-hits[i].from > snippetLength*3/4 {
				break
			}
			seen[h.word] = true
		}
		if len(seen) > most {
			best, most = hits[i].from, len(seen)
		}
	}
	if utf8.RuneCountInString(text) <= snippetLength {
		return 0, len(text)
	}
	if best > snippetLength/4 {
		from = best - snippetLength/4
		if space := strings.IndexByte(text[from:best], ' '); space >= 0 {
			from += space + 1
		} else {
			from = best
		}
	}
	to = min(from+snippetLength, len(text))
	for _, h := range hits { // no mark is cut
		if h.from < to && h.to > to {
			to = h.to
		}
	}
	if to == len(text) {
		return from, to
	}
	if space := strings.LastIndexByte(text[from:to], ' '); space > snippetLength/2 && text[to] != ' ' {
		to = from + space
	}
	for to < len(text) && !utf8.RuneStart(text[to]) {
		to++
	}
	return from, to
}
