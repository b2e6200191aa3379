package search

import (
	"slices"
	"strings"
	"testing"
)

// FuzzCut: words are what stands in the text once it is folded as a whole.
func FuzzCut(f *testing.F) {
	for _, text := range []string{
		"", "VP of Sales, 2nd", "don\u2019t \u2014 Étude", "e\u0301 \u0301x =\u0338 a\u0338", "\u212bx\u1e9b\u0323 \u3099\u304b\u3099", "\xff\x00a\xc3", "a\u0345\u03b1 \u1100\u1161\u11a8",
		strings.Repeat("x", 70) + " " + strings.Repeat("abcdefgh", 2) + " abcdefgh abcdefghi abcdefghijklmnopq abcdefghijklmnopr",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want []string
		for _, word := range strings.FieldsFunc(fold(text), isBetweenWords) {
			if word = cut(word); strings.ContainsFunc(word, isNoMark) && !slices.Contains(want, word) {
				want = append(want, word)
			}
		}
		if got := Words(text); !slices.Equal(got, want) {
			t.Errorf("the words of %q are %q, want %q", text, got, want)
		}
	})
}
