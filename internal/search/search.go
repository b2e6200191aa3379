// Package search says what a word is, for those who write down the words of a
// persona and those who look for them. Where the words are kept stands in
// store/segments and store/fts.
package search

import (
	"math"
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

// Indexed are the words that search finds a persona by. Each stands once,
// at the best place where it occurs.
type Indexed struct {
	// Name has those of name and internal name, Titles those of the job titles,
	// and Rest those of all other texts. Qualifying questions are not searched.
	Name, Titles, Rest []string
}

// Column is a part of Indexed.
type Column int

// The columns.
const (
	Names Column = iota
	Titles
	Rest
	Columns // how many there are
)

// Cutter cuts one persona after the other into words. What it works with it
// keeps from one to the next; it is not for concurrent use.
type Cutter struct {
	seen Dictionary
	word [utf8.UTFMax * MaxWordLength]byte
}

// Each calls found with the words that search finds p by, column by column,
// each once. A word is valid during the call.
func (c *Cutter) Each(p *persona.Persona, found func(in Column, word []byte)) {
	c.seen.Reset()
	c.cut(p.Name, Names, MaxIndexedWords, found)
	if p.InternalName != nil {
		c.cut(*p.InternalName, Names, MaxIndexedWords, found)
	}
	c.cutAll(p.CommonJobTitles, Titles, found)
	if p.Description != nil {
		c.cut(*p.Description, Rest, MaxIndexedWords, found)
	}
	for _, list := range p.Lists() {
		c.cutAll(*list.Items, Rest, found) // job titles are there already
	}
	for _, field := range p.CustomFields {
		c.cut(field.Title, Rest, MaxIndexedWords, found)
		c.cutAll(field.Value, Rest, found)
	}
}

// WordsOf returns the words that search finds p by.
func WordsOf(p *persona.Persona) Indexed {
	var indexed Indexed
	columns := [Columns]*[]string{&indexed.Name, &indexed.Titles, &indexed.Rest}
	new(Cutter).Each(p, func(in Column, word []byte) { *columns[in] = append(*columns[in], string(word)) })
	return indexed
}

// Words divides a text as search does, and folds case, accents and width:
// letters, digits and their marks belong to words, all else stands between
// them. Each word occurs once, and is cut to MaxWordLength.
func Words(text string) (words []string) {
	new(Cutter).cut(text, Rest, math.MaxInt, func(_ Column, word []byte) { words = append(words, string(word)) })
	return words
}

func (c *Cutter) cutAll(texts []string, in Column, found func(Column, []byte)) {
	for _, text := range texts {
		c.cut(text, in, MaxIndexedWords, found)
	}
}

// cut finds the words of text that were not seen yet, up to limit in all.
func (c *Cutter) cut(text string, in Column, limit int, found func(Column, []byte)) {
	n := 0 // how long the word is
	for i := range len(text) {
		folded := foldedASCII[text[i]]
		if folded > between {
			if n < MaxWordLength {
				c.word[n] = folded
				n++
			}
			continue
		}
		if folded == notASCII {
			// A mark may belong to the letter before it, so from the beginning: the
			// words that were found are passed over.
			c.cutFolded(fold(text), in, limit, found)
			return
		}
		if n > 0 {
			c.note(c.word[:n], in, limit, found)
			n = 0
		}
	}
	if n > 0 {
		c.note(c.word[:n], in, limit, found)
	}
}

// foldedASCII is what each byte is in a word, or that it stands between words.
var foldedASCII = func() (table [256]byte) { //nolint:gochecknoglobals // never changed
	for c := range table {
		switch {
		case c >= utf8.RuneSelf:
			table[c] = notASCII
		case 'A' <= c && c <= 'Z':
			table[c] = byte(c) - 'A' + 'a'
		case !isBetweenWords(rune(c)):
			table[c] = byte(c)
		}
	}
	return table
}()

// Those of foldedASCII that are no letters or digits; between is the greatest.
const (
	_ = iota // what stands between words
	notASCII
	between = notASCII
)

// note tells of a word that was not seen yet.
func (c *Cutter) note(word []byte, in Column, limit int, found func(Column, []byte)) {
	if c.seen.Len() >= limit {
		return
	}
	if _, added := c.seen.Number(word); added {
		found(in, word)
	}
}

// cutFolded is cut for a text that fold gave.
func (c *Cutter) cutFolded(text string, in Column, limit int, found func(Column, []byte)) {
	for len(text) > 0 && c.seen.Len() < limit {
		start := strings.IndexFunc(text, isInWord)
		if start < 0 {
			break
		}
		text = text[start:]
		end := wordLength(text)
		word := cut(text[:end])
		text = text[end:]
		// Marks that stand alone, as the selector beside an emoji, are no word.
		if strings.IndexFunc(word, isNoMark) >= 0 {
			c.note(c.word[:copy(c.word[:], word)], in, limit, found)
		}
	}
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
