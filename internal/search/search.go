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
}

// Cut cuts p into the words that search finds it by, column by column, each
// once. They are numbered from 0; ends tells where each column ends.
func (c *Cutter) Cut(p *persona.Persona) (ends [Columns]int) {
	c.seen.Reset()
	c.add(p.Name)
	if p.InternalName != nil {
		c.add(*p.InternalName)
	}
	ends[Names] = c.cut(MaxIndexedWords)
	c.add(p.CommonJobTitles...)
	ends[Titles] = c.cut(MaxIndexedWords)
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
	ends[Rest] = c.cut(MaxIndexedWords)
	return ends
}

// Word returns a word that Cut found, which is valid until the next time.
func (c *Cutter) Word(number int) []byte { return c.seen.Word(number) }

// Size is how many bytes all the words have that Cut found.
func (c *Cutter) Size() int { return len(c.seen.text) }

// WordsOf returns the words that search finds p by.
func WordsOf(p *persona.Persona) Indexed {
	c := new(Cutter)
	ends := c.Cut(p)
	return Indexed{Name: c.words(0, ends[Names]), Titles: c.words(ends[Names], ends[Titles]), Rest: c.words(ends[Titles], ends[Rest])}
}

// Words divides a text as search does, and folds case, accents and width:
// letters, digits and their marks belong to words, all else stands between
// them. Each word occurs once, and is cut to MaxWordLength.
func Words(text string) []string {
	c := new(Cutter)
	c.add(text)
	return c.words(0, c.cut(math.MaxInt))
}

func (c *Cutter) words(from, to int) (words []string) {
	for number := from; number < to; number++ {
		words = append(words, string(c.Word(number)))
	}
	return words
}

// add adds texts to what is cut next.
func (c *Cutter) add(texts ...string) {
	for _, text := range texts {
		c.text = append(append(c.text, text...), ' ')
	}
}

// cut finds the words of what was added that were not seen yet, up to limit in
// all, and returns how many there are then.
func (c *Cutter) cut(limit int) int {
	isASCII := c.foldASCII()
	text := c.text
	c.text = c.text[:0]
	start, last, passed := -1, uint64(0), -1
	for i, inWord := range c.inWord {
		edges := inWord ^ (inWord<<1 | last) // where words begin and end
		last = inWord >> 63
		for ; edges != 0; edges &= edges - 1 {
			at := i*blockSize + bits.TrailingZeros64(edges)
			if at <= passed {
				continue
			}
			if start < 0 {
				start = at
				continue
			}
			word := text[start:at]
			start = -1
			switch {
			case c.seen.Len() >= limit:
				return c.seen.Len()
			case isASCII || !hasOther(word):
				c.seen.Number(word[:min(len(word), MaxWordLength)])
			default:
				passed = at + others(text[at:])
				c.cutFolded(fold(string(text[at-len(word):passed])), limit)
			}
		}
	}
	return c.seen.Len()
}

// cutFolded is cut for a text that fold gave.
func (c *Cutter) cutFolded(text string, limit int) {
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
			c.seen.Number([]byte(word))
		}
	}
}

// wordLength is how many bytes the word has that text begins with.
func wordLength(text string) int {
	if end := strings.IndexFunc(text, isBetweenWords); end >= 0 {
		return end
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
