package library_test

import (
	"fmt"
	"strings"
	"testing"

	"personae.dev/internal/library"
	"personae.dev/internal/persona"
)

// What is just allowed of a list is answered, and one more is a fault.
func TestListLimits(t *testing.T) {
	t.Parallel()
	f := setupWriting(t)
	var words []string
	for i := range library.MaxSearchWords + 1 {
		words = append(words, fmt.Sprintf("w%d", i))
	}
	all := strings.Join(words, " ")
	most, _ := strings.CutSuffix(all, " "+words[library.MaxSearchWords])
	for name, test := range map[string]struct {
		limit int
		text  string
		fault string
	}{
		"Most":          {library.MaxLimit, most, ""},
		"SameWordTwice": {library.MaxLimit, most + " " + words[0], ""},
		"TooManyWords":  {1, all, "text: has 65 different words, and 64 are allowed"},
		"TooMany":       {library.MaxLimit + 1, "", "limit: is 1001: use 1 to 1000"},
		"None":          {0, "", "limit: is 0: use 1 to 1000"},
	} {
		_, err := f.ListPersonas(t.Context(), f.caller, library.ListRequest{Text: test.text, Query: persona.Query{Limit: test.limit, Order: persona.ByRank}})
		if test.fault == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if domain := wantCode(t, name, err, persona.Invalid, persona.CodeInvalidRequest); len(domain.Fields) != 1 || domain.Fields[0].String() != test.fault {
			t.Errorf("%s: %v, want %s", name, domain.Fields, test.fault)
		}
	}
}
