// Package search says what a word is, for those who write down the words of a
// persona and those who look for them. Where the words are kept stands in
// store/segments and store/fts.
package search

import (
	"math"
	"math/bits"
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
	seen   Dictionary
	text   []byte   // what is cut next
	inWord []uint64 // a bit for each byte of text
	word   [utf8.UTFMax * MaxWordLength]byte
}

// Each calls found with the words that search finds p by, column by column,
// each once. A word is valid during the call.
func (c *Cutter) Each(p *persona.Persona, found func(in Column, word []byte)) {
	c.seen.Reset()
	c.add(p.Name)
	if p.InternalName != nil {
		c.add(*p.InternalName)
	}
	c.cut(Names, MaxIndexedWords, found)
	c.add(p.CommonJobTitles...)
	c.cut(Titles, MaxIndexedWords, found)
	if p.Description != nil {
		c.add(*p.Description)
	}
	for _, list := range p.Lists() {
		if list.Items != &p.CommonJobTitles {
			c.add(*list.Items...)
		}
	}
	for _, field := range p.CustomFields {
		c.add(field.Title)
		c.add(field.Value...)
	}
	c.cut(Rest, MaxIndexedWords, found)
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
	c := new(Cutter)
	c.add(text)
	c.cut(Rest, math.MaxInt, func(_ Column, word []byte) { words = append(words, string(word)) })
	return words
}

// add adds texts to what is cut next.
func (c *Cutter) add(texts ...string) {
	for _, text := range texts {
		c.text = append(append(c.text, text...), ' ')
	}
}

// cut finds the words of what was added that were not seen yet, up to limit in
// all.
func (c *Cutter) cut(in Column, limit int, found func(Column, []byte)) {
	isASCII := c.foldASCII()
	start, last := -1, uint64(0)
	for i, inWord := range c.inWord {
		edges := inWord ^ (inWord<<1 | last) // where words begin and end
		last = inWord >> 63
		for ; edges != 0; edges &= edges - 1 {
			at := i*blockSize + bits.TrailingZeros64(edges)
			if start < 0 {
				start = at
				continue
			}
			word := c.text[start:at]
			start = -1
			switch {
			case isASCII || !hasOther(word):
				c.note(word[:min(len(word), MaxWordLength)], in, limit, found)
			default:
				c.cutFolded(fold(string(word)), in, limit, found)
			}
		}
	}
	c.text = c.text[:0]
}

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
	text = strings.ToValidUTF8(text, " ") // norm leaves alone what stands behind a stray byte
	plain := strings.Map(func(r rune) rune {
		if '\u0300' <= r && r <= '\u036f' {
			return -1
		}
		return r
	}, strings.ToLower(cases.Fold().String(norm.NFKD.String(text)))) // ToLower: Fold makes some Cherokee letters large
	return norm.NFKC.String(plain)
}
