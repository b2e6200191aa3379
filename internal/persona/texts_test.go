package persona_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": nil, " \t": nil, "\U0001f600!*": nil, "\u2764\ufe0f": nil, "\u0301": nil, // marks alone are no word
		"C++ dev": {"c", "dev"}, "a a A": {"a"}, `"x" OR NEAR(y)`: {"x", "or", "near", "y"}, "o'clock": {"o", "clock"},
		"हिन्दी": {"हिन्दी"}, "北京 2": {"北京", "2"}, "a_b-c.d": {"a", "b", "c", "d"}, "x\xffy": {"x", "y"},
		// Accents, case, width and ligatures.
		"e\u0301tude Étude": {"etude"}, "STRASSE Straße": {"strasse"}, "ΣΊΣΥΦΟΣ σίσυφος": {"σισυφοσ"}, "Йод": {"иод"}, "İstanbul": {"istanbul"},
		"ＶＰ ﬁt H²": {"vp", "fit", "h2"}, "가각": {"가각"}, "が": {"が"},
		// Cut to 32 characters.
		strings.Repeat("x", 32): {strings.Repeat("x", 32)}, strings.Repeat("y", 33): {strings.Repeat("y", 32)}, strings.Repeat("京", 40): {strings.Repeat("京", 32)},
	} {
		if diff := cmp.Diff(want, persona.Words(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, text := range []string{"", "VP of Sales", `"a" AND b*`, "e\u0301 \u0301", "\u2764\ufe0f", "हिन्दी", "\xff\x00", "a\U0001f600b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := persona.Words(text)
		seen := map[string]bool{}
		for _, word := range words {
			if word == "" || seen[word] || utf8.RuneCountInString(word) > persona.MaxWordLength || !utf8.ValidString(word) {
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
		if again := persona.Words(strings.Join(words, " ")); !slices.Equal(words, again) {
			t.Errorf("the words of %q are %q", words, again)
		}
	})
}

func TestIndexedWords(t *testing.T) {
	t.Parallel()
	p := &persona.Persona{
		Name: "VP Sales", InternalName: new("Sally"), Description: new("Sells to sales."), CommonJobTitles: []string{"Head of Sales", "VP"},
		PainPoints: []string{"head", "churn"}, CustomFields: []persona.CustomField{{Title: "Size", Value: []string{"large churn"}}},
		QualifyingQuestions: []persona.QualifyingQuestion{{Question: "Hidden?"}},
	}
	want := persona.IndexedWords{
		Name:   []string{"vp", "sales", "sally"},
		Titles: []string{"head", "of"},
		Rest:   []string{"sells", "to", "churn", "size", "large"},
	}
	if diff := cmp.Diff(want, p.IndexedWords()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	words := make([]string, persona.MaxIndexedWords+1)
	for i := range words {
		words[i] = strconv.Itoa(i)
	}
	p = &persona.Persona{Name: "x", PainPoints: words}
	if got := p.IndexedWords(); len(got.Name) != 1 || len(got.Rest) != persona.MaxIndexedWords-1 {
		t.Errorf("%d and %d words are indexed, want %d in all", len(got.Name), len(got.Rest), persona.MaxIndexedWords)
	}
}

func TestValidateLinks(t *testing.T) {
	t.Parallel()
	ids := func(n int) (list []string) {
		for i := range n {
			list = append(list, strconv.Itoa(i))
		}
		return list
	}
	specific := func(oIDs ...string) persona.Links {
		return persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: oIDs}
	}
	const offerings, tooMany = "linkingStrategy.offeringOIds", "has 1001 items, and 1000 are allowed"
	for _, test := range []struct {
		name  string
		links persona.Links
		want  []string
	}{
		{"None", persona.Links{}, nil},
		{"All", persona.Links{Offerings: persona.OfferingsAll, PrimaryOfferingOID: new("x")}, nil},
		{"Most", persona.Links{Offerings: persona.OfferingsSpecific, OfferingOIDs: ids(persona.MaxLinks), PlaybookOIDs: ids(persona.MaxLinks)}, nil},
		{"TooManyOfferings", specific(ids(persona.MaxLinks + 1)...), []string{offerings + ": " + tooMany}},
		{"TooManyPlaybooks", persona.Links{PlaybookOIDs: ids(persona.MaxLinks + 1)}, []string{"playbookOIds: " + tooMany}},
		{"LongestIDs", persona.Links{PrimaryOfferingOID: new(strings.Repeat("é", 255)), PlaybookOIDs: []string{strings.Repeat("é", 255)}}, nil},
		{"TooLongIDs", persona.Links{PrimaryOfferingOID: new(strings.Repeat("é", 256)), PlaybookOIDs: []string{"x", strings.Repeat("é", 256)}}, []string{
			"primaryOfferingOId: has 256 characters, and 255 are allowed", "playbookOIds[1]: has 256 characters, and 255 are allowed",
		}},
		{"EmptyIDs", persona.Links{PrimaryOfferingOID: new(""), Offerings: persona.OfferingsSpecific, OfferingOIDs: []string{""}}, []string{
			"primaryOfferingOId: must not be empty", offerings + "[0]: must not be empty",
		}},
		{"Twice", specific("a", "b", "a"), []string{offerings + "[2]: occurs twice: keep one"}},
		{"SpecificWithoutOfferings", specific(), []string{offerings + ": must name an offering where mode is SPECIFIC"}},
		{"AllWithOfferings", persona.Links{Offerings: persona.OfferingsAll, OfferingOIDs: []string{"a"}}, []string{offerings + ": must be left out, or null, where mode is ALL"}},
		{"OfferingsWithoutMode", persona.Links{OfferingOIDs: []string{"a"}}, []string{"linkingStrategy.mode: is missing: use SPECIFIC for offerings by name"}},
		{"UnknownMode", persona.Links{Offerings: "all"}, []string{`linkingStrategy.mode: is "all": use ALL or SPECIFIC`}},
	} {
		p := valid()
		p.Links = test.links
		var got []string
		for _, fault := range p.Validate() {
			got = append(got, fault.String())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestValidateQuestionIDs(t *testing.T) {
	t.Parallel()
	p := valid()
	for _, oID := range []string{"", "a", "", "b", "a", strings.Repeat("x", 256), "nul\x00"} {
		q := question()
		q.OID = oID
		p.QualifyingQuestions = append(p.QualifyingQuestions, q)
	}
	var got []string
	for _, fault := range p.Validate() {
		got = append(got, fault.Field)
	}
	want := []string{"qualifyingQuestions[4].oId", "qualifyingQuestions[5].oId", "qualifyingQuestions[6].oId"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields at fault (-want +got):\n%s", diff)
	}
}
