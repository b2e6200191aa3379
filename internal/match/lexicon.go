package match

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed data/words.txt data/levels.txt data/functions.txt data/related.txt data/neutral.txt data/occupations.txt.gz
var files embed.FS

// A lexicon is what words of titles mean. Its keys are words in their singular,
// joined by spaces.
type lexicon struct {
	// english has the plain English of abbreviations and foreign phrases.
	english map[string][]string
	// prefixes are words that begin a German compound.
	prefixes map[string][]string
	// meanings has the levels, functions and neutral words of plain English.
	meanings map[string]meaning
	// longest is how many words the longest phrase has that begins with a word:
	// in english, and in meanings.
	longestEnglish, longestMeaning map[string]int
	functions                      []function
	// related is how much of a match one function is for another.
	related map[[2]int16]float32
	// words are all that occur in the above.
	words map[string]bool
}

// A function is what a role is about.
type function struct {
	id, name string
	// wide: two roles that are about it may be quite different.
	wide bool
}

// noFunction is the index of no function.
const noFunction = int16(-1)

// A meaning is what a phrase of plain English says about a role.
type meaning struct {
	phrase   string
	function int16 // or noFunction
	level    level // or unknownLevel
	neutral  bool
	// profession: this is the function, wherever it stands in the title.
	profession bool
	// domain: where it stands last, it only says for what the role is.
	domain bool
	// yields: this is the function only where there is no other.
	yields bool
	// quiet: its level does not count where there is another function.
	quiet bool
}

// A level is a range on the scale of data/levels.txt.
type level struct{ low, high int8 }

// unknownLevel is that of what says none.
var unknownLevel = level{-1, -1} //nolint:gochecknoglobals // never changed: Go has no constants of this type

func (l level) known() bool { return l.low >= 0 }

func (l level) middle() float32 { return (float32(l.low) + float32(l.high)) / 2 }

// loadLexicon reads the embedded files. They are ours: a mistake in them is a
// bug, which tests find.
func loadLexicon() (*lexicon, error) {
	x := &lexicon{
		english: map[string][]string{}, prefixes: map[string][]string{}, meanings: map[string]meaning{},
		longestEnglish: map[string]int{}, longestMeaning: map[string]int{},
		related: map[[2]int16]float32{}, words: map[string]bool{},
	}
	for _, read := range []struct {
		file string
		line func(string) error
	}{
		{"words", x.readWords}, {"levels", x.readLevel}, {"functions", x.readFunction}, {"related", x.readRelated}, {"neutral", x.readNeutral},
	} {
		text, err := files.ReadFile("data/" + read.file + ".txt")
		if err != nil {
			return nil, err
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if err := read.line(line); err != nil {
				return nil, fmt.Errorf("data/%s.txt:%d: %w", read.file, n, err)
			}
		}
	}
	return x, nil
}

// key folds a phrase of a data file.
func key(phrase string) []string {
	tokens := tokenize(phrase)
	words := make([]string, len(tokens))
	for i, t := range tokens {
		words[i] = singular(t.text)
	}
	return words
}

// umlauts spells German umlauts with two letters.
//
//nolint:gochecknoglobals // never changed: Go has no constants of this type
var umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "Ä", "Ae", "Ö", "Oe", "Ü", "Ue")

// readWords reads "English: phrase, phrase".
func (x *lexicon) readWords(line string) error {
	left, right, ok := strings.Cut(line, ": ")
	if !ok {
		return fmt.Errorf("want English: phrase, …")
	}
	english := key(left)
	// The English stays as it is: the "vice" of a vice president is no deputy.
	if err := x.addEnglish(english, english); err != nil {
		return err
	}
	for phrase := range strings.SplitSeq(right, ", ") {
		prefix, only := strings.CutSuffix(phrase, "-")
		for _, p := range []string{prefix, umlauts.Replace(prefix)} {
			words := key(p)
			if len(words) == 1 {
				x.prefixes[words[0]] = english
			}
			if only {
				continue
			}
			if err := x.addEnglish(words, english); err != nil {
				return err
			}
		}
	}
	return nil
}

