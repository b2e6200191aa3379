package search_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

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

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "VP of Sales": "vp of sales", "Élan Vital": "elan vital", "ＶＰ": "vp", "Straße": "strasse",
		"a\xffb": "a b", "İ": "i", "Ꭰ ꭰ": "ꭰ ꭰ", "が": "が",
	} {
		if got := search.Fold(text); got != want {
			t.Errorf("Fold(%q) is %q, want %q", text, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("VP of Sales")
	f.Add("Ｅ\u0301 ﬁ Ꭰ\xff")
	f.Fuzz(func(t *testing.T, text string) {
		folded := search.Fold(text)
		if !utf8.ValidString(folded) {
			t.Errorf("Fold(%q) is %q, which is not valid UTF-8", text, folded)
		}
		if again := search.Fold(folded); again != folded {
			t.Errorf("Fold(%q) is %q, and folded again %q", text, folded, again)
		}
	})
}

func TestExact(t *testing.T) {
	t.Parallel()
	vp := search.Exact("VP of Sales")
	if len(vp) != 20 || strings.Trim(vp, "0123456789abcdef") != "" {
		t.Errorf("the term is %q", vp)
	}
	for _, same := range []string{" vp  of\tSALES\n", "ＶＰ of Sáles"} {
		if got := search.Exact(same); got != vp {
			t.Errorf("Exact(%q) differs", same)
		}
	}
	for _, other := range []string{"VP Sales", "VP of Sales.", "of VP Sales"} {
		if got := search.Exact(other); got == vp || got == "" {
			t.Errorf("Exact(%q) is %q", other, got)
		}
	}
	for _, none := range []string{"", " ", "++", "\u2764\ufe0f"} {
		if got := search.Exact(none); got != "" {
			t.Errorf("Exact(%q) is %q, want none", none, got)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	t.Run("each word once in its best tier", func(t *testing.T) {
		t.Parallel()
		got := search.Cut(search.Texts{
			Whole:  []string{"VP Sales", "vp sales", "Head of Sales", "!"},
			Names:  []string{"VP Sales", "Sally"},
			Titles: []string{"Head of Sales", "VP"},
			Rest:   []string{"Sells to sales.", "head", "churn", "Size", "large churn"},
		})
		want := search.Doc{
			Exact:  []string{search.Exact("VP Sales"), search.Exact("Head of Sales")},
			Names:  []string{"vp", "sales", "sally"},
			Titles: []string{"head", "of"},
			Rest:   []string{"sells", "to", "churn", "size", "large"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("a limit of words", func(t *testing.T) {
		t.Parallel()
		words := make([]string, search.MaxIndexedWords+1)
		for i := range words {
			words[i] = strconv.Itoa(i)
		}
		got := search.Cut(search.Texts{Names: []string{"x"}, Rest: words})
		if len(got.Names) != 1 || len(got.Rest) != search.MaxIndexedWords-1 {
			t.Errorf("%d and %d words, want %d in all", len(got.Names), len(got.Rest), search.MaxIndexedWords)
		}
	})
}

func BenchmarkCut(b *testing.B) {
	text := strings.Repeat("Owns the number for new business, and answers for how the team gets there. ", 60)
	for range b.N {
		search.Cut(search.Texts{Whole: []string{"VP of Sales"}, Names: []string{"VP of Sales"}, Rest: []string{text}})
	}
}
