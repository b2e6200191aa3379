// Package search says what a word is, and by which words an entity is found.
// Where words are kept stands in package store. It imports nothing of ours.
package search

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Version is raised whenever a change makes other words of the same text.
const Version = 1

// Limits of what search keeps of an entity.
const (
	// MaxWordLength is how many characters of a word count.
	MaxWordLength = 32
	// MaxIndexedWords is how many different words of an entity are found, those
	// of names and job titles first.
	MaxIndexedWords = 5000
)

// Texts are the texts of an entity by the tier in which their words count.
// Whole are those that also count as a whole: names and job titles.
type Texts struct {
	Whole, Names, Titles, Rest []string
}

// Doc is what search finds an entity by: each word once, in its best tier, and
// the terms of whole names and titles.
type Doc struct {
	Exact, Names, Titles, Rest []string
}

// Cut returns what an entity with these texts is found by.
func Cut(t Texts) Doc {
	var doc Doc
	seen := map[string]bool{}
	for _, text := range t.Whole {
		if term := Exact(text); term != "" && !seen[term] {
			seen[term] = true
			doc.Exact = append(doc.Exact, term)
		}
	}
	c := cutter{seen: map[string]bool{}, limit: MaxIndexedWords}
	doc.Names = c.cut(t.Names)
	doc.Titles = c.cut(t.Titles)
	doc.Rest = c.cut(t.Rest)
	return doc
}

// Words returns the different words of a text, in order, folded and cut to
// MaxWordLength. Letters, digits and their marks belong to words; all else
// separates them. How many words a query may have is the caller's rule.
func Words(text string) []string {
	c := cutter{seen: map[string]bool{}, limit: math.MaxInt}
	return c.cut([]string{text})
}

// Exact returns the term by which a whole text is found: the same for texts that
// differ only as Fold ignores, or in white space. It consists of lower-case
// letters and digits, and is "" for a text without a word.
func Exact(text string) string {
	fields := strings.Fields(Fold(text))
	if !strings.ContainsFunc(text, isInWord) {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(fields, " ")))
	return hex.EncodeToString(sum[:exactBytes])
}

// exactBytes is how many bytes of the digest are kept: a collision changes the
// order of a search, and nothing else.
const exactBytes = 10

// Fold makes texts equal that differ in case, in accents (U+0300 to U+036F) or
// in compatible forms of a character, such as full width. Marks of other
// scripts stay: there they are letters.
func Fold(text string) string {
	if isASCII(text) {
		return strings.ToLower(text)
	}
	text = strings.ToValidUTF8(text, " ") // norm stops at an invalid byte
	plain := strings.Map(func(r rune) rune {
		if '\u0300' <= r && r <= '\u036f' {
			return -1
		}
		return r
	}, strings.ToLower(cases.Fold().String(norm.NFKD.String(text)))) // ToLower: Fold makes some Cherokee letters upper case
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

// cutter cuts texts into the words that it has not seen yet, limit in all.
type cutter struct {
	seen  map[string]bool
	limit int
}

func (c *cutter) cut(texts []string) (words []string) {
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(Fold(text), isBetweenWords) {
			word = shorten(word)
			// Marks alone, such as the selector beside an emoji, are no word.
			if c.seen[word] || !strings.ContainsFunc(word, isNoMark) {
				continue
			}
			if len(c.seen) == c.limit {
				return words
			}
			c.seen[word] = true
			words = append(words, word)
		}
	}
	return words
}

func isInWord(r rune) bool { return !isBetweenWords(r) && isNoMark(r) }

func isBetweenWords(r rune) bool {
	if r < utf8.RuneSelf {
		return ('a' > r || r > 'z') && ('0' > r || r > '9') && ('A' > r || r > 'Z')
	}
	return !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co)
}

func isNoMark(r rune) bool { return r < utf8.RuneSelf || !unicode.Is(unicode.M, r) }

// shorten cuts a word to MaxWordLength characters.
func shorten(word string) string {
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
