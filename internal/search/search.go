// Package search says what a word is, for those who write down the words of a
// persona and those who look for them. Where the words are kept stands in
// store/fts.
package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"personae.dev/internal/persona"
)

// Limits of what search keeps of a persona.
const (
	// MaxWordLength is how many characters of a word count.
	MaxWordLength = 32
	// MaxIndexedWords is how many different words of a persona are found, those
	// of names and job titles first.
	MaxIndexedWords = 5000
)

// usualWords is about how many different words a persona has.
const usualWords = 200

// Indexed are the words that search finds a persona by. Each stands once,
// at the best place where it occurs.
type Indexed struct {
	// Name has those of name and internal name, Titles those of the job titles,
	// and Rest those of all other texts. Qualifying questions are not searched.
	Name, Titles, Rest []string
}

// WordsOf returns the words that search finds p by.
func WordsOf(p *persona.Persona) Indexed {
	seen := make(map[string]bool, usualWords)
	add := func(words []string, texts ...string) []string {
		for _, text := range texts {
			words = appendWords(words, seen, MaxIndexedWords, text)
		}
		return words
	}
	var indexed Indexed
	indexed.Name = add(indexed.Name, p.Name)
	if p.InternalName != nil {
		indexed.Name = add(indexed.Name, *p.InternalName)
	}
	indexed.Titles = add(indexed.Titles, p.CommonJobTitles...)
	if p.Description != nil {
		indexed.Rest = add(indexed.Rest, *p.Description)
	}
	for _, list := range p.Lists() {
		indexed.Rest = add(indexed.Rest, *list.Items...) // job titles are there already
	}
	for _, field := range p.CustomFields {
		indexed.Rest = add(add(indexed.Rest, field.Title), field.Value...)
	}
	return indexed
}

// Words divides a text as search does, and folds case, accents and width:
// letters, digits and their marks belong to words, all else stands between
// them. Each word occurs once, and is cut to MaxWordLength.
func Words(text string) []string {
	return appendWords(nil, map[string]bool{}, len(text), text)
}

// appendWords appends the words of text that seen lacks, and notes them there,
// up to limit.
func appendWords(words []string, seen map[string]bool, limit int, text string) []string {
	text = fold(text)
	for len(text) > 0 && len(seen) < limit {
		start := strings.IndexFunc(text, isInWord)
		if start < 0 {
			break
		}
		text = text[start:]
		end := wordLength(text)
		word := cut(text[:end])
		text = text[end:]
		// Marks that stand alone, as the selector beside an emoji, are no word.
		if !seen[word] && strings.IndexFunc(word, isNoMark) >= 0 {
			seen[word] = true
			words = append(words, word)
		}
	}
	return words
}

// wordLength is how many bytes the word has that text begins with.
func wordLength(text string) int {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			if end := strings.IndexFunc(text[i:], isBetweenWords); end >= 0 {
				return i + end
			}
			return len(text)
		}
		if !isInWord(rune(text[i])) {
			return i
		}
	}
	return len(text)
}

func isInWord(r rune) bool { return !isBetweenWords(r) }

func isBetweenWords(r rune) bool {
	if r < utf8.RuneSelf {
		return ('a' > r || r > 'z') && ('0' > r || r > '9')
	}
	return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co)
}

func isNoMark(r rune) bool { return r < utf8.RuneSelf || !unicode.Is(unicode.M, r) }

func cut(word string) string {
	if len(word) <= MaxWordLength {
		return word
	}
	n := 0
	for i := range word {
		if n == MaxWordLength {
			return word[:i]
		}
		n++
	}
	return word
}

// fold makes texts equal that differ in case, in accents (U+0300 to U+036F) or
// in compatible forms of a character, such as full width. Marks of other
// scripts stay: there they are letters.
func fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	text = strings.ToValidUTF8(text, " ") // norm leaves alone what stands behind a stray byte
	plain := strings.Map(func(r rune) rune {
		if '\u0300' <= r && r <= '\u036f' {
			return -1
		}
		return r
	}, strings.ToLower(cases.Fold().String(norm.NFKD.String(text)))) // ToLower: Fold makes some Cherokee letters large
	return norm.NFKC.String(plain)
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