// addEnglish notes what the words of a phrase are in plain English.
func (x *lexicon) addEnglish(words, english []string) error {
	phrase := strings.Join(words, " ")
	if old, ok := x.english[phrase]; ok && !slices.Equal(old, english) {
		return fmt.Errorf("%q is %q and %q", phrase, strings.Join(old, " "), strings.Join(english, " "))
	}
	x.english[phrase] = english
	x.longestEnglish[words[0]] = max(x.longestEnglish[words[0]], len(words))
	for _, w := range words {
		x.words[w] = true
	}
	return nil
}

// add notes the meaning of a phrase of plain English.
func (x *lexicon) add(phrase string, m meaning) error {
	words := key(phrase)
	if len(words) == 0 {
		return fmt.Errorf("empty phrase")
	}
	joined := strings.Join(words, " ")
	m.phrase = phrase
	if old, ok := x.meanings[joined]; ok {
		if m.phrase = old.phrase; old != m {
			return fmt.Errorf("%q has two meanings", phrase)
		}
	}
	x.meanings[joined] = m
	x.longestMeaning[words[0]] = max(x.longestMeaning[words[0]], len(words))
	for _, w := range words {
		x.words[w] = true
	}
	return nil
}

// readLevel reads "level: phrase, phrase".
func (x *lexicon) readLevel(line string) error {
	left, right, ok := strings.Cut(line, ": ")
	l, err := parseLevel(left)
	if !ok || err != nil {
		return fmt.Errorf("want level: phrase, …")
	}
	for phrase := range strings.SplitSeq(right, ", ") {
		if err := x.add(phrase, meaning{function: noFunction, level: l}); err != nil {
			return err
		}
	}
	return nil
}

// parseLevel reads "28" and "28-40".
func parseLevel(s string) (level, error) {
	low, high, isRange := strings.Cut(s, "-")
	a, err := strconv.ParseInt(low, 10, 8)
	if err != nil || !isRange {
		return level{int8(a), int8(a)}, err
	}
	b, err := strconv.ParseInt(high, 10, 8)
	return level{int8(a), int8(b)}, err
}

// readFunction reads "id = Name: phrase, phrase".
func (x *lexicon) readFunction(line string) error {
	left, right, ok := strings.Cut(line, ": ")
	id, name, named := strings.Cut(left, " = ")
	if !ok || !named {
		return fmt.Errorf("want id = Name: phrase, …")
	}
	id, domain := strings.CutSuffix(id, "%")
	id, wide := strings.CutSuffix(id, "*")
	x.functions = append(x.functions, function{id, name, wide})
	for phrase := range strings.SplitSeq(right, ", ") {
		m := meaning{function: int16(len(x.functions) - 1), level: unknownLevel, domain: domain}
		if at := strings.IndexByte(phrase, '@'); at >= 0 {
			l, err := parseLevel(phrase[at+1:])
			if err != nil {
				return err
			}
			m.level, phrase = l, phrase[:at]
		}
		phrase, m.profession = strings.CutPrefix(phrase, "!")
		phrase, m.yields = strings.CutPrefix(phrase, "?")
		phrase, m.quiet = strings.CutPrefix(phrase, "?")
		if err := x.add(phrase, m); err != nil {
			return err
		}
	}
	return nil
}

// readRelated reads "id id share".
func (x *lexicon) readRelated(line string) error {
	f := strings.Fields(line)
	if len(f) != 3 {
		return fmt.Errorf("want id id share")
	}
	a, b := x.function(f[0]), x.function(f[1])
	share, err := strconv.ParseFloat(f[2], 32)
	if err != nil || a < 0 || b < 0 {
		return fmt.Errorf("want two ids of functions and a share")
	}
	x.related[[2]int16{a, b}] = float32(share)
	return nil
}

// function returns the index of a function.
func (x *lexicon) function(id string) int16 {
	for i, f := range x.functions {
		if f.id == id {
			return int16(i)
		}
	}
	return noFunction
}

// readNeutral reads words that do not change a role.
func (x *lexicon) readNeutral(line string) error {
	for phrase := range strings.SplitSeq(line, ", ") {
		if _, ok := x.meanings[strings.Join(key(phrase), " ")]; ok {
			continue // it means more
		}
		if err := x.add(phrase, meaning{function: noFunction, level: unknownLevel, neutral: true}); err != nil {
			return err
		}
	}
	return nil
}

// relation is how much of a match function b is for function a, from 0 to 1.
func (x *lexicon) relation(a, b int16) float32 {
	if a == b {
		return 1
	}
	return x.related[[2]int16{a, b}]
}
