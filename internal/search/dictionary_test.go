package search_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"personae.dev/internal/search"
)

// TestDictionary: words are told apart at every length, whatever stands behind
// them, also after Reset and when there are more than before.
func TestDictionary(t *testing.T) {
	t.Parallel()
	var words []string
	for length := range 40 {
		for _, last := range []string{"a", "b", "\x00"} {
			words = append(words, strings.Repeat("x", length)+last)
		}
	}
	for i := range 3000 {
		words = append(words, strconv.Itoa(i), "a longer word, by its end "+strconv.Itoa(i))
	}
	words = append(words, "")
	d := new(search.Dictionary)
	for _, count := range []int{100, len(words), 10, len(words)} {
		d.Reset()
		for _, room := range []string{"", "some room behind it"} {
			for want, word := range words[:count] {
				text := slices.Clip([]byte(word + room))[:len(word)]
				if got := d.Number(text); got != want || string(d.Word(got)) != word {
					t.Fatalf("%q has the number %d, want %d", word, got, want)
				}
			}
		}
		if d.Len() != count {
			t.Errorf("there are %d words, want %d", d.Len(), count)
		}
	}
}
