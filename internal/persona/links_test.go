package persona_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"personae.dev/internal/persona"
)

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
