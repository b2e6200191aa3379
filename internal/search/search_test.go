package search_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
	"personae.dev/internal/search"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": nil, " \t": nil, "\U0001f600!*": nil, "\u2764\ufe0f": nil, "\u0301": nil, // marks alone are no word
		"C++ dev": {"c", "dev"}, "a a A": {"a"}, `"x" OR NEAR(y)`: {"x", "or", "near", "y"}, "o'clock": {"o", "clock"},
		"हिन्दी": {"हिन्दी"}, "北京 2": {"北京", "2"}, "a_b-c.d": {"a", "b", "c", "d"}, "x\xffy": {"x", "y"},
		// Accents, case, width and ligatures.
		"\ufdfa": {"صلى", "الله", "عليه", "وسلم"}, "e\u0301tude Étude": {"etude"}, "STRASSE Straße": {"strasse"}, "ΣΊΣΥΦΟΣ σίσυφος": {"σισυφοσ"}, "Йод": {"иод"}, "İstanbul": {"istanbul"},
		"ＶＰ ﬁt H²": {"vp", "fit", "h2"}, "가각": {"가각"}, "が": {"が"},
		// Cut to 32 characters.
		strings.Repeat("x", 32): {strings.Repeat("x", 32)}, strings.Repeat("y", 33): {strings.Repeat("y", 32)}, strings.Repeat("京", 40): {strings.Repeat("京", 32)},
	} {
		if diff := cmp.Diff(want, search.Words(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, text := range []string{"", "VP of Sales", `"a" AND b*`, "e\u0301 \u0301", "\u2764\ufe0f", "हिन्दी", "\xff\x00", "a\U0001f600b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := search.Words(text)
		seen := map[string]bool{}
		for _, word := range words {
			if word == "" || seen[word] || utf8.RuneCountInString(word) > search.MaxWordLength || !utf8.ValidString(word) {
				t.Errorf("%q has the word %q", text, word)
			}
			seen[word] = true
			letters := 0
			for _, r := range word {
				if !unicode.In(r, unicode.L, unicode.N, unicode.M, unicode.Co) {
					t.Errorf("the word %q has %q in it", word, r)
				}
				if !unicode.Is(unicode.M, r) {
					letters++
				}
			}
			if letters == 0 {
				t.Errorf("the word %q has marks only", word)
			}
		}
		if again := search.Words(strings.Join(words, " ")); !slices.Equal(words, again) {
			t.Errorf("the words of %q are %q", words, again)
		}
	})
}

func TestWordsOf(t *testing.T) {
	t.Parallel()
	p := &persona.Persona{
		Name: "VP Sales", InternalName: new("Sally"), Description: new("Sells to sales."), CommonJobTitles: []string{"Head of Sales", "VP"},
		PainPoints: []string{"head", "churn"}, CustomFields: []persona.CustomField{{Title: "Size", Value: []string{"large churn"}}},
		QualifyingQuestions: []persona.QualifyingQuestion{{Question: "Hidden?"}},
	}
	want := search.Indexed{
		Name:   []string{"vp", "sales", "sally"},
		Titles: []string{"head", "of"},
		Rest:   []string{"sells", "to", "churn", "size", "large"},
	}
	if diff := cmp.Diff(want, search.WordsOf(p)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	words := make([]string, search.MaxIndexedWords+1)
	for i := range words {
		words[i] = strconv.Itoa(i)
	}
	p = &persona.Persona{Name: "x", PainPoints: words}
	if got := search.WordsOf(p); len(got.Name) != 1 || len(got.Rest) != search.MaxIndexedWords-1 {
		t.Errorf("%d and %d words are indexed, want %d in all", len(got.Name), len(got.Rest), search.MaxIndexedWords)
	}
}
