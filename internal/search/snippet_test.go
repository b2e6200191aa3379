package search_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"personae.dev/internal/search"
)

func TestSnippet(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 100)
	for _, test := range []struct {
		name, text, query, want string
		found                   int
	}{
		{"the beginnings of words", "VP of Sales, salesperson; resale", "sales vp", "**VP** of **Sales**, **salesperson**; resale", 2},
		{"case and accents do not count", "Das Café\nmit ＦＵＬＬ", "CAFE full", "Das **Café** mit **ＦＵＬＬ**", 2},
		{"no word", "Nothing here", "sales", "Nothing here", 0},
		{"an empty text", "", "sales", "", 0},
		{"the place with most words", long + "alpha " + long + "alpha beta end", "alpha beta", "… word word word word word word word **alpha** **beta** end", 2},
	} {
		snippet, found := search.Snippet(test.text, search.Words(test.query))
		if snippet != test.want || found != test.found {
			t.Errorf("%s: %q, %d; want %q, %d", test.name, snippet, found, test.want, test.found)
		}
	}
}

// TestSnippetProperty shows that a snippet is short valid text, whatever it is of.
func TestSnippetProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab ßﬁé日，\u0301½")), 0, 400, -1).Draw(t, "text")
		query := rapid.StringN(0, 10, -1).Draw(t, "query") + "a"
		snippet, found := search.Snippet(text, search.Words(query))
		marks := strings.Count(snippet, "**")
		if !utf8.ValidString(snippet) || marks%2 != 0 || (found > 0) != (marks > 0) || found > len(search.Words(query)) {
			t.Fatalf("%q, %d", snippet, found)
		}
	})
}
